// Fetches in a cluster of several racks: who answers them, and what a node says that leads or follows no more.
import { describe, expect, test } from 'vitest';
import { apis, type RequestOf, type ResponseOf } from '../../../../core/protocol/api-table.ts';
import { errorOf } from '../../../../core/protocol/error-code.ts';
import { startCluster, type TestCluster } from './three-nodes.ts';

const patient = { timeout: 15_000, interval: 30 };
const bytes = (text: string) => Buffer.from(text);
const topic = 'orders';

interface Asked {
  readonly from?: number;
  readonly rackId?: string;
  readonly maxWaitMs?: number;
  readonly committed?: boolean;
}

async function place(cluster: TestCluster) {
  const [described] = await cluster.client().admin().describeTopics([topic]);
  return described!.partitions[0]!;
}

/** The first names the leader. */
async function createOn(cluster: TestCluster, replicas: readonly number[], config = {}) {
  const admin = cluster.client().admin();
  await admin.createTopics([{ name: topic, partitions: 1, replicationFactor: replicas.length, config }]);
  await admin.reassign([{ topic, partition: 0, replicas }]);
  await expect.poll(async () => (await place(cluster)).replicas, patient).toEqual(replicas);
  await admin.electLeaders('preferred', [{ topic, partition: 0 }]);
  await expect.poll(async () => (await place(cluster)).leader, patient).toBe(replicas[0]);
  await expect.poll(async () => (await place(cluster)).inSyncReplicas.length, patient).toBe(replicas.length);
}

async function ask(cluster: TestCluster, nodeId: number, asked: Asked = {}, version = 12) {
  const { from = 0, rackId = '', maxWaitMs = 0, committed = false } = asked;
  const request = apis.fetch.request.create({
    ...{ maxWaitMs, minBytes: 1, isolationLevel: committed ? 1 : 0, rackId },
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: from, partitionMaxBytes: 1 << 20 }] }],
  } as never);
  const answer = await cluster.nodes.get(nodeId)!.call('fetch', version, request);
  return answer.responses[0]!.partitions[0]!;
}

/** As a later life of node 3 would, so that the leader heeds it. */
async function askAsFollower(cluster: TestCluster, nodeId: number, { from = 0, maxWaitMs = 0, rackId = '' }: Asked) {
  const [described] = await cluster.client().admin().describeTopics([topic]);
  const request = apis.fetch.request.create({
    ...{ replicaState: { replicaId: 3, replicaEpoch: 1_000_000 }, maxWaitMs, minBytes: 1, rackId },
    topics: [
      {
        topicId: described!.topicId,
        partitions: [{ partition: 0, fetchOffset: from, logStartOffset: 0, partitionMaxBytes: 1 << 20 }],
      },
    ],
  } as never);
  const answer = await cluster.nodes.get(nodeId)!.call('fetch', 18, request);
  return answer.responses[0]!.partitions[0]!;
}

const errorIn = ({ errorCode }: { readonly errorCode: number }) => errorOf(errorCode).name;

async function send(cluster: TestCluster, values: readonly string[]) {
  await using producer = cluster.client().producer();
  await Promise.all(values.map((value) => producer.send({ topic, key: null, value: bytes(value) })));
}

describe('a fetch that waits while its node is replaced', () => {
  test('is refused at once, whoever asks and whatever it waits for', async () => {
    await using cluster = await startCluster();
    await createOn(cluster, [1, 2, 3]);
    await send(cluster, ['a', 'b']);
    await expect.poll(async () => (await ask(cluster, 3)).highWatermark, patient).toBe(2);
    const wait = { from: 2, maxWaitMs: 60_000 };
    const waiting = [
      ask(cluster, 1, wait),
      ask(cluster, 1, { ...wait, committed: true }),
      ask(cluster, 1, wait, 10),
      askAsFollower(cluster, 1, wait),
      ask(cluster, 3, wait),
      ask(cluster, 3, { ...wait, committed: true }),
    ];
    const admin = cluster.client().admin();
    await admin.reassign([{ topic, partition: 0, replicas: [2, 1, 3] }]);
    await expect.poll(async () => (await place(cluster)).replicas, patient).toEqual([2, 1, 3]);
    await admin.electLeaders('preferred', [{ topic, partition: 0 }]);
    const answers = await Promise.all(waiting);
    for (const answer of answers) {
      expect(errorIn(answer)).toBe('NOT_LEADER_OR_FOLLOWER');
      expect(answer).toMatchObject({ highWatermark: -1, records: [] });
    }
  }, 60_000);
});

describe('the closest copy', () => {
  const racks = { 1: 'a', 2: 'b', 3: 'b' };

  test('is named by the leader to a consumer of another rack, and to nobody else', async () => {
    await using cluster = await startCluster({ racks });
    await createOn(cluster, [1, 2, 3]);
    await send(cluster, ['a', 'b']);
    const preferred = async (asked: Asked, version?: number) =>
      (await ask(cluster, 1, asked, version)).preferredReadReplica;
    await expect.poll(() => preferred({ from: 2, rackId: 'b' }), patient).toBeGreaterThan(1);
    expect(await ask(cluster, 1, { rackId: 'b', maxWaitMs: 60_000 })).toMatchObject({ errorCode: 0, records: [] });
    for (const rackId of ['', 'a', 'c']) expect(await preferred({ rackId })).toBe(-1);
    expect((await askAsFollower(cluster, 1, { rackId: 'b' })).preferredReadReplica).toBe(-1);
    // No copy has what is above the end of the log.
    expect(await preferred({ from: 3, rackId: 'b' })).toBe(-1);
    await cluster.kill(2);
    await expect.poll(() => preferred({ rackId: 'b' }), patient).toBe(3);
    await cluster.kill(3).catch(() => {});
  }, 60_000);

  test('gives what is below its high watermark, and says what it has not', async () => {
    await using cluster = await startCluster({ racks });
    await createOn(cluster, [1, 2, 3]);
    const waiting = ask(cluster, 2, { maxWaitMs: 30_000 });
    await send(cluster, ['a', 'b', 'c']);
    expect((await waiting).records!.length).toBeGreaterThan(0);
    // Told of the high watermark as soon as it moves, not when the next fetch is over.
    await expect.poll(async () => (await ask(cluster, 2)).highWatermark, patient).toBe(3);
    await cluster
      .client()
      .admin()
      .deleteRecords([{ topic, partition: 0, offset: 1 }]);
    await expect.poll(async () => (await ask(cluster, 2, { from: 1 })).logStartOffset, patient).toBe(1);
    expect(errorIn(await ask(cluster, 2, { from: 0 }))).toBe('OFFSET_OUT_OF_RANGE');
    expect(errorIn(await ask(cluster, 2, { from: 4 }))).toBe('OFFSET_OUT_OF_RANGE');
    expect(errorIn(await ask(cluster, 2, { from: 3 }))).toBe('NONE');
    // Version 10 knows nothing of copies.
    expect(errorIn(await ask(cluster, 2, { from: 3 }, 10))).toBe('NOT_LEADER_OR_FOLLOWER');
  }, 60_000);

  test('shows transactions as the leader does', async () => {
    await using cluster = await startCluster({ racks });
    await createOn(cluster, [1, 2, 3]);
    await using producer = cluster.client().producer({ transactionalId: 'tx' });
    await producer.initTransactions();
    for (const end of ['abort', 'commit'] as const) {
      producer.begin();
      await producer.send({ topic, key: null, value: bytes(end) });
      await producer[end]();
    }
    producer.begin();
    await producer.send({ topic, key: null, value: bytes('open') });
    await producer.flush();
    const seen = ({ highWatermark, lastStableOffset, abortedTransactions, records }: Answer) => ({
      ...{ highWatermark, lastStableOffset, abortedTransactions },
      bytes: Buffer.concat(records ?? []).length,
    });
    const led = seen(await ask(cluster, 1, { committed: true }));
    expect(led.abortedTransactions).toHaveLength(1);
    await expect.poll(async () => seen(await ask(cluster, 2, { committed: true })), patient).toEqual(led);
    await producer.abort();
  }, 60_000);

  test('serves our consumer, which goes back to the leader when the copy is gone', async () => {
    const served = new Map<number, number>();
    await using cluster = await startCluster({
      racks,
      onAnswer(nodeId, api, request, answer) {
        if (api !== 'fetch' || isFollower(request as RequestOf<'fetch'>)) return;
        for (const { partitions } of (answer as ResponseOf<'fetch'>).responses)
          for (const { records } of partitions)
            served.set(nodeId, (served.get(nodeId) ?? 0) + Buffer.concat(records ?? []).length);
      },
    });
    await createOn(cluster, [1, 2]);
    await using consumer = cluster.client().consumer({ from: 'earliest', rackId: 'b' });
    await consumer.assign([{ topic, partition: 0 }]);
    const read: string[] = [];
    const readTo = async (count: number) => {
      while (read.length < count)
        for (const { value } of await consumer.poll(200)) read.push(Buffer.from(value!).toString());
    };
    const sent = Array.from({ length: 100 }, (_, i) => `v${i}`);
    await send(cluster, sent.slice(0, 50));
    await readTo(50);
    expect(served.get(2)).toBeGreaterThan(0);
    expect(served.get(1) ?? 0).toBe(0);
    await cluster.kill(2);
    await send(cluster, sent.slice(50));
    await readTo(100);
    expect(read.sort()).toEqual([...sent].sort());
    expect(served.get(1)).toBeGreaterThan(0);
  }, 60_000);
});

type Answer = Awaited<ReturnType<typeof ask>>;

const isFollower = ({ replicaId, replicaState }: RequestOf<'fetch'>) => replicaId >= 0 || replicaState.replicaId >= 0;
