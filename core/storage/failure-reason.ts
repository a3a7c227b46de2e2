// Why files can't be used: in words that say what to do, and whether it is that they are damaged, which no waiting heals.
// Nobody else reads LevelDB's messages.
import { isFault } from '../kernel/fault.ts';
import { noFoldersCode } from './make-folder.ts';

/** LevelDB has found that what it reads is not what it wrote. */
export function isDamage(error: unknown): boolean {
  if (!isFault(error, 'STORAGE_FAILED')) return false;
  for (let at: unknown = error.cause; at instanceof Error; at = at.cause)
    if ((at as { code?: string }).code === 'LEVEL_CORRUPTION' || /corruption/i.test(at.message)) return true;
  return false;
}

/** @param code Node's or LevelDB's. LevelDB says what the system said, in English at the end of its message. */
export function failureReason(code: string | undefined, message: string): string {
  const says = (pattern: RegExp, ...codes: string[]) => pattern.test(message) || codes.includes(code ?? '');
  if (says(/permission denied|operation not permitted/i, 'EACCES', 'EPERM'))
    return 'this user may not read and write it; give it the right or choose another folder';
  if (says(/read-only file system/i, 'EROFS')) return 'its file system is read-only; choose another folder';
  if (says(/no space left|quota exceeded/i, 'ENOSPC', 'EDQUOT')) return 'the disk is full; make space and start again';
  if (says(/too many open files/i, 'EMFILE', 'ENFILE'))
    return "too many files are open; raise the limit ('ulimit -n') and start again";
  if (says(/not a directory/i, 'ENOTDIR', 'EEXIST')) return 'a file is where a folder is needed; choose another folder';
  if (code === noFoldersCode) return 'no folder can be made there; choose another folder';
  if (says(/corruption|no such file/i, 'LEVEL_CORRUPTION'))
    return `its files are damaged or missing (${message}); restore the folder from a copy or start with an empty one`;
  return message;
}
