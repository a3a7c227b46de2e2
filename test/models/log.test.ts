// Random commands on a log and on the model of it, compared after each. A failure names its seed, and the seed replays it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Random, seededRandom } from '../../core/kernel/random.ts';
import type { PartitionLog } from '../../core/log/partition-log.ts';
import type { CompressionName } from '../../core/protocol/record-batch.ts';
import { readBatchHeader, splitBatches } from '../../core/protocol/record-batch.ts';
import { createLevelEngine } from '../../core/storage/level-storage.ts';
import { createMemoryEngine } from '../../core/storage/memory-storage.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import {
  batch,
  bench,
  client,
  coordinator,
  marker,
  type ReadRecord,
  recordsOf,
  refusalOf,
  type TestRecord,
} from '../core/log/fixtures.ts';
import { LogModel, type ModelBatch, type ModelProducer } from './log-model.ts';

const producerIds = [7, 8, 9];
const overrides = { 'cleanup.policy': 'compact,delete', 'segment.bytes': '3000', 'delete.retention.ms': '2000' };
const limits = { checkpointBytes: 4_000, checkpointBatches: 20, spanBytes: 1_000, compactionKeyBytes: 600 };

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function levelEngine(): Promise<StorageEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-model-'));
  folders.push(folder);
  return createLevelEngine(folder, { writeBufferSize: 64 << 10 });
}

const seeds = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

test.each(seeds(40))('a log in memory behaves as an array of batches, seed %i', async (seed) => {
  await compare(seed, createMemoryEngine(), 150);
});

test.each(seeds(4))('a log in LevelDB behaves as an array of batches, seed %i', async (seed) => {
  await compare(1_000 + seed, await levelEngine(), 120);
});

async function compare(seed: number, engine: StorageEngine, steps: number): Promise<void> {
  const random = seededRandom(seed);
  const retention = { 'retention.ms': '5000', 'retention.bytes': '20000' };
  const world = await createWorld(engine, random, { ...overrides, ...retention });
  for (let step = 0; step < steps; step++) {
    const name = await world.step();
    const context = `seed ${seed}, step ${step}: ${name}`;
    await world.check(context);
  }
  await world.log().close();
}

async function createWorld(engine: StorageEngine, random: Random, config: Record<string, string>) {
  const table = bench(engine);
  const { clock } = table;
  const model = new LogModel();
  const cacheBytesMax = [0, 500, 1 << 20][random.integer(3)]!;
  let opened = await table.openToCrash(config, { limits, cacheBytesMax });
  const pick = <T>(items: readonly T[]): T => items[random.integer(items.length)]!;
  const timestamp = () => Math.max(0, clock.now() - random.integer(4_000));
  const someRecords = (): TestRecord[] =>
    Array.from({ length: 1 + random.integer(5) }, () => ({
      key: random.integer(12) === 0 ? null : `k${random.integer(8)}`,
      value: random.integer(6) === 0 ? null : random.integer(8) === 0 ? '' : 'x'.repeat(random.integer(80)),
      timestampMs: timestamp(),
    }));

  function place(records: readonly TestRecord[], bytes: Uint8Array, more: Partial<ModelBatch>): ModelBatch {
    const baseOffset = model.nextOffset;
    const placed = {
      baseOffset,
      lastOffset: baseOffset + records.length - 1,
      records: records.map(
        ({ key = null, value = null, timestampMs = 0 }, i): ReadRecord => ({
          offset: baseOffset + i,
          key,
          value,
          timestampMs,
        }),
      ),
      maxTimestampMs: Math.max(...records.map(({ timestampMs = 0 }) => timestampMs)),
      sizeBytes: bytes.length,
      producerId: -1,
      isTransactional: false,
      marker: null,
      decidedAt: Number.POSITIVE_INFINITY,
      ...more,
    };
    model.batches.push(placed);
    model.nextOffset = placed.lastOffset + 1;
    return placed;
  }

  const producerOf = (producerId: number): ModelProducer => {
    const fresh = { epoch: 0, nextSequence: 0, transactionFirstOffset: -1, sent: [] };
    if (!model.producers.has(producerId)) model.producers.set(producerId, fresh);
    return model.producers.get(producerId)!;
  };

  async function appendPlain(): Promise<string> {
    // Several at once, so that some go in one write.
    const compression = pick<CompressionName>(['none', 'none', 'gzip']);
    const sets = Array.from({ length: 1 + random.integer(3) }, someRecords);
    const batches = sets.map((records) => batch(records, { compression }));
    const placed = sets.map((records, i) => place(records, batches[i]!, {}));
    const results = await Promise.all(batches.map((bytes) => opened.log.append([bytes], client)));
    expect(results.map((r) => r.baseOffset)).toEqual(placed.map((b) => b.baseOffset));
    return `append ${sets.length}`;
  }

  async function appendIdempotent(isTransactional: boolean): Promise<string> {
    const producerId = pick(producerIds);
    const producer = producerOf(producerId);
    const isOpen = producer.transactionFirstOffset >= 0;
    const records = someRecords();
    const fields = { producerId, producerEpoch: producer.epoch, baseSequence: producer.nextSequence, isTransactional };
    const bytes = batch(records, fields);
    if (isOpen && !isTransactional) {
      expect(await refusalOf(opened.log.append([bytes], client))).toBe('INVALID_TXN_STATE');
      return 'write outside of the open transaction';
    }
    const { baseOffset, lastOffset } = place(records, bytes, { producerId, isTransactional });
    if (isTransactional && !isOpen) producer.transactionFirstOffset = baseOffset;
    producer.nextSequence += records.length;
    producer.sent.push({ bytes: bytes.slice(), baseOffset, lastOffset });
    if (producer.sent.length > 5) producer.sent.shift();
    expect(await opened.log.append([bytes], client)).toMatchObject({ baseOffset, lastOffset, duplicate: false });
    return `append of producer ${producerId}${isTransactional ? ' in a transaction' : ''}`;
  }

  async function appendWrongly(): Promise<string> {
    const producerId = pick(producerIds);
    const producer = producerOf(producerId);
    if (producer.sent.length === 0) return 'nothing';
    const sent = pick(producer.sent);
    const { baseOffset, lastOffset } = sent;
    expect(await opened.log.append([sent.bytes.slice()], client)).toMatchObject({
      baseOffset,
      lastOffset,
      duplicate: true,
    });
    const isTransactional = producer.transactionFirstOffset >= 0;
    const gap = { producerId, producerEpoch: producer.epoch, baseSequence: producer.nextSequence + 1, isTransactional };
    expect(await refusalOf(opened.log.append([batch([{}], gap)], client))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
    if (producer.epoch > 0) {
      const old = { ...gap, producerEpoch: producer.epoch - 1, baseSequence: producer.nextSequence };
      expect(await refusalOf(opened.log.append([batch([{}], old)], client))).toBe('INVALID_PRODUCER_EPOCH');
    }
    return `duplicate, gap and old epoch of producer ${producerId}`;
  }

  async function endTransaction(): Promise<string> {
    const producerId = pick(producerIds);
    const producer = producerOf(producerId);
    const commit = random.integer(2) === 0;
    const bumps = random.integer(4) === 0;
    if (bumps) {
      producer.epoch++;
      producer.nextSequence = 0;
      producer.sent = [];
    }
    const timestampMs = timestamp();
    const bytes = marker(producerId, producer.epoch, commit, 0, timestampMs);
    const placed = place([{ timestampMs }], bytes, {
      producerId,
      isTransactional: true,
      marker: commit ? 'commit' : 'abort',
    });
    placed.records = recordsOf([bytes]).map((record) => ({ ...record, offset: placed.baseOffset }));
    const { transactionFirstOffset: firstOffset } = producer;
    model.decide(producerId, placed.lastOffset);
    if (firstOffset >= 0 && !commit) model.aborted.push({ producerId, firstOffset, lastOffset: placed.lastOffset });
    producer.transactionFirstOffset = -1;
    await opened.log.append([bytes], coordinator);
    return `${commit ? 'commit' : 'abort'} of producer ${producerId}`;
  }

  async function deleteRecords(): Promise<string> {
    const to = model.logStartOffset + random.integer(Math.max(1, model.lastStableOffset - model.logStartOffset + 1));
    expect(await opened.log.deleteRecordsBefore(to)).toBe(Math.max(to, model.logStartOffset));
    model.deleteBefore(to);
    return `delete before ${to}`;
  }

  async function truncate(): Promise<string> {
    const to = Math.max(model.logStartOffset, model.compactedTo, model.nextOffset - random.integer(30));
    await opened.log.truncateTo(to);
    model.truncateTo(to);
    return `truncate to ${to}`;
  }

  async function retain(): Promise<string> {
    if (model.lastStableOffset < model.nextOffset) return 'nothing';
    await opened.log.applyRetention();
    model.retain(clock.now(), Number(config['retention.ms']), Number(config['retention.bytes']));
    return 'retention';
  }

  async function compact(): Promise<string> {
    const before = model.batches.length;
    await opened.log.compact();
    expect(model.checkCompaction(await rawBatches(opened.log, model))).toEqual([]);
    return `compaction, ${before} batches to ${model.batches.length}`;
  }

  async function reopen(crashes: boolean): Promise<string> {
    await (crashes ? opened.crash() : opened.log.close());
    opened = await table.openToCrash(config, { limits, cacheBytesMax });
    return crashes ? 'crash' : 'close and reopen';
  }

  function pass(): string {
    clock.advance(random.integer(800));
    return 'time';
  }

  const commands: [number, () => Promise<string> | string][] = [
    [10, appendPlain],
    [8, () => appendIdempotent(false)],
    [8, () => appendIdempotent(true)],
    [4, appendWrongly],
    [6, endTransaction],
    [2, deleteRecords],
    [1, truncate],
    [3, retain],
    [4, compact],
    [2, () => reopen(false)],
    [2, () => reopen(true)],
    [5, pass],
  ];
  const weighted = commands.flatMap(([weight, command]) => Array.from({ length: weight }, () => command));

  return {
    log: () => opened.log,
    step: async () => pick(weighted)(),
    check: (context: string) => check(opened.log, model, random, context),
  };
}

async function check(log: PartitionLog, model: LogModel, random: Random, context: string): Promise<void> {
  const { logStartOffset, logEndOffset, highWatermark, lastStableOffset, sizeBytes } = log;
  const expected = {
    logStartOffset: model.logStartOffset,
    logEndOffset: model.nextOffset,
    highWatermark: model.nextOffset,
    lastStableOffset: model.lastStableOffset,
    sizeBytes: model.batches.reduce((sum, batch) => sum + batch.sizeBytes, 0),
  };
  expect({ logStartOffset, logEndOffset, highWatermark, lastStableOffset, sizeBytes }, context).toEqual(expected);
  const from = model.logStartOffset + random.integer(Math.max(1, model.nextOffset - model.logStartOffset));
  for (const isolation of ['readUncommitted', 'readCommitted'] as const)
    expect(await consume(log, from, isolation, 1 + random.integer(1_000)), context).toEqual(
      model.visible(from, isolation),
    );
  const at = model.batches.length === 0 ? 0 : model.batches[random.integer(model.batches.length)]!.maxTimestampMs;
  const asked = at + random.integer(3) - 1;
  expect(stripped(await log.offsetForTimestamp(asked)), `${context}, offset for ${asked}`).toEqual(
    model.recordAt(asked),
  );
  expect(stripped(await log.maxTimestamp()), `${context}, newest`).toEqual(model.newest());
}

const stripped = (found: { offset: number; timestampMs: number } | null) =>
  found === null ? null : { offset: found.offset, timestampMs: found.timestampMs };

/** As a client does: skips what is before its position, control batches, and aborted transactions as listed. */
async function consume(
  log: PartitionLog,
  from: number,
  isolation: 'readUncommitted' | 'readCommitted',
  maxBytes: number,
): Promise<ReadRecord[]> {
  const found: ReadRecord[] = [];
  for (let position = from; ; ) {
    const { records, abortedTransactions } = await log.read({ from: position, maxBytes, isolation });
    if (records.length === 0) return found;
    const waiting = [...(abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset);
    const aborting = new Set<number>();
    for (const bytes of records.flatMap((piece) => splitBatches(piece))) {
      const header = readBatchHeader(bytes);
      while (waiting.length > 0 && waiting[0]!.firstOffset <= header.lastOffset)
        aborting.add(waiting.shift()!.producerId);
      if (header.isControl) aborting.delete(header.producerId);
      else if (!(header.isTransactional && aborting.has(header.producerId)))
        found.push(...recordsOf([bytes]).filter(({ offset }) => offset >= position));
      position = header.lastOffset + 1;
    }
  }
}

async function rawBatches(log: PartitionLog, model: LogModel): Promise<ModelBatch[]> {
  const known = new Map(model.batches.map((b) => [b.lastOffset, b]));
  const found: ModelBatch[] = [];
  for (let position = log.logStartOffset; ; ) {
    const { records } = await log.read({ from: position, maxBytes: 1 << 20, isolation: 'readUncommitted' });
    if (records.length === 0) return found;
    for (const bytes of records) {
      const { baseOffset, lastOffset, maxTimestampMs, producerId, isTransactional } = readBatchHeader(bytes);
      const { marker = null, decidedAt = 0 } = known.get(lastOffset) ?? {};
      const own = { baseOffset, lastOffset, maxTimestampMs, producerId, isTransactional, marker, decidedAt };
      found.push({ ...own, records: recordsOf([bytes]), sizeBytes: bytes.length });
      position = lastOffset + 1;
    }
  }
}
