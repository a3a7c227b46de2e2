// What a node does when its disk fails or its process dies: it answers with Kafka's code and stays up, and after a crash
// everything that was acknowledged is there.
import { expect, test } from 'vitest';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { createFaultyEngine } from '../../support/faulty-storage.ts';
import { createLossyEngine } from '../log/lossy-engine.ts';
import { batchOf, createTopic, fetch, produce, type Rig, startNode, valuesIn } from './rig.ts';

const commit = async (rig: Rig, groupId: string, offset: number) => {
  const topics = [
    { name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }] },
  ];
  return (await rig.ask('offsetCommit', { groupId, topics }, 8)).topics[0]!.partitions[0]!.errorCode;
};

const committed = async (rig: Rig, groupId: string) => {
  const groups = [{ groupId, topics: [{ name: 'orders', partitionIndexes: [0] }] }];
  return (await rig.ask('offsetFetch', { groups }, 9)).groups[0]!.topics[0]!.partitions[0]!.committedOffset;
};

test('a node that can not write says so, stays up, and writes again when it can', async () => {
  const engine = createFaultyEngine();
  await using rig = await startNode({ engine });
  await createTopic(rig, 'orders');
  expect(await produce(rig, 'orders', batchOf(['a']))).toMatchObject({ errorCode: 0 });
  expect(await commit(rig, 'readers', 1)).toBe(0);
  const storageError = errors.KAFKA_STORAGE_ERROR.code;

  engine.failWrites();
  expect(await produce(rig, 'orders', batchOf(['b']))).toMatchObject({ errorCode: storageError, baseOffset: -1 });
  expect(await commit(rig, 'readers', 2)).toBe(errors.NOT_COORDINATOR.code);
  const { topics } = await rig.ask('createTopics', {
    topics: [{ name: 'more', numPartitions: 1, replicationFactor: 1 }],
  });
  expect(topics[0]).toMatchObject({ errorCode: storageError, errorMessage: expect.any(String) });
  expect(valuesIn((await fetch(rig, 'orders')).records)).toEqual(['a']);
  expect(await committed(rig, 'readers')).toBe(1);

  engine.heal();
  expect(await produce(rig, 'orders', batchOf(['c']))).toMatchObject({ errorCode: 0 });
  expect(await commit(rig, 'readers', 3)).toBe(0);
  await createTopic(rig, 'more');
  expect(valuesIn((await fetch(rig, 'orders')).records)).toEqual(['a', 'c']);
  expect(await committed(rig, 'readers')).toBe(3);
});

test('who asks for offsets while their coordinator can not be read hears of it in every version', async () => {
  const engine = createFaultyEngine();
  await using rig = await startNode({ engine });
  await createTopic(rig, 'orders');
  engine.failWrites();
  const request = { groupId: 'readers', topics: [{ name: 'orders', partitionIndexes: [0] }] };
  const { code: errorCode } = errors.NOT_COORDINATOR;
  const oldest = await rig.ask('offsetFetch', request, 1);
  expect(oldest.topics).toMatchObject([{ name: 'orders', partitions: [{ partitionIndex: 0, errorCode }] }]);
  expect(await rig.ask('offsetFetch', request, 2)).toMatchObject({ errorCode, topics: [] });
  expect((await rig.ask('offsetFetch', { groups: [request] }, 9)).groups[0]).toMatchObject({ errorCode });
});

test('a transaction whose coordinator could not write once is timed out all the same, though nobody asks', async () => {
  const clock = createManualClock(1_000_000);
  const engine = createFaultyEngine();
  await using rig = await startNode({ engine, clock });
  await createTopic(rig, 'orders');
  const asked = { transactionalId: 'x', transactionTimeoutMs: 10_000 };
  const { producerId, producerEpoch } = await rig.ask('initProducerId', asked);
  const added = {
    ...{ v3AndBelowTransactionalId: 'x', v3AndBelowProducerId: producerId, v3AndBelowProducerEpoch: producerEpoch },
    v3AndBelowTopics: [{ name: 'orders', partitions: [0] }],
  };
  await rig.ask('addPartitionsToTxn', added, 3);
  const fields = { producerId, producerEpoch, baseSequence: 0, isTransactional: true, timestampMs: 1_000_000 };
  expect(await produce(rig, 'orders', batchOf(['open'], fields), { transactionalId: 'x' })).toMatchObject({
    errorCode: 0,
  });
  engine.failWrites();
  const end = { transactionalId: 'x', producerId, producerEpoch, committed: true };
  expect((await rig.ask('endTxn', end, 3)).errorCode).not.toBe(0);
  engine.heal();
  await expect
    .poll(async () => {
      clock.advance(2_000);
      return (await fetch(rig, 'orders', { committed: true })).lastStableOffset;
    })
    .toBe(2);
  expect(await fetch(rig, 'orders', { committed: true })).toMatchObject({
    abortedTransactions: [{ producerId, firstOffset: 0 }],
  });
});

test('produces at the same time all come in, each once, and each producer in its order', async () => {
  await using rig = await startNode();
  await createTopic(rig, 'orders', 2);
  const producers = await Promise.all(
    Array.from({ length: 8 }, () => rig.ask('initProducerId', { transactionalId: null })),
  );
  expect(new Set(producers.map(({ producerId }) => producerId)).size).toBe(8);
  const sent = producers.flatMap(({ producerId, producerEpoch }, p) =>
    Array.from({ length: 25 }, (_, i) => {
      const fields = { producerId, producerEpoch, baseSequence: i };
      return produce(rig, 'orders', batchOf([`${p}:${i}`], fields), { partition: p % 2 });
    }),
  );
  const outcomes = await Promise.all(sent);
  expect(outcomes.map(({ errorCode }) => errorCode)).toEqual(outcomes.map(() => 0));
  for (const partition of [0, 1]) {
    const values = valuesIn((await fetch(rig, 'orders', { partition })).records);
    for (let p = partition; p < 8; p += 2) {
      expect(values.filter((value) => value.startsWith(`${p}:`))).toEqual(
        Array.from({ length: 25 }, (_, i) => `${p}:${i}`),
      );
    }
    expect(values).toHaveLength(100);
  }
  const [first] = producers;
  const again = batchOf(['0:24'], { producerId: first!.producerId, producerEpoch: 0, baseSequence: 24 });
  expect(await produce(rig, 'orders', again)).toMatchObject({ errorCode: 0 });
  const gap = batchOf(['0:99'], { producerId: first!.producerId, producerEpoch: 0, baseSequence: 99 });
  expect(await produce(rig, 'orders', gap)).toMatchObject({ errorCode: errors.OUT_OF_ORDER_SEQUENCE_NUMBER.code });
  expect(valuesIn((await fetch(rig, 'orders')).records)).toHaveLength(100);
});

test('what is wrong with a batch is said by name', async () => {
  await using rig = await startNode();
  await createTopic(rig, 'orders');
  const torn = batchOf(['a']);
  torn[torn.length - 1]! ^= 1;
  expect(await produce(rig, 'orders', torn)).toMatchObject({ errorCode: errors.CORRUPT_MESSAGE.code });
  expect(await produce(rig, 'orders', batchOf(['a']), { partition: 3 })).toMatchObject({
    errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION.code,
  });
  expect(await produce(rig, 'nothing', batchOf(['a']))).toMatchObject({
    errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION.code,
  });
  expect(await produce(rig, '__consumer_offsets', batchOf(['a']))).toMatchObject({
    errorCode: expect.any(Number),
    baseOffset: -1,
  });
  expect(await produce(rig, 'orders', batchOf(['a']), { acks: 2 })).toMatchObject({
    errorCode: errors.INVALID_REQUIRED_ACKS.code,
  });
});

test.each(Array.from({ length: 20 }, (_, i) => i + 1))(
  'a killed node has all it acknowledged, seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    const engine = createLossyEngine(random);
    const topics = new Map<string, string>();
    const records = new Map<string, string[]>(); // acknowledged, by topic, in their order
    const maybe = new Set<string>(); // sent and not answered when the node died
    const offsets = new Map<string, number>();
    const producerIds = new Set<number>();
    let next = 0;
    for (let life = 0; life < 4; life++) {
      const rig = await startNode({ engine: engine.life(), seed: seed * 10 + life });
      await expectAll(rig, { topics, records, maybe, offsets });
      if (topics.size === 0) topics.set('orders', await createTopic(rig, 'orders'));
      const underWay: Promise<unknown>[] = [];
      for (let step = 0; step < 40; step++) {
        const roll = random.integer(10);
        const names = [...topics.keys()];
        const topic = names[random.integer(names.length)]!;
        if (roll < 6) {
          const value = `r${next++}`;
          maybe.add(value);
          underWay.push(
            produce(rig, topic, batchOf([value])).then(({ errorCode }) => {
              if (errorCode !== 0) return;
              maybe.delete(value);
              records.set(topic, [...(records.get(topic) ?? []), value]);
            }),
          );
        } else if (roll < 8) {
          const groupId = `group-${random.integer(3)}`;
          const offset = next++;
          underWay.push(
            commit(rig, groupId, offset).then(
              (errorCode) => errorCode === 0 && offsets.set(groupId, Math.max(offset, offsets.get(groupId) ?? 0)),
            ),
          );
        } else if (roll === 8 && topics.size < 4) {
          const name = `topic-${next++}`;
          underWay.push(createTopic(rig, name).then((id) => topics.set(name, id)));
        } else {
          underWay.push(
            rig.ask('initProducerId', { transactionalId: null }).then(({ errorCode, producerId }) => {
              if (errorCode !== 0) return;
              if (producerIds.has(producerId)) throw new Error(`producer id ${producerId} was given out twice`);
              producerIds.add(producerId);
            }),
          );
        }
        if (random.integer(3) === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      }
      await engine.crash('kill');
      const outcomes = await Promise.allSettled(underWay);
      expect(
        outcomes.filter((outcome) => outcome.status === 'rejected' && /twice/.test(String(outcome.reason))),
      ).toEqual([]);
      await rig.node.close().catch(() => {});
    }
    await using rig = await startNode({ engine: engine.life(), seed: 7 });
    await expectAll(rig, { topics, records, maybe, offsets });
    expect([...records.values()].flat().length).toBeGreaterThan(10);
    expect(offsets.size).toBeGreaterThan(0);
    expect(producerIds.size).toBeGreaterThan(0);
  },
);

interface Promised {
  readonly topics: ReadonlyMap<string, string>;
  readonly records: ReadonlyMap<string, readonly string[]>;
  readonly maybe: ReadonlySet<string>;
  readonly offsets: ReadonlyMap<string, number>;
}

async function expectAll(rig: Rig, { topics, records, maybe, offsets }: Promised): Promise<void> {
  const { topics: found } = await rig.ask('metadata', { topics: null });
  for (const [name, id] of topics) expect(found).toContainEqual(expect.objectContaining({ name, topicId: id }));
  for (const name of topics.keys()) {
    const values = valuesIn((await fetch(rig, name)).records);
    expect(values.filter((value) => !maybe.has(value))).toEqual(records.get(name) ?? []);
  }
  for (const [groupId, offset] of offsets) expect(await committed(rig, groupId)).toBeGreaterThanOrEqual(offset);
}
