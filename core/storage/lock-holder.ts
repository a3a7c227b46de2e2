// Who holds a LevelDB's lock, in words for a message. Only a help to the reader: where the system doesn't say, it is
// "another process". Nothing may be decided by it.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** 'this process', 'process 4711 (node run job.ts)' or 'another process'. @param message LevelDB's, of the failed open */
export function lockHolder(path: string, message = ''): string {
  if (/already held by process/.test(message)) return 'this process';
  const pid = lockingPid(join(path, 'LOCK'));
  if (pid === null) return 'another process';
  return `process ${pid}${commandOf(pid)}`;
}

/** Linux lists the holders of locks by inode: '1: POSIX ADVISORY WRITE 4711 fe:00:1234 0 EOF'. */
function lockingPid(file: string): number | null {
  try {
    const inode = `:${statSync(file).ino}`;
    for (const line of readFileSync('/proc/locks', 'utf8').split('\n')) {
      const [, , , , pid, place] = line.trim().split(/\s+/);
      if (place?.endsWith(inode) && Number(pid) > 0) return Number(pid);
    }
  } catch {
    // No such list on this system.
  }
  return null;
}

function commandOf(pid: number): string {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    return command === '' ? '' : ` (${command.length > 80 ? `${command.slice(0, 79)}…` : command})`;
  } catch {
    return '';
  }
}
