// How much memory a job takes whose sink is slow while far more input waits in its topic than fits: the fetcher, the task
// and the sink must each stop when they are full, so the resident memory stays flat. Runs in a process of its own, since
// memory that other benches have let go of is not given back.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadCompression } from '../../core/client/index.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { apis } from '../../core/protocol/api-table.ts';
import { bytes, job, type SinkConnector, sink, topic } from '../../dsl/index.ts';
import { openEmbedded } from '../../runtime/cli/embedded.ts';
import { runJob } from '../../runtime/cli/run-job.ts';
import { makeBatches } from './log.ts';
import { inFolder, median } from './measure.ts';

export interface MemoryFigures {
  /** Resident memory of the process before the log is opened, in bytes, without files that are mapped. */
  readonly baseline: number;
  /** The most above it while the sink was slow. */
  readonly peak: number;
  /** Of files that LevelDB maps, at most: the system's cache, which it takes back when it needs the memory. */
  readonly mapped: number;
  /** Medians above it over the second and the last third of the run: flat where they are alike. */
  readonly middle: number;
  readonly late: number;
  readonly inputBytes: number;
  readonly recordsTaken: number;
}

export interface MemoryBenchOptions {
  readonly inputBytes: number;
  readonly seconds: number;
}

const sampleEveryMs = 50;

/** Where the system doesn't say, mapped files count as the process's own. */
function resident(): { readonly own: number; readonly mapped: number } {
  if (process.platform !== 'linux') return { own: process.memoryUsage.rss(), mapped: 0 };
  const status = readFileSync('/proc/self/status', 'utf8');
  const bytesOf = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1_024;
  return { own: bytesOf('RssAnon'), mapped: bytesOf('RssFile') };
}

/** Takes a hundred thousand records a second at most, of which a thousand at once. */
function slowSink(taken: { records: number }): SinkConnector<unknown, unknown> {
  return {
    name: 'slow',
    delivery: 'repeats',
    open: async () => ({
      async write(records) {
        taken.records += records.length;
        await systemClock.sleep(20);
      },
      flush: async () => {},
      close: async () => {},
    }),
  };
}

async function fillTopic(data: string, inputBytes: number): Promise<void> {
  await using embedded = await openEmbedded(data, silentLogger);
  await embedded.client.admin().createTopics([{ name: 'in', partitions: 1 }]);
  const batches = makeBatches(16);
  let filled = 0;
  for (let i = 0; filled < inputBytes; i++) {
    const batch = batches[i % batches.length]!.slice();
    filled += batch.length;
    const topicData = [{ name: 'in', partitionData: [{ index: 0, records: [batch] }] }];
    const { responses } = await embedded.node.call('produce', 9, apis.produce.request.create({ acks: -1, topicData }));
    const { errorCode } = responses[0]!.partitionResponses[0]!;
    if (errorCode !== 0) throw new Error(`filling the topic failed with code ${errorCode}`);
  }
}

async function runSlow(data: string, { inputBytes, seconds }: MemoryBenchOptions): Promise<MemoryFigures> {
  await loadCompression();
  const taken = { records: 0 };
  const copy = job('slow', [topic('in', bytes, { partitions: 1 }).pipe(sink(slowSink(taken)))]);
  const before = resident();
  await using run = await runJob(copy, { data });
  await run.ready;
  const samples: number[] = [];
  let mapped = 0;
  const endMs = systemClock.monotonicMs() + seconds * 1_000;
  while (systemClock.monotonicMs() < endMs) {
    await systemClock.sleep(sampleEveryMs);
    const sample = resident();
    samples.push(sample.own - before.own);
    mapped = Math.max(mapped, sample.mapped - before.mapped);
  }
  const third = Math.max(1, Math.floor(samples.length / 3));
  return {
    baseline: before.own,
    mapped,
    peak: Math.max(...samples),
    middle: median(samples.slice(third, 2 * third)),
    late: median(samples.slice(-third)),
    inputBytes,
    recordsTaken: taken.records,
  };
}

const here = fileURLToPath(import.meta.url);

/** Carries out one part in a process of its own and resolves with what it sends. */
async function apart<T>(part: string, data: string, options: MemoryBenchOptions): Promise<T> {
  const child = fork(here, [part, data, JSON.stringify(options)], { execArgv: [] });
  return new Promise<T>((resolve, reject) => {
    let answer: T | undefined;
    child.on('message', (message) => {
      answer = message as T;
    });
    child.on('exit', (code) => {
      if (code === 0) resolve(answer as T);
      else reject(new Error(`measuring memory ended with exit code ${code}`));
    });
  });
}

export const memoryBench = (options: MemoryBenchOptions): Promise<MemoryFigures> =>
  inFolder(async (data) => {
    await apart('fill', data, options);
    return apart<MemoryFigures>('run', data, options);
  });

if (process.argv[1] === here && process.send !== undefined) {
  const [part, data, options] = process.argv.slice(2) as [string, string, string];
  if (part === 'fill') await fillTopic(data, (JSON.parse(options) as MemoryBenchOptions).inputBytes);
  else process.send(await runSlow(data, JSON.parse(options) as MemoryBenchOptions));
  process.disconnect();
}
