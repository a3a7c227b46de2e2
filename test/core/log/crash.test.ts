// What a crash at a random point leaves: a prefix of what was written with all that was acknowledged, whose producers,
// transactions and index agree with the batches that are there.
import { expect, test } from 'vitest';
import { seededRandom } from '../../../core/kernel/random.ts';
import type { PartitionLog } from '../../../core/log/partition-log.ts';
import { readBatchHeader } from '../../../core/protocol/record-batch.ts';
import { batch, bench, client, coordinator, marker, numbered, recordsOf, refusalOf, uncommitted } from './fixtures.ts';
import { createLossyEngine } from './lossy-engine.ts';

const limits = { checkpointBytes: 1_500, checkpointBatches: 15, spanBytes: 600 };

interface Sent {
  readonly id: string;
  readonly sequence: number;
  offset: number | null;
}

async function allRecords(log: PartitionLog) {
  const found = [];
  for (let from = log.logStartOffset; ; ) {
    const { records } = await log.read({ from, ...uncommitted });
    if (records.length === 0) return found;
    found.push(...recordsOf(records));
    from = readBatchHeader(records.at(-1)!).lastOffset + 1;
  }
}

test.each(Array.from({ length: 60 }, (_, i) => i + 1))(
  'a crash loses nothing that was acknowledged, seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    const engine = createLossyEngine(random);
    const table = bench(engine);
    const isSync = seed % 2 === 0;
    const config = { 'flush.messages': isSync ? '1' : '9223372036854775807', 'retention.ms': '-1' };
    const sent: Sent[] = [];
    let deletedTo = 0;
    let next = 0;
    for (let life = 0; life < 6; life++) {
      const log = await table.open(config, { limits, cacheBytesMax: 400 });
      const records = await allRecords(log);
      const values = records.map(({ value }) => value);

      // The log is a run without holes: what is there is what was sent, in order, up to some point.
      const firstKept = sent.findIndex(({ id }) => id === values[0]);
      const kept = firstKept < 0 ? [] : sent.slice(firstKept, firstKept + values.length);
      expect(values, `seed ${seed}, life ${life}`).toEqual(kept.map(({ id }) => id));
      for (const { id, offset } of sent)
        if (offset !== null && offset >= log.logStartOffset)
          expect(values, `seed ${seed}: ${id} was acknowledged`).toContain(id);
      expect(log.logStartOffset).toBeGreaterThanOrEqual(deletedTo);
      expect(log.sizeBytes).toBe(await storedBytes(log));

      // The producer's state is that of the batches: its next sequence is taken, the last one is known as a duplicate.
      const survivors = sent.slice(
        0,
        firstKept < 0 ? (log.logEndOffset === 0 ? 0 : sent.length) : firstKept + values.length,
      );
      sent.splice(survivors.length);
      next = sent.length;
      const tail = survivors.at(-1);
      if (tail !== undefined && values.length > 0) {
        const again = batch([{ value: tail.id }], { producerId: 5, producerEpoch: 0, baseSequence: tail.sequence });
        expect(await log.append([again], client)).toMatchObject({ duplicate: true, lastOffset: log.logEndOffset - 1 });
      }

      const appends: Promise<unknown>[] = [];
      for (let i = 0; i < 10 + random.integer(30); i++) {
        const record: Sent = { id: `r${life}-${i}`, sequence: next++, offset: null };
        sent.push(record);
        const bytes = batch([{ value: record.id }], { producerId: 5, producerEpoch: 0, baseSequence: record.sequence });
        const append = log.append([bytes], client).then(({ baseOffset }) => {
          record.offset = baseOffset;
        });
        appends.push(append.catch(() => {}));
        if (random.integer(3) === 0) await append;
        if (random.integer(25) === 0 && log.highWatermark > log.logStartOffset + 5) {
          deletedTo = log.logStartOffset + 1 + random.integer(4);
          await log.deleteRecordsBefore(deletedTo);
        }
      }
      await engine.crash(isSync && random.integer(2) === 0 ? 'powerLoss' : 'kill');
      await Promise.all(appends);
    }
  },
);

const storedBytes = async (log: PartitionLog) => {
  let bytes = 0;
  for (let from = log.logStartOffset; ; ) {
    const { records } = await log.read({ from, ...uncommitted });
    if (records.length === 0) return bytes;
    for (const record of records) bytes += record.length;
    from = readBatchHeader(records.at(-1)!).lastOffset + 1;
  }
};

test.each(Array.from({ length: 30 }, (_, i) => i + 1))(
  'a crash while truncating leaves all of it to be cut, seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    const engine = createLossyEngine(random);
    const table = bench(engine);
    const log = await table.open({ 'flush.messages': '1' }, { limits });
    for (let i = 0; i < 40; i++) await log.append([numbered(1 + random.integer(3))], client);
    const end = log.logEndOffset;
    const target = random.integer(end);
    const truncated = log.truncateTo(target).then(
      () => true,
      () => false,
    );
    for (let turns = random.integer(100); turns > 0; turns--) await null;
    await engine.crash('kill');
    const isFinished = await truncated;
    const after = await table.open({ 'flush.messages': '1' }, { limits });
    // Either it hadn't begun, or it is finished.
    expect(isFinished ? [target] : [end, target]).toContain(after.logEndOffset);
    const offsets = (await allRecords(after)).map(({ offset }) => offset);
    expect(offsets).toEqual(offsets.map((_, i) => i));
    expect(await after.append([numbered(1)], client)).toMatchObject({ baseOffset: after.logEndOffset - 1 });
  },
);

test.each(Array.from({ length: 30 }, (_, i) => i + 1))(
  'a crash while compacting loses no newest value, seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    const engine = createLossyEngine(random);
    const table = bench(engine);
    const config = { 'cleanup.policy': 'compact', 'segment.bytes': '600', 'delete.retention.ms': '0' };
    const newest = new Map<string, string | null>();
    // No checkpoint but the one that compaction makes for itself.
    const limits = { spanBytes: 600 };
    let sequence = 0;
    for (let life = 0; life < 5; life++) {
      const log = await table.open(config, { limits });
      for (let i = 0; i < 25; i++) {
        const key = `k${random.integer(6)}`;
        const value = random.integer(5) === 0 ? null : `${life}-${i}`;
        newest.set(key, value);
        const producer = { producerId: 3, producerEpoch: 0, baseSequence: sequence };
        await log.append([batch([{ key, value }, { key: `other${random.integer(3)}` }], producer)], client);
        sequence += 2;
      }
      // The last batch of this producer is superseded, so that only its remembered sequence is left.
      await log.append(
        [batch([{ key: 'gone' }], { producerId: 100 + life, producerEpoch: 1, baseSequence: 0 })],
        client,
      );
      for (let i = 0; i < 10; i++) await log.append([batch([{ key: 'gone', value: 'x'.repeat(200) }])], client);
      const compacting = log.compact().catch(() => {});
      for (let turns = random.integer(200); turns > 0; turns--) await null;
      await engine.crash('kill');
      await compacting;
      const after = await table.open(config, { limits });
      const found = new Map<string, string | null>();
      for (const { key, value } of await allRecords(after)) found.set(key!, value);
      for (const [key, value] of newest) expect(found.get(key) ?? null, `seed ${seed}, ${key}`).toBe(value);
      const gap = batch([{ key: 'gap' }], { producerId: 100 + life, producerEpoch: 1, baseSequence: 2 });
      expect(await refusalOf(after.append([gap], client)), `seed ${seed}`).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
      expect(after.sizeBytes).toBeGreaterThanOrEqual(await storedBytes(after));
      await after.close();
    }
  },
);

test('a failed write is refused with everything behind it, and the log goes on with what is on disk', async () => {
  const engine = createLossyEngine(seededRandom(1));
  const log = await bench(engine).open();
  await log.append([numbered(3)], client);
  engine.failWrites(1);
  const appends = [1, 2, 3].map((count) => log.append([numbered(count)], client));
  const late = appends[0]!.catch(() => log.append([numbered(9)], client));
  expect(await Promise.all(appends.map(refusalOf))).toEqual(Array(3).fill('KAFKA_STORAGE_ERROR'));
  expect(await refusalOf(late)).toBe('KAFKA_STORAGE_ERROR');
  expect([log.logEndOffset, log.highWatermark]).toEqual([3, 3]);
  await expect.poll(() => refusalOf(log.append([numbered(2)], client))).toBe('none');
  expect(log.logEndOffset).toBe(5);
  expect((await allRecords(log)).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4]);
});

test.each(['compact', 'delete', 'truncate'])('a failed write of %s leaves the log usable and whole', async (what) => {
  for (let failAt = 0; failAt < 8; failAt++) {
    const engine = createLossyEngine(seededRandom(1));
    const table = bench(engine);
    const config = { 'cleanup.policy': 'compact', 'segment.bytes': '14' };
    const log = await table.open(config, { limits });
    for (let i = 0; i < 30; i++) await log.append([batch([{ key: `k${i % 3}`, value: String(i) }])], client);
    engine.failWrites(1, failAt);
    const work = () =>
      what === 'compact' ? log.compact() : what === 'delete' ? log.deleteRecordsBefore(20) : log.truncateTo(12);
    const during = work();
    const appended = refusalOf(log.append([batch([{ key: 'meanwhile' }])], client));
    expect(['none', 'KAFKA_STORAGE_ERROR']).toContain(await refusalOf(during));
    expect(['none', 'KAFKA_STORAGE_ERROR', 'NOT_LEADER_OR_FOLLOWER']).toContain(await appended);
    engine.failWrites(0);
    await expect.poll(() => refusalOf(log.append([batch([{ key: 'after' }])], client))).toBe('none');
    expect(await refusalOf(work())).toBe('none');
    const end = log.logEndOffset;
    const records = await allRecords(log);
    const offsets = records.map(({ offset }) => offset);
    if (what !== 'compact') expect(offsets).toEqual(offsets.map((_, i) => offsets[0]! + i));
    expect(offsets.at(-1)).toBe(end - 1);
    await engine.crash('kill');
    const again = await table.open(config, { limits });
    expect([again.logEndOffset, await allRecords(again)]).toEqual([end, records]);
  }
});

test('sequences of a failed write are taken back with it', async () => {
  const engine = createLossyEngine(seededRandom(1));
  const log = await bench(engine).open();
  const producer = { producerId: 1, producerEpoch: 0, isTransactional: true };
  await log.append([numbered(2, { ...producer, baseSequence: 0 })], client);
  await log.append([marker(1, 0, true)], coordinator);
  engine.failWrites(1);
  expect(await refusalOf(log.append([numbered(2, { ...producer, baseSequence: 2 })], client))).toBe(
    'KAFKA_STORAGE_ERROR',
  );
  await expect.poll(() => refusalOf(log.append([numbered(2, { ...producer, baseSequence: 2 })], client))).toBe('none');
  expect([log.lastStableOffset, log.logEndOffset]).toEqual([3, 5]);
});
