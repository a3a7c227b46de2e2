// The partition log against bare LevelDB, by turns in one run so that both see the same machine and the same load: append
// of 64 KiB batches against `db.put` of the same bytes, fetch at the tail and from disk against `getSync`. Ratios are what
// counts; megabytes a second are this machine's. At most 512 MB are written in all.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/kernel/clock.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import { createBatchCache } from '../../core/log/batch-cache.ts';
import { batchKey } from '../../core/log/keyspace.ts';
import { logConfig } from '../../core/log/log-config.ts';
import { openLogStorage } from '../../core/log/log-storage.ts';
import { openPartitionLog, type PartitionLog } from '../../core/log/partition-log.ts';
import { BatchBuilder } from '../../core/protocol/batch-builder.ts';
import { createLevelEngine, type LevelOptions } from '../../core/storage/level-storage.ts';
import type { Storage } from '../../core/storage/storage.ts';

export interface BenchRow {
  readonly what: string;
  readonly mbPerS: number;
  readonly bareMbPerS: number;
  /** Of ours to bare: the median of the rounds' ratios. */
  readonly ratio: number;
  readonly rounds: readonly number[];
}

export interface LogBenchOptions {
  readonly rounds?: number;
  /** Of each side in each round. */
  readonly megabytes?: number;
  readonly inFlight?: number;
  readonly level?: LevelOptions;
}

const batchBytes = 64 * 1024;

/** Values that don't compress, as most batches come compressed. */
export function makeBatches(count: number): Uint8Array[] {
  const random = seededRandom(7);
  const noise = random.bytes(1 << 20);
  return Array.from({ length: count }, () => {
    const builder = new BatchBuilder();
    while (builder.sizeBytes < batchBytes - 1_024) {
      const at = random.integer(noise.length - 1_000);
      builder.append(systemClock.now(), null, noise.subarray(at, at + 1_000));
    }
    return builder.build();
  });
}

const megabytesPerSecond = (bytes: number, ms: number) => bytes / 1e6 / (ms / 1e3);
const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

async function timed(bytes: number, work: () => Promise<void>): Promise<number> {
  const from = systemClock.monotonicMs();
  await work();
  return megabytesPerSecond(bytes, systemClock.monotonicMs() - from);
}

/** Keeps `inFlight` calls under way until `count` have been made. */
async function pipelined(count: number, inFlight: number, call: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

async function openLog(folder: string, level: LevelOptions, cacheBytesMax: number): Promise<PartitionLog> {
  return openPartitionLog({
    topic: 'bench',
    partition: 0,
    storage: await openLogStorage(createLevelEngine(folder, level), 'bench-0'),
    config: logConfig({ 'retention.ms': '-1' }),
    clock: systemClock,
    logger: silentLogger,
    cache: createBatchCache(cacheBytesMax),
  });
}

function row(what: string, ours: readonly number[], bare: readonly number[]): BenchRow {
  const rounds = ours.map((mbPerS, i) => mbPerS / bare[i]!);
  return { what, mbPerS: median(ours), bareMbPerS: median(bare), ratio: median(rounds), rounds };
}

export async function appendBench(options: LogBenchOptions = {}): Promise<BenchRow> {
  const { rounds = 3, megabytes = 80, inFlight = 8, level = {} } = options;
  const batches = makeBatches(64);
  const sliceBytes = batches.reduce((sum, batch) => sum + batch.length, 0) * 2;
  const slices = Math.max(1, Math.round((megabytes << 20) / sliceBytes));
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
    const log = await openLog(join(folder, 'log'), level, 64 << 20);
    const storage: Storage = await createLevelEngine(join(folder, 'bare'), level).open('bench-0');
    let next = 0;
    const spentMs = { ours: 0, bare: 0 };
    const run = async (side: 'ours' | 'bare', call: (batch: Uint8Array) => Promise<unknown>) => {
      const from = systemClock.monotonicMs();
      await pipelined(128, inFlight, (i) => call(batches[i % 64]!.slice()));
      spentMs[side] += systemClock.monotonicMs() - from;
    };
    const runOurs = () => run('ours', (batch) => log.append([batch], { origin: 'client' }));
    const runBare = () => run('bare', (value) => storage.write([{ type: 'put', key: batchKey(next++), value }]));
    // In short turns, so that what else the machine does falls on both.
    for (let slice = 0; slice < slices; slice++)
      for (const turn of (round + slice) % 2 === 0 ? [runBare, runOurs] : [runOurs, runBare]) await turn();
    ours.push(megabytesPerSecond(slices * sliceBytes, spentMs.ours));
    bare.push(megabytesPerSecond(slices * sliceBytes, spentMs.bare));
    await log.close();
    await storage.close();
    await rm(folder, { recursive: true, force: true });
  }
  return row(`append of 64 KiB batches, ${inFlight} in flight`, ours, bare);
}

/** At the tail from memory, and from disk with the cache empty, 1 MiB a fetch; bare: a `getSync` a batch. */
export async function fetchBench(options: LogBenchOptions = {}): Promise<BenchRow[]> {
  const { rounds = 3, megabytes = 32, level = {} } = options;
  const count = Math.floor((megabytes << 20) / batchBytes);
  const batches = makeBatches(64);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const log = await openLog(join(folder, 'log'), level, (2 * megabytes) << 20);
    await pipelined(count, 8, (i) => log.append([batches[i % 64]!.slice()], { origin: 'client' }));
    const lastOffsets: number[] = [];
    for (let i = 0, next = 0; i < count; i++) {
      next += new DataView(batches[i % 64]!.buffer).getInt32(57);
      lastOffsets.push(next - 1);
    }
    const bytes = batches.reduce((sum, batch) => sum + batch.length, 0) * (count / 64);
    const tail: number[] = [];
    const disk: number[] = [];
    const bareTail: number[] = [];
    const bareDisk: number[] = [];
    const fetchAll = async (from: PartitionLog, isolation: 'readUncommitted' | 'readCommitted') => {
      for (let offset = 0; offset < from.highWatermark; ) {
        const { records } = await from.read({ from: offset, maxBytes: 1 << 20, isolation });
        const last = records.at(-1)!;
        const view = new DataView(last.buffer, last.byteOffset);
        offset = view.getUint32(0) * 2 ** 32 + view.getUint32(4) + view.getInt32(23) + 1;
      }
    };
    for (let round = 0; round < rounds; round++) tail.push(await timed(bytes, () => fetchAll(log, 'readCommitted')));
    await log.close();
    for (let round = 0; round < rounds; round++) {
      const cold = await openLog(join(folder, 'log'), level, 0);
      disk.push(await timed(bytes, () => fetchAll(cold, 'readCommitted')));
      await cold.close();
      const storage = await createLevelEngine(join(folder, 'log'), level).open('bench-0');
      const getAll = async () => {
        for (const last of lastOffsets) storage.getSync(batchKey(last));
      };
      bareDisk.push(await timed(bytes, getAll));
      bareTail.push(await timed(bytes, getAll));
      await storage.close();
    }
    return [row('fetch at the tail, 1 MiB each', tail, bareTail), row('fetch from disk, 1 MiB each', disk, bareDisk)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function logBench(options: LogBenchOptions = {}): Promise<BenchRow[]> {
  return [await appendBench(options), ...(await fetchBench(options))];
}
