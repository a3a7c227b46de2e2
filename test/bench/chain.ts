// What a task costs over the bare work: records through topic → filter → map → topic, and counts over 10,000 keys, each
// against a plain loop that decodes, applies and encodes the same batches with the same serdes. No log, no commit.

import { systemClock } from '../../core/kernel/clock.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import { BatchBuilder } from '../../core/protocol/batch-builder.ts';
import { RecordCursor } from '../../core/protocol/record-cursor.ts';
import { safeInt64, utf8 } from '../../core/schema/primitive.ts';
import { compile } from '../../dsl/compile/compile.ts';
import { count, filter, groupByKey, type Job, job, map, topic, toStream } from '../../dsl/index.ts';
import { createTask } from '../../runtime/task/task.ts';
import { createTaskMetrics } from '../../runtime/task/task-metrics.ts';
import type { TaskOutput } from '../../runtime/task/task-output.ts';
import { createMemoryStores } from '../../runtime/testing/memory-stores.ts';

export interface ChainRow {
  readonly work: string;
  readonly taskPerSecond: number;
  readonly plainPerSecond: number;
  /** Task over plain: 1 is no cost at all. */
  readonly ratio: number;
}

const recordsPerBatch = 500;
const batchCount = 200;
const valueBytes = 100;
const keyCount = 10_000;
/** As a producer's batch size. */
const outputBytesMax = 64 * 1024;

const keep = (value: string) => value.charCodeAt(0) !== 0x39;
const change = (value: string) => `${value.slice(1)}!`;

/** @param fromMs time of the first; each record is a millisecond after the one before it */
export function inputBatches(fromMs = 1_700_000_000_000, batches = batchCount): Uint8Array[] {
  const builder = new BatchBuilder();
  return Array.from({ length: batches }, (_, b) => {
    builder.reset();
    for (let i = 0; i < recordsPerBatch; i++) {
      const n = b * recordsPerBatch + i;
      const key = utf8.encode(`key-${(n * 7919) % keyCount}`);
      builder.append(fromMs + n, key, utf8.encode(`${n},`.repeat(valueBytes).slice(0, valueBytes)));
    }
    return builder.build({ baseOffset: b * recordsPerBatch });
  });
}

/** Builds output batches as a producer would, and throws them away. */
function createAppender() {
  const builder = new BatchBuilder();
  let bytes = 0;
  return {
    append(timestampMs: number, key: Uint8Array | null, value: Uint8Array | string | null): void {
      builder.append(timestampMs, key, value);
      if (builder.sizeBytes < outputBytesMax) return;
      bytes += builder.build().length;
      builder.reset();
    },
    get bytes() {
      return bytes;
    },
  };
}

function taskOver(program: Job): (batches: readonly Uint8Array[]) => void {
  const topology = compile(program, { environment: 'development' });
  const [subTopology] = topology.subTopologies;
  const appender = createAppender();
  const output: TaskOutput = {
    write: (_topic, _partition, key, value, timestampMs) => appender.append(timestampMs, key, value),
  };
  const task = createTask({
    topology,
    subTopology: subTopology!,
    partition: 0,
    stores: createMemoryStores(subTopology!.stores),
    output,
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    metrics: createTaskMetrics(),
    openSink: () => {
      throw new Error('no sink');
    },
  });
  return (batches) => {
    for (const batch of batches) {
      task.enqueue(0, { fetchOffset: 0, batches: [batch], nextOffset: batchCount * recordsPerBatch });
      while (task.process(1_000) > 0);
    }
  };
}

function overAndOver(program: Job, batches: readonly Uint8Array[]): () => void {
  const run = taskOver(program);
  return () => run(batches);
}

/** The bare side: decodes, applies, encodes. */
export function plainFilterMap(batches: readonly Uint8Array[]): () => void {
  const cursor = new RecordCursor();
  const appender = createAppender();
  return () => {
    for (const batch of batches) {
      cursor.open(batch);
      while (cursor.next()) {
        const value = utf8.decode(cursor.value()!);
        if (keep(value)) appender.append(cursor.timestampMs, cursor.key(), utf8.encode(change(value)));
      }
    }
  };
}

function plainCount(batches: readonly Uint8Array[]): () => void {
  const cursor = new RecordCursor();
  const appender = createAppender();
  const counts = new Map<string, { value: number; timestampMs: number }>();
  return () => {
    for (const batch of batches) {
      cursor.open(batch);
      while (cursor.next()) {
        const keyBytes = cursor.key()!;
        const key = utf8.decode(keyBytes);
        utf8.decode(cursor.value()!);
        const { timestampMs } = cursor;
        const stored = counts.get(key);
        const value = stored === undefined ? 1 : stored.value + 1;
        const newestMs = stored === undefined ? timestampMs : Math.max(stored.timestampMs, timestampMs);
        counts.set(key, { value, timestampMs: newestMs });
        appender.append(newestMs, keyBytes, safeInt64.encode(value));
      }
    }
  };
}

/** Rounds of both turn about, so that whatever else the machine does meets both; the median of each. */
function compare(work: string, task: () => void, plain: () => void, rounds: number): ChainRow {
  const perSecond = (run: () => void) => {
    const startMs = systemClock.monotonicMs();
    run();
    return (batchCount * recordsPerBatch * 1_000) / (systemClock.monotonicMs() - startMs);
  };
  const taskRates: number[] = [];
  const plainRates: number[] = [];
  for (let round = -2; round < rounds; round++) {
    const rates = [perSecond(task), perSecond(plain)] as const;
    if (round < 0) continue;
    taskRates.push(rates[0]);
    plainRates.push(rates[1]);
  }
  const median = (rates: number[]) => rates.sort((a, b) => a - b)[rates.length >> 1]!;
  const taskPerSecond = median(taskRates);
  const plainPerSecond = median(plainRates);
  return { work, taskPerSecond, plainPerSecond, ratio: taskPerSecond / plainPerSecond };
}

/** @param rounds of 100,000 records each; about 0.1 s a round */
export function benchChain(rounds = 15): ChainRow[] {
  const batches = inputBatches();
  const source = topic('in', utf8);
  const stateless = job('stateless', [source.pipe(filter(keep), map(change)).to(topic('out', utf8))]);
  const counting = job('counting', [
    source.pipe(groupByKey(), count({ as: 'counts' }), toStream()).to(topic('out', safeInt64)),
  ]);
  return [
    compare('topic → filter → map → topic', overAndOver(stateless, batches), plainFilterMap(batches), rounds),
    compare(`count over ${keyCount} keys`, overAndOver(counting, batches), plainCount(batches), rounds),
  ];
}
