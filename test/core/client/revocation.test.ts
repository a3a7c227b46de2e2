import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Consumer, ConsumerOptions } from '../../../core/client/index.ts';
import { createLatch } from '../../../core/kernel/latch.ts';
import { apis } from '../../../core/protocol/api-table.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { answeringNetwork } from './answering-network.ts';
import { bytes, startNode, type TestNode, text } from './real-node.ts';

let node: TestNode;
const consumers: Consumer[] = [];
/** What every commit over `refusing` is answered with; null: what the node says. */
let refusal: 'COORDINATOR_NOT_AVAILABLE' | 'ILLEGAL_GENERATION' | null = null;

beforeEach(async () => {
  // A commit is tried for a minute.
  node = await startNode({ 'group.max.session.timeout.ms': 1_800_000 }, 40);
  refusal = null;
});

afterEach(async () => {
  refusal = null;
  await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
  await node[Symbol.asyncDispose]();
});

const refusing = () =>
  answeringNetwork(node.network, async (api, request, pass) => {
    if (api !== 'offsetCommit' || refusal === null) return pass();
    const errorCode = errors[refusal].code;
    const { topics } = request as ReturnType<typeof apis.offsetCommit.request.create>;
    return apis.offsetCommit.response.create({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
      })),
    });
  });

function consumerOf(options: ConsumerOptions, network = node.network): Consumer {
  const consumer = node.client('test', network).consumer({
    ...{ groupId: 'g', from: 'earliest', heartbeatIntervalMs: 500 },
    ...{ sessionTimeoutMs: 600_000, rebalanceTimeoutMs: 600_000, autoCommitIntervalMs: 3_600_000 },
    ...options,
  });
  consumers.push(consumer);
  return consumer;
}

async function append(from: number, to: number): Promise<void> {
  const producer = node.client().producer();
  for (let i = from; i < to; i++) producer.write('t', i % 2, i, null, bytes(`${i}`));
  await producer.close();
}

/** All that the consumer is given from here on. */
function readings(consumer: Consumer): number[] {
  const seen: number[] = [];
  void (async () => {
    for await (const { value } of consumer) seen.push(Number(text(value)));
  })();
  return seen;
}

const partitionsOf = (consumer: Consumer) => consumer.assignment().map(({ partition }) => partition);
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 5 });

describe('what is revoked is read no longer where its commit fails', () => {
  test.each([
    ['cooperative-sticky', 'COORDINATOR_NOT_AVAILABLE', 'revoked'],
    ['range', 'COORDINATOR_NOT_AVAILABLE', 'revoked'],
    ['cooperative-sticky', 'ILLEGAL_GENERATION', 'lost'],
    ['range', 'ILLEGAL_GENERATION', 'lost'],
  ] as const)('%s, %s', async (assignor, error, kind) => {
    await node
      .client()
      .admin()
      .createTopics([{ name: 't', partitions: 2 }]);
    await append(0, 10);
    const told: string[] = [];
    const first = consumerOf(
      { assignors: [assignor], onRebalance: (change) => void told.push(change.kind) },
      refusing(),
    );
    await first.subscribe(['t']);
    const before = readings(first);
    await eventually(() => expect(before).toHaveLength(10));
    refusal = error;
    const second = consumerOf({ assignors: [assignor] });
    await second.subscribe(['t']);
    const other = readings(second);
    await eventually(() => expect(told).toContain(kind));
    refusal = null;
    await eventually(() => expect([...partitionsOf(first), ...partitionsOf(second)].sort()).toEqual([0, 1]));
    await eventually(() => expect(other.length).toBeGreaterThanOrEqual(5)); // again what was not committed
    await append(10, 20);
    const fresh = () => [...before, ...other].filter((n) => n >= 10).sort((a, b) => a - b);
    await eventually(() => expect(fresh().length).toBeGreaterThanOrEqual(10));
    await append(20, 30);
    await eventually(() => expect(fresh()).toContain(28));
    await eventually(() => expect(fresh()).toContain(29));
    expect(fresh()).toEqual(numbers(10, 30));
  });
});

test('a topic that is deleted is given up, and holds up no commit of the others', async () => {
  const admin = node.client().admin();
  const topics = ['t', 'gone'];
  await admin.createTopics(topics.map((name) => ({ name, partitions: 1 })));
  const producer = node.client().producer();
  for (const topic of topics) producer.write(topic, 0, 0, null, bytes(topic));
  await producer.close();
  const committed: string[] = [];
  const network = answeringNetwork(node.network, async (api, request, pass) => {
    if (api === 'offsetCommit') for (const { name } of request.topics) committed.push(name);
    return pass();
  });
  const consumer = consumerOf({ metadataMaxAgeMs: 1_000 }, network);
  await consumer.subscribe(topics);
  let count = 0;
  while (count < 2) count += (await consumer.poll(1_000)).length;
  await consumer.poll(0); // done with both
  await admin.deleteTopics(['gone']);
  await eventually(() => expect(consumer.assignment()).toEqual([{ topic: 't', partition: 0 }]));
  await consumer.close();
  expect(committed).toEqual(['t']);
});

test('a poll waits no longer than it is told, also with a rebalance under way', async () => {
  await node
    .client()
    .admin()
    .createTopics([{ name: 't', partitions: 2 }]);
  const [begun, over] = [createLatch(), createLatch()];
  const first = consumerOf({
    async onRebalance({ kind }) {
      if (kind !== 'revoked') return;
      begun.resolve();
      await over.promise;
    },
  });
  await first.subscribe(['t']);
  await eventually(() => expect(first.assignment()).toHaveLength(2));
  const second = consumerOf({});
  await second.subscribe(['t']);
  await begun.promise;
  expect(await first.poll(500)).toEqual([]);
  expect(first.assignment()).toHaveLength(2);
  over.resolve();
});

test('offsets of records that are gone to another member meanwhile are refused', async () => {
  await node
    .client()
    .admin()
    .createTopics([{ name: 't', partitions: 2 }]);
  await append(0, 10);
  const first = consumerOf({ rebalanceTimeoutMs: 4_000 });
  await first.subscribe(['t']);
  await eventually(() => expect(first.assignment()).toHaveLength(2));
  const inHand = await first.poll(5_000);
  expect(new Set(inHand.map(({ partition }) => partition)).size).toBe(2); // whichever goes is in hand
  const taken = first.generation;
  const second = consumerOf({});
  await second.subscribe(['t']);
  await eventually(() => expect(second.assignment()).toHaveLength(1));
  expect(first.generation).toEqual(taken);
  const offsets = second.assignment().map((partition) => ({ ...partition, offset: 5 }));
  await expect(first.commit(offsets)).rejects.toMatchObject({ code: 'REBALANCED' });
  await first.poll(0);
  expect(first.generation).not.toEqual(taken);
});
