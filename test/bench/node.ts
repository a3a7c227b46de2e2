// `npm run bench -- node`: the storage node as its users have it, a process of its own on disk, driven from outside by
// kcat (where it is installed) and by our own client: megabytes of values a second, the node's processor seconds for a
// gigabyte of them, the time from its start to its first answer, and the memory that it holds. What it costs others to
// write and read is in here only as far as they share the machine: two cores are shared by both.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Client, createClient, loadCompression, tcpNetwork } from '../../core/client/index.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import { systemRandom } from '../../core/kernel/random.ts';
import { fetchAll, produceAll } from './client.ts';
import { inFolder, machine, median } from './measure.ts';

// The bench is built and runs from `dist`, and the command stands in the tree itself.
const command = join(process.cwd(), 'runtime', 'cli', 'bin.mjs');
const run = promisify(execFile);

interface Node {
  readonly bootstrap: string;
  readonly pid: number;
  /** Milliseconds from its start until it had answered. */
  readonly answeredMs: number;
  stop(): Promise<void>;
}

function connect(bootstrap: string): Client {
  const parts = { clock: systemClock, random: systemRandom };
  return createClient({ network: tcpNetwork({ bootstrap, clientId: 'bench', ...parts }), ...parts });
}

async function startNode(folder: string): Promise<Node> {
  const startedMs = systemClock.monotonicMs();
  const args = [
    command,
    'node',
    '--data',
    folder,
    '--listen',
    '127.0.0.1:0',
    '--set',
    'auto.create.topics.enable=true',
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const bootstrap = await readyAddress(child);
  await using client = connect(bootstrap);
  await client.admin().listTopics();
  return {
    bootstrap,
    pid: child.pid!,
    answeredMs: systemClock.monotonicMs() - startedMs,
    async stop() {
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** What the node says when it takes connections. */
function readyAddress(child: ChildProcess): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    child.stderr!.on('data', (chunk) => {
      text += chunk;
      const found = / is ready at (\S+) /.exec(text);
      if (found !== null) resolve(found[1]!);
    });
    child.once('close', () => reject(new Error(`the node ended: ${text}`)));
  });
}

/** Of a process, where Linux says it. */
function cpuSecondsOf(pid: number): number {
  if (!existsSync(`/proc/${pid}/stat`)) return Number.NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident, without the files that LevelDB maps, and those. */
function memoryOf(pid: number): { readonly own: number; readonly mapped: number } {
  if (!existsSync(`/proc/${pid}/status`)) return { own: Number.NaN, mapped: Number.NaN };
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN);
  return { own: kibibytes('RssAnon') * 1024, mapped: kibibytes('RssFile') * 1024 };
}

interface Measured {
  readonly mbPerS: number;
  readonly cpuPerGb: number;
  readonly peakBytes: number;
}

async function measured(pid: number, bytes: number, work: () => Promise<unknown>): Promise<Measured> {
  let peakBytes = 0;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, memoryOf(pid).own);
  }, 50);
  const cpuBefore = cpuSecondsOf(pid);
  const startedMs = systemClock.monotonicMs();
  await work();
  const seconds = (systemClock.monotonicMs() - startedMs) / 1_000;
  clearInterval(sampling);
  return {
    mbPerS: bytes / seconds / 1e6,
    cpuPerGb: ((cpuSecondsOf(pid) - cpuBefore) / bytes) * 1e9,
    peakBytes: Math.max(peakBytes, memoryOf(pid).own),
  };
}

async function hasKcat(): Promise<boolean> {
  try {
    await run('kcat', ['-V']);
    return true;
  } catch {
    return false;
  }
}

export interface NodeBenchSizes {
  readonly rounds: number;
  /** Of values, by each client in each round. */
  readonly megabytes: number;
}

export async function nodeBench({ rounds, megabytes }: NodeBenchSizes, say: (line: string) => void): Promise<void> {
  await loadCompression();
  say(machine());
  const kcat = await hasKcat();
  const valueSizes = [100, 1_024];
  const results = new Map<string, Measured[]>();
  const answered: number[] = [];
  const idle: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await inFolder(async (folder) => {
      const node = await startNode(join(folder, 'data'));
      try {
        answered.push(node.answeredMs);
        idle.push(memoryOf(node.pid).own);
        for (const valueBytes of valueSizes) {
          const records = Math.round((megabytes * 1e6) / valueBytes);
          const bytes = records * valueBytes;
          const take = async (what: string, work: () => Promise<unknown>) => {
            const found = await measured(node.pid, bytes, work);
            results.set(what, [...(results.get(what) ?? []), found]);
          };
          await using client = connect(node.bootstrap);
          const topics = [`ours-${valueBytes}`, `kcat-${valueBytes}`];
          await client.admin().createTopics(topics.map((name) => ({ name, partitions: 1 })));
          await take(`our client, produce ${valueBytes} B`, () => produceAll(client, topics[0]!, records, valueBytes));
          await take(`our client, fetch ${valueBytes} B`, () => fetchAll(client, topics[0]!, records));
          if (!kcat) continue;
          const lines = join(folder, 'lines');
          await writeFile(lines, `${'x'.repeat(valueBytes)}\n`.repeat(records));
          const to = ['-b', node.bootstrap, '-t', topics[1]!, '-p', '0'];
          await take(`kcat, produce ${valueBytes} B`, () => run('kcat', ['-P', ...to, '-X', 'acks=all', '-l', lines]));
          await take(`kcat, fetch ${valueBytes} B`, () =>
            run('kcat', ['-C', '-q', '-e', '-o', 'beginning', '-f', '', ...to]),
          );
        }
      } finally {
        await node.stop();
      }
    });
  }
  say(
    `\n${'one partition, acks=all'.padEnd(32)}${'MB/s'.padStart(8)}${'CPU s/GB'.padStart(10)}${'memory'.padStart(12)}`,
  );
  for (const [what, rows] of results) {
    const of = (pick: (row: Measured) => number) => median(rows.map(pick));
    const [rate, cpu, peak] = [of((row) => row.mbPerS), of((row) => row.cpuPerGb), of((row) => row.peakBytes)];
    const memory = `${(peak / 2 ** 20).toFixed(0)} MiB`;
    say(`${what.padEnd(32)}${rate.toFixed(0).padStart(8)}${cpu.toFixed(2).padStart(10)}${memory.padStart(12)}`);
  }
  if (!kcat) say('kcat is not installed: not measured');
  const best = (numbers: readonly number[]) => median(numbers).toFixed(0);
  say(
    `\nfrom start to first answer ${best(answered)} ms; idle it holds ${best(idle.map((bytes) => bytes / 2 ** 20))} MiB`,
  );
  say(`medians of ${rounds}; processor time is the node's alone, memory without mapped files, at most. ${machine()}`);
}
