// The processes of the bank: workers of the job, and a storage node where one is asked for. They are started, killed, paused
// and stopped here, and what they said is kept for whoever must explain a failure.
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../runtime/cli/main.js', import.meta.url));
const jobFile = fileURLToPath(new URL('./job.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly said: string;
}

export interface Process {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly hasEnded: boolean;
}

const saidMax = 20_000;

function start(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Process {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, NODE_ENV: 'test', MILLRACE_LOG: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let hasEnded = false;
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-saidMax);
    });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      hasEnded = true;
      resolve({ code, signal, said });
    });
  });
  return {
    ...{ name, child, ended },
    get hasEnded() {
      return hasEnded;
    },
  };
}

export interface WorkerOptions {
  readonly bootstrap: string;
  readonly folder: string;
  readonly guarantee: string;
  readonly more?: readonly string[];
}

/** The same state folder for the same name, as a process that is started again has it. */
export const startWorker = (name: string, { bootstrap, folder, guarantee, more = [] }: WorkerOptions): Process =>
  start(
    name,
    ['run', jobFile, '--bootstrap', bootstrap, '--data', join(folder, name), '--session-timeout', '6000', ...more],
    { MILLRACE_BANK_GUARANTEE: guarantee },
  );

export const startNode = (folder: string, port: number): Process =>
  start('node', [
    ...['node', '--data', join(folder, 'node'), '--listen', `127.0.0.1:${port}`],
    ...['--set', 'group.initial.rebalance.delay.ms=0', '--set', 'offsets.topic.num.partitions=4'],
    ...['--set', 'transaction.state.log.num.partitions=4'],
  ]);

export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    }),
  );
}
