// Fetch: limits, the long poll, isolation. The clock stands still unless a test moves it, so an answer that comes was not
// waited for.
import { describe, expect, test } from 'vitest';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { zeroUuid } from '../../../core/protocol/uuid.ts';
import { batchOf, createTopic, fetch, produce, startNode, valuesIn } from './rig.ts';

const turns = async (n = 20) => {
  for (let i = 0; i < n; i++) await new Promise<void>((resolve) => setImmediate(resolve));
};

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  await turns();
  return Promise.race([promise.then(() => false), Promise.resolve(true)]);
}

const large = 'x'.repeat(1_000);

test('a fetch at the end wakes when something is appended, without time passing', async () => {
  const clock = createManualClock(1_000_000);
  await using rig = await startNode({ clock });
  await createTopic(rig, 'orders', 2);
  const waiting = fetch(rig, 'orders', { maxWaitMs: 60_000 });
  expect(await isPending(waiting)).toBe(true);
  await produce(rig, 'orders', batchOf(['other'], { timestampMs: 1_000_000 }), { partition: 1 });
  expect(await isPending(waiting)).toBe(true);
  await produce(rig, 'orders', batchOf(['a'], { timestampMs: 1_000_000 }));
  expect(await waiting).toMatchObject({ errorCode: 0, highWatermark: 1 });
  expect(valuesIn((await waiting).records)).toEqual(['a']);
});

test('it waits until there is minBytes, keeping what it has, and is empty-handed when the time is up', async () => {
  const clock = createManualClock(1_000_000);
  await using rig = await startNode({ clock });
  await createTopic(rig, 'orders');
  const put = (value: string) => produce(rig, 'orders', batchOf([value], { timestampMs: 1_000_000 }));
  await put('first');
  const waiting = fetch(rig, 'orders', { maxWaitMs: 60_000, minBytes: 1_000 });
  expect(await isPending(waiting)).toBe(true);
  await put('second');
  expect(await isPending(waiting)).toBe(true);
  await put(large);
  expect(valuesIn((await waiting).records)).toEqual(['first', 'second', large]);

  const late = fetch(rig, 'orders', { from: 3, maxWaitMs: 500 });
  expect(await isPending(late)).toBe(true);
  clock.advance(500);
  expect(await late).toMatchObject({ errorCode: 0, highWatermark: 3, records: [] });

  const some = fetch(rig, 'orders', { from: 2, maxWaitMs: 500, minBytes: 100_000 });
  expect(await isPending(some)).toBe(true);
  clock.advance(500);
  expect(valuesIn((await some).records)).toEqual([large]);
});

test('limits hold a fetch back, but for one batch that is larger than all of them', async () => {
  await using rig = await startNode();
  await createTopic(rig, 'orders', 2);
  for (const partition of [0, 1])
    for (const name of ['a', 'b', 'c']) await produce(rig, 'orders', batchOf([name + large]), { partition });
  const first = (values: string[]) => values.map((value) => value[0]);
  expect(first(valuesIn((await fetch(rig, 'orders', { partitionMaxBytes: 1 })).records))).toEqual(['a']);
  expect(first(valuesIn((await fetch(rig, 'orders', { partitionMaxBytes: 2_500 })).records))).toEqual(['a', 'b']);
  expect(first(valuesIn((await fetch(rig, 'orders', { from: 1, maxBytes: 1 })).records))).toEqual(['b']);

  const both = async (maxBytes: number) => {
    const partitions = [0, 1].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 2_500 }));
    const { responses } = await rig.ask(
      'fetch',
      { maxWaitMs: 0, minBytes: 1, maxBytes, topics: [{ topic: 'orders', partitions }] },
      12,
    );
    return responses[0]!.partitions.map(({ records }) => first(valuesIn(records)).join(''));
  };
  expect(await both(100_000)).toEqual(['ab', 'ab']);
  expect(await both(3_500)).toEqual(['ab', 'a']);
  expect(await both(1)).toEqual(['a', '']);
});

test('what is wrong with a partition is said at once, and of that partition only', async () => {
  await using rig = await startNode({ settings: { 'auto.create.topics.enable': false } });
  const topicId = await createTopic(rig, 'orders');
  await produce(rig, 'orders', batchOf(['a']));
  const asked = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 };
  const request = (topic: object, partition: object = {}) =>
    ({
      maxWaitMs: 60_000,
      minBytes: 1_000_000,
      maxBytes: 1_000,
      topics: [{ ...topic, partitions: [{ ...asked, ...partition }] }],
    }) as const;
  const errorOf = async (topic: object, partition: object, version: number) => {
    const { responses } = await rig.ask('fetch', request(topic, partition), version);
    return responses[0]!.partitions[0]!.errorCode;
  };
  expect(await errorOf({ topic: 'nothing' }, {}, 12)).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION.code);
  expect(await errorOf({ topic: 'orders' }, { partition: 4 }, 12)).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION.code);
  expect(await errorOf({ topicId: zeroUuid }, {}, 18)).toBe(errors.UNKNOWN_TOPIC_ID.code);
  expect(await errorOf({ topicId }, { fetchOffset: 2 }, 18)).toBe(errors.OFFSET_OUT_OF_RANGE.code);
  expect(await errorOf({ topicId }, { currentLeaderEpoch: 5 }, 18)).toBe(errors.UNKNOWN_LEADER_EPOCH.code);
  const { errorCode } = await rig.ask('fetch', { ...request({ topicId }), sessionId: 9, sessionEpoch: 1 });
  expect(errorCode).toBe(errors.FETCH_SESSION_ID_NOT_FOUND.code);
});

describe('a fetch that waits ends', () => {
  test('with the reason of its signal', async () => {
    await using rig = await startNode({ clock: createManualClock() });
    await createTopic(rig, 'orders');
    const stop = new AbortController();
    const waiting = fetch(rig, 'orders', { maxWaitMs: 60_000, signal: stop.signal });
    expect(await isPending(waiting)).toBe(true);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  test('when the node closes, which does not wait for it', async () => {
    const rig = await startNode({ clock: createManualClock() });
    await createTopic(rig, 'orders');
    const waiting = fetch(rig, 'orders', { maxWaitMs: 60_000 });
    expect(await isPending(waiting)).toBe(true);
    await rig.node.close();
    expect(await waiting).toMatchObject({ errorCode: 0, records: [] });
    await expect(fetch(rig, 'orders')).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

test('readers of committed records wait for the end of a transaction and are told what was aborted', async () => {
  const clock = createManualClock(1_000_000);
  await using rig = await startNode({ clock });
  await createTopic(rig, 'orders');
  const { producerId, producerEpoch } = await rig.ask('initProducerId', {
    transactionalId: 'mover',
    transactionTimeoutMs: 60_000,
  });
  const writer = { transactionalId: 'mover', producerId, producerEpoch };
  const write = async (value: string, baseSequence: number) => {
    await rig.ask(
      'addPartitionsToTxn',
      {
        v3AndBelowTransactionalId: 'mover',
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: [{ name: 'orders', partitions: [0] }],
      },
      3,
    );
    const fields = { producerId, producerEpoch, baseSequence, isTransactional: true, timestampMs: 1_000_000 };
    expect(await produce(rig, 'orders', batchOf([value], fields), { transactionalId: 'mover' })).toMatchObject({
      errorCode: 0,
    });
  };
  await write('kept', 0);
  expect(valuesIn((await fetch(rig, 'orders')).records)).toEqual(['kept']);
  const waiting = fetch(rig, 'orders', { committed: true, maxWaitMs: 60_000 });
  expect(await isPending(waiting)).toBe(true);
  expect(await rig.ask('endTxn', { ...writer, committed: true }, 4)).toMatchObject({ errorCode: 0 });
  expect(await waiting).toMatchObject({ lastStableOffset: 2, abortedTransactions: [] });

  await write('dropped', 1);
  await rig.ask('endTxn', { ...writer, committed: false }, 4);
  expect(await fetch(rig, 'orders', { committed: true })).toMatchObject({
    lastStableOffset: 4,
    abortedTransactions: [{ producerId, firstOffset: 2 }],
  });
});

test('a transaction that was aborted is listed once, however often the log moved while the fetch waited', async () => {
  const clock = createManualClock(1_000_000);
  await using rig = await startNode({ clock });
  await createTopic(rig, 'orders');
  const begin = async (id: string) => {
    const { producerId, producerEpoch } = await rig.ask('initProducerId', {
      transactionalId: id,
      transactionTimeoutMs: 60_000,
    });
    return { transactionalId: id, producerId, producerEpoch };
  };
  const write = async (writer: Awaited<ReturnType<typeof begin>>, value: string, baseSequence: number) => {
    const { transactionalId, producerId, producerEpoch } = writer;
    await rig.ask(
      'addPartitionsToTxn',
      {
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: [{ name: 'orders', partitions: [0] }],
      },
      3,
    );
    const fields = { producerId, producerEpoch, baseSequence, isTransactional: true, timestampMs: 1_000_000 };
    const written = await produce(rig, 'orders', batchOf([value], fields), { transactionalId });
    expect(written).toMatchObject({ errorCode: 0 });
  };
  const [one, other] = [await begin('one'), await begin('other')];
  await write(one, 'dropped', 0);
  await write(other, 'kept', 0);
  await rig.ask('endTxn', { ...one, committed: false }, 4);

  const waiting = fetch(rig, 'orders', { committed: true, maxWaitMs: 60_000, minBytes: 100_000 });
  expect(await isPending(waiting)).toBe(true); // with the first batch, up to where the other transaction is open
  await rig.ask('endTxn', { ...other, committed: true }, 4);
  expect(await isPending(waiting)).toBe(true);
  await write(one, 'kept too', 1);
  await rig.ask('endTxn', { ...one, committed: true }, 4);
  expect(await isPending(waiting)).toBe(true);
  clock.advance(60_000);
  const { records, abortedTransactions } = await waiting;
  expect(valuesIn(records)).toEqual(expect.arrayContaining(['dropped', 'kept', 'kept too']));
  expect(abortedTransactions).toEqual([{ producerId: one.producerId, firstOffset: 0 }]);
});
