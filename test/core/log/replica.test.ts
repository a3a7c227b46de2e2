// A log that follows another: what it takes over, what it refuses, how it finds where the two part.
import { describe, expect, test } from 'vitest';
import type { PartitionLog } from '../../../core/log/partition-log.ts';
import { bench, client, committed, coordinator, marker, numbered, recordsOf, refusalOf } from './fixtures.ts';

const all = { maxBytes: 1 << 20, isolation: 'logEnd' } as const;
const replicated = { highWatermark: 'replicated' } as const;
const copyOf = (records: readonly Uint8Array[]) => records.map((bytes) => new Uint8Array(bytes));

async function follow(follower: PartitionLog, leader: PartitionLog): Promise<void> {
  while (follower.logEndOffset < leader.logEndOffset) {
    const { records } = await leader.read({ from: follower.logEndOffset, ...all });
    await follower.appendReplica(copyOf(records));
  }
  follower.advanceHighWatermark(leader.highWatermark);
}

describe('a replica', () => {
  test('has the leader’s offsets, epochs, producers and transactions, also after a restart', async () => {
    const leader = await bench().open({}, replicated);
    const copy = bench();
    const follower = await copy.open({}, replicated);
    await leader.beginEpoch(3);
    await leader.append([numbered(3, { producerId: 7, producerEpoch: 0, baseSequence: 0 })], client);
    await leader.append(
      [numbered(2, { producerId: 8, producerEpoch: 1, baseSequence: 0, isTransactional: true })],
      client,
    );
    await leader.beginEpoch(5);
    await leader.append([marker(8, 1, false)], coordinator);
    await leader.append([numbered(1)], client);
    leader.advanceHighWatermark(7);
    await follow(follower, leader);

    const shape = async (log: PartitionLog) => ({
      read: await log.read({ from: 0, ...all }),
      aborted: (await log.read({ from: 0, ...committed })).abortedTransactions,
      ends: [log.logEndOffset, log.highWatermark, log.lastStableOffset, log.leaderEpoch],
      epochs: [2, 3, 4, 5].map((epoch) => log.epochEnd(epoch)),
      producers: log.producers().map(({ lastTimestampMs: _, ...info }) => info),
    });
    const wanted = await shape(leader);
    expect(wanted.ends).toEqual([7, 7, 7, 5]);
    expect(wanted.epochs.map(({ endOffset }) => endOffset)).toEqual([0, 5, 5, 7]);
    expect(await shape(follower)).toEqual(wanted);

    await follower.close();
    const again = await copy.open({}, replicated);
    again.advanceHighWatermark(7);
    expect(await shape(again)).toEqual(wanted);
  });

  test('that begins where the leader was cut in a batch has that batch whole', async () => {
    const leader = await bench().open();
    await leader.append([numbered(10)], client);
    await leader.append([numbered(10)], client);
    await leader.deleteRecordsBefore(5);
    const copy = bench();
    const follower = await copy.open({}, replicated);
    await follower.restartAt(5);
    await follow(follower, leader);
    const shape = async (log: PartitionLog) => ({
      ends: [log.logStartOffset, log.logEndOffset, log.highWatermark],
      read: recordsOf((await log.read({ from: 5, ...committed })).records).map(({ offset }) => offset),
    });
    const wanted = await shape(leader);
    expect(wanted.ends).toEqual([5, 20, 20]);
    expect(await shape(follower)).toEqual(wanted);
    await follower.close();
    const again = await copy.open({}, replicated);
    again.advanceHighWatermark(20);
    expect(await shape(again)).toEqual(wanted);
  });

  test('what only the leader has yet is read by followers alone', async () => {
    const log = await bench().open({}, replicated);
    let told = 0;
    const stop = log.onWritten(() => told++);
    await log.append([numbered(2)], client);
    expect(log.highWatermark).toBe(0);
    expect((await log.read({ from: 0, ...committed })).records).toEqual([]);
    expect(recordsOf((await log.read({ from: 0, ...all })).records).map(({ offset }) => offset)).toEqual([0, 1]);
    expect(recordsOf(log.readCached({ from: 0, ...all })!.records)).toHaveLength(2);
    expect(told).toBe(1);
    stop();
    await log.append([numbered(2)], client);
    expect(told).toBe(1);
  });

  test('takes gaps as compaction leaves them, leaves out what it has, refuses what overlaps or came broken', async () => {
    const leader = await bench().open();
    for (let i = 0; i < 4; i++) await leader.append([numbered(2)], client);
    const [a, b, c, d] = (await leader.read({ from: 0, ...all })).records;
    const follower = await bench().open({}, replicated);
    await follower.appendReplica(copyOf([a!]));
    await follower.appendReplica(copyOf([a!, c!]));
    expect(follower.logEndOffset).toBe(6);
    const { records } = await follower.read({ from: 0, ...all });
    expect(recordsOf(records).map(({ offset }) => offset)).toEqual([0, 1, 4, 5]);
    await follower.appendReplica(copyOf([b!]));
    expect(follower.logEndOffset).toBe(6);

    const broken = new Uint8Array(d!);
    broken[broken.length - 1]! ^= 1;
    expect(await refusalOf(follower.appendReplica([broken]))).toBe('CORRUPT_MESSAGE');
    const other = await bench().open();
    await other.append([numbered(5)], client);
    await other.append([numbered(3)], client);
    const [, across] = (await other.read({ from: 0, ...all })).records;
    expect(await refusalOf(follower.appendReplica(copyOf([across!])))).toBe('INVALID_RECORD');
    expect(follower.logEndOffset).toBe(6);
  });

  test('is cut where an epoch of its own ends for the leader, and goes on there', async () => {
    const old = await bench().open({}, replicated);
    const next = await bench().open({}, replicated);
    await old.beginEpoch(1);
    await old.append([numbered(4)], client);
    await follow(next, old);
    await old.append([numbered(3)], client); // which nobody else has
    await next.beginEpoch(2);
    await next.append([numbered(1)], client);

    const { endOffset } = next.epochEnd(1);
    expect(endOffset).toBe(4);
    await old.truncateTo(endOffset);
    await follow(old, next);
    expect(await old.read({ from: 0, ...all })).toEqual(await next.read({ from: 0, ...all }));
    expect(old.epochEnd(1)).toEqual(next.epochEnd(1));
    expect(old.leaderEpoch).toBe(2);
  });

  test('forgets an epoch that it began as leader and in which it wrote nothing', async () => {
    const old = await bench().open({}, replicated);
    await old.beginEpoch(1);
    await old.append([numbered(2)], client);
    await old.beginEpoch(5);
    expect(old.leaderEpoch).toBe(5);
    await old.truncateTo(2);
    expect([old.leaderEpoch, old.logEndOffset]).toEqual([1, 2]);
  });

  test('whose leader has deleted what follows begins anew where the leader begins', async () => {
    const copy = bench();
    const follower = await copy.open({}, replicated);
    const leader = await bench().open();
    await leader.append([numbered(2)], client);
    await follow(follower, leader);
    for (let i = 0; i < 3; i++) await leader.append([numbered(2)], client);
    await leader.deleteRecordsBefore(6);
    await follower.restartAt(leader.logStartOffset);
    const ends = (log: PartitionLog) => [log.logStartOffset, log.logEndOffset, log.highWatermark, log.sizeBytes > 0];
    expect(ends(follower)).toEqual([6, 6, 6, false]);
    await follow(follower, leader);
    expect(ends(follower)).toEqual([6, 8, 8, true]);
    await follower.close();
    const again = await copy.open({}, replicated);
    expect([again.logStartOffset, again.logEndOffset]).toEqual([6, 8]);
    expect(recordsOf((await again.read({ from: 6, ...all })).records).map(({ offset }) => offset)).toEqual([6, 7]);
  });
});
