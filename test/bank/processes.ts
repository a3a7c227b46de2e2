// The processes of the bank: workers of the job, and a storage node where one is asked for. They are started, killed, paused
// and stopped here, and what they said is kept for whoever must explain a failure.
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../runtime/cli/main.js', import.meta.url));
const jobFile = fileURLToPath(new URL('./job.js', import.meta.url));
const embeddedFile = fileURLToPath(new URL('./embedded-job.js', import.meta.url));

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

/** The whole bank in one process, the log included; it ends once all transfers are in the books. */
export const startEmbedded = ({
  data,
  seed,
  count,
  guarantee,
}: {
  readonly data: string;
  readonly seed: number;
  readonly count: number;
  readonly guarantee: string;
}): Process =>
  start('the bank', ['run', embeddedFile, '--data', data, '--threads', '2', '--until', 'end'], {
    MILLRACE_BANK_GUARANTEE: guarantee,
    MILLRACE_BANK_SEED: String(seed),
    MILLRACE_BANK_TRANSFERS: String(count),
  });

export interface OwnNodes {
  readonly bootstrap: string;
  /** By number, from 1. */
  readonly running: ReadonlyMap<number, Process>;
  /** Again, on the same data. */
  start(id: number): void;
}

/** One node by itself, or a cluster of several, of which each is a controller. */
export async function startNodes(folder: string, count: number): Promise<OwnNodes> {
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  const ports = await Promise.all([...ids, ...ids].map(freePort));
  const address = (id: number) => `127.0.0.1:${ports[id - 1]}`;
  const controllers = ids.map((id) => `${id}@127.0.0.1:${ports[count + id - 1]}`).join(',');
  const cluster = (id: number) => [
    ...['--id', String(id), '--controllers', controllers],
    ...['--set', `min.insync.replicas=${count - 1}`],
  ];
  const running = new Map<number, Process>();
  const startOne = (id: number) =>
    running.set(
      id,
      start(`node ${id}`, [
        ...['node', '--data', join(folder, `node-${id}`), '--listen', address(id)],
        ...(count === 1 ? [] : cluster(id)),
        ...['--set', 'group.initial.rebalance.delay.ms=0', '--set', 'offsets.topic.num.partitions=4'],
        ...['--set', 'transaction.state.log.num.partitions=4'],
      ]),
    );
  for (const id of ids) startOne(id);
  return { bootstrap: ids.map(address).join(','), running, start: (id) => void startOne(id) };
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    }),
  );
}
