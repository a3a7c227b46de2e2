// The built command line as a process: run to its end, or started and killed. Tests talk to it as a person does, through
// arguments, standard input and output, signals and exit codes; nothing here reaches into it.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const main = join(root, 'dist', 'runtime', 'cli', 'main.js');

/** A file of the build, for children that are no command. */
export const built = (path: string): string => join(root, 'dist', path);
export const inProject = (path: string): string => join(root, path);

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
}

export interface StartOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** After which it is killed and the test fails. Default 20 s. */
  readonly timeoutMs?: number;
  /** Standard input stays open. Default false. */
  readonly holdInput?: boolean;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves once `wanted` is in what it has said; rejects when it ends without having said it. */
  said(where: 'stdout' | 'stderr', wanted: string | RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** `node <script> <args>` */
export function startNode(script: string, args: readonly string[], options: StartOptions = {}): Running {
  if (!existsSync(script)) throw new Error(`${script} is not built; run 'npm run build'`);
  const startedMs = performance.now();
  const child = spawn(process.execPath, [script, ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, NODE_ENV: 'test', MILLRACE_LOG: 'warn', NODE_OPTIONS: '', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const listener of [...listeners]) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const listener of [...listeners]) listener();
  });
  child.stdin.on('error', () => {});
  if (options.input !== undefined) child.stdin.write(options.input);
  if (options.holdInput !== true) child.stdin.end();
  const timeoutMs = options.timeoutMs ?? 20_000;
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      for (const listener of [...listeners]) listener();
      if (hung)
        reject(new Error(`${args.join(' ')} did not end in ${timeoutMs} ms\n${stdout.slice(-2_000)}\n${stderr}`));
      else resolve({ code, signal, stdout, stderr, elapsedMs: performance.now() - startedMs });
    });
  });
  finished.catch(() => {});
  return {
    child,
    finished,
    stdout: () => stdout,
    stderr: () => stderr,
    said: (where, wanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const text = where === 'stdout' ? stdout : stderr;
          const found = typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
          const ended = child.exitCode !== null || child.signalCode !== null;
          if (!found && !ended) return;
          listeners.delete(look);
          if (found) resolve();
          else reject(new Error(`it ended without saying ${wanted}:\n${stdout}\n${stderr}`));
        };
        listeners.add(look);
        look();
      }),
    kill: (signal) => void child.kill(signal),
  };
}

export const startMillrace = (args: readonly string[], options: StartOptions = {}): Running =>
  startNode(main, args, options);

export const millrace = (args: readonly string[], options: StartOptions = {}): Promise<Finished> =>
  startMillrace(args, options).finished;

export interface Folder extends AsyncDisposable {
  readonly path: string;
  readonly data: string;
  /** Writes a file in it; resolves with its path. */
  file(name: string, text: string): Promise<string>;
}

export async function tempFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  return {
    path,
    data: join(path, 'data'),
    async file(name, text) {
      await writeFile(join(path, name), text);
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}
