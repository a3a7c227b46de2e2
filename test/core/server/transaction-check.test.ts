// KIP-890: no batch gets into a log that belongs to no transaction, however late it comes, and asking costs once.
import { expect, test } from 'vitest';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import type { RequestInit } from '../../../core/protocol/api-table.ts';
import { errorOf } from '../../../core/protocol/error-code.ts';
import { createTransactionCheck } from '../../../core/server/transaction-check.ts';
import { type Asker, batchOf, createTopic, fetch, startNode, valuesIn } from './rig.ts';

interface Producer {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

async function begin(rig: Asker, transactionalId = 'x'): Promise<Producer> {
  const begun = await rig.ask('initProducerId', { transactionalId, transactionTimeoutMs: 60_000 });
  return { transactionalId, producerId: begun.producerId, producerEpoch: begun.producerEpoch };
}

const add = (rig: Asker, producer: Producer, topic: string, partitions = [0]) =>
  rig.ask(
    'addPartitionsToTxn',
    {
      v3AndBelowTransactionalId: producer.transactionalId,
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions }],
    },
    3,
  );

async function write(
  rig: Asker,
  producer: Producer,
  { sequence = 0, version = 11, transactionalId = producer.transactionalId as string | null, value = 'v' } = {},
): Promise<string> {
  const { producerId, producerEpoch } = producer;
  const batch = batchOf([value], { producerId, producerEpoch, baseSequence: sequence, isTransactional: true });
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: [batch] }] }];
  const answer = await rig.ask('produce', { acks: -1, transactionalId, topicData }, version);
  return errorOf(answer.responses[0]!.partitionResponses[0]!.errorCode).name;
}

const end = (rig: Asker, producer: Producer, committed = true) => rig.ask('endTxn', { ...producer, committed });

test('a batch of a partition that was not added is refused, in words that the version knows', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't', 2);
  const producer = await begin(rig);
  expect(await write(rig, producer, { version: 11 })).toBe('TRANSACTION_ABORTABLE');
  expect(await write(rig, producer, { version: 10 })).toBe('INVALID_TXN_STATE');
  await add(rig, producer, 't', [1]);
  expect(await write(rig, producer)).toBe('TRANSACTION_ABORTABLE');
  expect(await write(rig, producer, { transactionalId: null })).toBe('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  expect(await write(rig, producer, { transactionalId: 'other' })).toBe('INVALID_PRODUCER_ID_MAPPING');
  await add(rig, producer, 't');
  expect(await write(rig, producer)).toBe('NONE');
  expect((await end(rig, producer)).errorCode).toBe(0);
  expect(await fetch(rig, 't')).toMatchObject({ highWatermark: 2, lastStableOffset: 2 });
});

test('a batch that comes after the end of its transaction opens none', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't');
  const producer = await begin(rig);
  await add(rig, producer, 't');
  expect(await write(rig, producer)).toBe('NONE');
  await end(rig, producer);
  expect(await write(rig, producer, { sequence: 1 })).toBe('TRANSACTION_ABORTABLE');
  await add(rig, producer, 't');
  expect(await write(rig, producer, { sequence: 1, value: 'w' })).toBe('NONE');
  await end(rig, producer, false);
  expect(await write(rig, producer, { sequence: 2 })).toBe('TRANSACTION_ABORTABLE');
  const read = await fetch(rig, 't', { committed: true });
  expect(read).toMatchObject({ highWatermark: 4, lastStableOffset: 4 });
});

test('a producer that was shut out is told so by the first batch', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't');
  const old = await begin(rig);
  const next = await begin(rig);
  await add(rig, next, 't');
  expect(await write(rig, old)).toBe('INVALID_PRODUCER_EPOCH');
  expect(await write(rig, next)).toBe('NONE');
});

test('batches that are sent without waiting are written in their order', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't');
  const producer = await begin(rig);
  await add(rig, producer, 't');
  const sent = Array.from({ length: 20 }, (_, i) => write(rig, producer, { sequence: i, value: `${i}` }));
  expect(new Set(await Promise.all(sent))).toEqual(new Set(['NONE']));
  await end(rig, producer);
  const { records } = await fetch(rig, 't', { committed: true });
  expect(valuesIn(records).slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
});

test('a transaction that times out shuts out what comes late', async () => {
  const clock = createManualClock(10_000);
  await using rig = await startNode({ clock });
  await createTopic(rig, 't');
  const producer = await begin(rig);
  await add(rig, producer, 't');
  expect(await write(rig, producer)).toBe('NONE');
  clock.advance(60_001);
  await expect.poll(async () => (await fetch(rig, 't')).lastStableOffset).toBe(2);
  expect(await write(rig, producer, { sequence: 1 })).toBe('INVALID_PRODUCER_EPOCH');
});

test('offsets are taken only within the transaction', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't');
  const producer = await begin(rig);
  const commit = async () => {
    const partitions = [{ partitionIndex: 0, committedOffset: 7 }];
    const answer = await rig.ask('txnOffsetCommit', { ...producer, groupId: 'g', topics: [{ name: 't', partitions }] });
    return errorOf(answer.topics[0]!.partitions[0]!.errorCode).name;
  };
  expect(await commit()).toBe('INVALID_TXN_STATE');
  await rig.ask('addOffsetsToTxn', { ...producer, groupId: 'g' });
  expect(await commit()).toBe('NONE');
  expect(await commit()).toBe('NONE');
  await end(rig, producer);
  expect(await commit()).toBe('INVALID_TXN_STATE');
  const { groups } = await rig.ask('offsetFetch', {
    groups: [{ groupId: 'g', topics: null }],
    requireStable: true,
  });
  expect(groups[0]!.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, committedOffset: 7 });
});

test('AddPartitionsToTxn can be asked only whether a partition is in the transaction', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't', 2);
  const producer = await begin(rig);
  await add(rig, producer, 't', [1]);
  const verify = async (version: number) => {
    const transactions = [{ ...producer, verifyOnly: true, topics: [{ name: 't', partitions: [0, 1] }] }];
    const answer = await rig.ask('addPartitionsToTxn', { transactions }, version);
    const [topic] = answer.resultsByTransaction[0]!.topicResults;
    return topic!.resultsByPartition.map(({ partitionErrorCode }) => errorOf(partitionErrorCode).name);
  };
  expect(await verify(5)).toEqual(['TRANSACTION_ABORTABLE', 'NONE']);
  expect(await verify(4)).toEqual(['INVALID_TXN_STATE', 'NONE']);
  const [found] = (await rig.ask('describeTransactions', { transactionalIds: ['x'] })).transactionStates;
  expect(found!.topics).toEqual([{ topic: 't', partitions: [1] }]);
});

test('the coordinator is asked once, and an end that comes in between holds', async () => {
  let asked = 0;
  let answer = () => {};
  const check = createTransactionCheck({
    verify: () => {
      asked++;
      return new Promise((resolve) => {
        answer = () => resolve({ error: 'NONE' });
      });
    },
  });
  let open = false;
  const log = { topic: 't', partition: 0, hasOpenTransaction: () => open } as never;
  const writer = { transactionalId: 'x', producerId: 1, producerEpoch: 0 };
  const written: string[] = [];
  const write = (name: string) => async () => {
    written.push(name);
    open = true;
  };
  const first = check.admit(log, writer, write('a'));
  const second = check.admit(log, writer, write('b'));
  answer();
  await Promise.all([first, second]);
  await check.admit(log, writer, write('c'));
  expect([asked, written]).toEqual([1, ['a', 'b', 'c']]);
  open = false;
  const late = check.admit(log, writer, write('late'));
  check.ended(log, 1);
  answer();
  expect(await late).toBe('TRANSACTION_ABORTABLE');
  expect([asked, written.length]).toEqual([2, 3]);
});

test('an operator ends a transaction of one partition by its marker', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't');
  const producer = await begin(rig);
  await add(rig, producer, 't');
  expect(await write(rig, producer)).toBe('NONE');
  const abort = async (partition: number, producerEpoch: number, coordinatorEpoch = 0) => {
    const topics = [{ name: 't', partitionIndexes: [partition] }];
    const marker = {
      producerId: producer.producerId,
      producerEpoch,
      coordinatorEpoch,
      transactionResult: false,
      topics,
    };
    const { markers } = await rig.ask('writeTxnMarkers', { markers: [marker] });
    return errorOf(markers[0]!.topics[0]!.partitions[0]!.errorCode).name;
  };
  expect(await abort(1, 0)).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  expect(await abort(0, -1)).toBe('INVALID_PRODUCER_EPOCH');
  expect(await fetch(rig, 't')).toMatchObject({ lastStableOffset: 0 });
  expect(await abort(0, producer.producerEpoch)).toBe('NONE');
  const read = await fetch(rig, 't', { committed: true });
  expect(read).toMatchObject({ lastStableOffset: 2, abortedTransactions: [{ firstOffset: 0 }] });

  await add(rig, producer, 't');
  expect(await write(rig, producer, { sequence: 1 })).toBe('NONE');
  expect(await abort(0, 1, 1)).toBe('UNKNOWN_LEADER_EPOCH');
  expect(await abort(0, 5)).toBe('NONE'); // shuts the producer out of the partition, which its own end must survive
  expect((await end(rig, producer)).errorCode).toBe(0);
  expect(await fetch(rig, 't')).toMatchObject({ lastStableOffset: 4 });
});

test('transactions are listed by state, producer and a pattern, which cannot hold up the node', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't');
  const one = await begin(rig, 'a'.repeat(60));
  await begin(rig, 'b1');
  await add(rig, one, 't');
  const list = async (filters: RequestInit<'listTransactions'>) => {
    const { errorCode, transactionStates } = await rig.ask('listTransactions', filters);
    const found = transactionStates.map(({ transactionalId }) => transactionalId.slice(0, 2));
    return errorCode === 0 ? found.sort() : errorOf(errorCode).name;
  };
  expect(await list({})).toEqual(['aa', 'b1']);
  expect(await list({ stateFilters: ['Ongoing'] })).toEqual(['aa']);
  expect(await list({ producerIdFilters: [one.producerId + 1] })).toEqual(['b1']);
  expect(await list({ transactionalIdPattern: 'b\\d' })).toEqual(['b1']);
  expect(await list({ transactionalIdPattern: 'b' })).toEqual([]);
  expect(await list({ transactionalIdPattern: '(a+)+!' })).toEqual([]);
  expect(await list({ transactionalIdPattern: '(' })).toBe('INVALID_REGULAR_EXPRESSION');
  const { unknownStateFilters } = await rig.ask('listTransactions', { stateFilters: ['Nope', 'Empty'] });
  expect(unknownStateFilters).toEqual(['Nope']);
});
