// The folder outside the tree where the clients live, and how things get there. What is in place is left as it is, so
// that a second run installs nothing.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const peersFolder = join(process.env.MILLRACE_PEERS ?? join(tmpdir(), 'millrace-peers'), 'conformance');

/** A reason why a client takes no part: printed as NOT RUN. */
export class NotRun extends Error {}

/** Runs a command to its end. Resolves with what it printed; rejects with its last lines. */
export function run(command, args, options = {}) {
  const { input, timeoutMs = 600_000, ...spawnOptions } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...spawnOptions });
    const out = [];
    let errorText = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => {
      errorText = (errorText + chunk).slice(-20_000);
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error.code === 'ENOENT' ? new NotRun(`there is no ${command}`) : error);
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out);
      if (status === 0) resolve({ stdout, stderr: errorText });
      else {
        const tail = (errorText.trim() || stdout.toString()).trim().split('\n').slice(-12).join('\n');
        const why = signal === 'SIGKILL' ? `took longer than ${timeoutMs / 1000} s` : `exited with ${status ?? signal}`;
        reject(
          Object.assign(new Error(`${command} ${args.slice(0, 6).join(' ')} ${why}\n${tail}`), {
            stdout,
            stderr: errorText,
          }),
        );
      }
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Does `work` unless it was done for the same inputs (texts, files and folders): the stamp holds their hash. */
export async function once(folder, inputs, work) {
  const hash = createHash('sha256');
  const add = (path) => {
    if (!existsSync(path)) hash.update(path);
    else if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
    else hash.update(path).update(readFileSync(path));
  };
  for (const input of inputs) add(input);
  const digest = hash.digest('hex');
  const stamp = join(folder, '.stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return folder;
  mkdirSync(folder, { recursive: true });
  rmSync(stamp, { force: true });
  await work();
  writeFileSync(stamp, digest);
  return folder;
}

/** For what could not be installed: the registry's own words, on one line. */
export function notRun(what, error) {
  if (error instanceof NotRun) return error;
  return new NotRun(`${what}: ${error.message.split('\n').slice(-1)[0].slice(0, 200)}`);
}
