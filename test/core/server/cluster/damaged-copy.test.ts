// Bytes of stored batches change on one node's disk, LevelDB's: they are never served, the copy is fetched anew from another
// node, and in the end all is there. Where there is no other, what is damaged is refused and the rest is read.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Logger } from '../../../../core/kernel/logger.ts';
import { batchesEnd, batchKey, keyOffset } from '../../../../core/log/keyspace.ts';
import { apis } from '../../../../core/protocol/api-table.ts';
import { errors } from '../../../../core/protocol/error-code.ts';
import { createLevelEngine } from '../../../../core/storage/level-storage.ts';
import { valuesIn } from '../rig.ts';
import { startCluster, type TestCluster } from './three-nodes.ts';

const patient = { timeout: 20_000, interval: 30 };
const values = Array.from({ length: 20 }, (_, i) => `v${i}`);
const order = { topic: 'orders', partition: 0 };

async function startOnLevel(settings: object) {
  const folder = await mkdtemp(join(tmpdir(), 'copies-'));
  const lines: string[] = [];
  const warn = (_: object, message: string) => void lines.push(message);
  const logger: Logger = { debug: () => {}, info: () => {}, warn, error: warn };
  const engineOf = (id: number) => createLevelEngine(join(folder, String(id)));
  const cluster = await startCluster({ engineOf, settings, logger });
  return {
    cluster,
    lines,
    engineOf,
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** In the batch that is the eighth, while the node is away. */
async function damage(engine: ReturnType<typeof createLevelEngine>, at: (length: number) => number): Promise<number> {
  await using storage = await engine.open('orders-0');
  const [key, value] = (await storage.scanPage({ gte: batchKey(0), lt: batchesEnd }))[8]!;
  value[at(value.length)]! ^= 1;
  await storage.write([{ type: 'put', key, value }]);
  return keyOffset(key);
}

async function write(cluster: TestCluster): Promise<void> {
  await using producer = cluster.client('writer').producer();
  for (const value of values) await producer.send({ ...order, key: null, value: Buffer.from(value) });
}

async function placeOf(cluster: TestCluster) {
  const { topics } = await cluster.nodes
    .values()
    .next()
    .value!.call('metadata', 12, apis.metadata.request.create({ topics: null }));
  return topics.find(({ name }) => name === 'orders')!.partitions[0]!;
}

/** What a node has itself, as far as it gives it. */
async function copyOf(cluster: TestCluster, id: number, from = 0) {
  const found: string[] = [];
  for (let fetchOffset = from; ; ) {
    const request = apis.fetch.request.create({
      ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, replicaId: -1, sessionEpoch: -1 },
      topics: [
        {
          topic: 'orders',
          partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20, currentLeaderEpoch: -1 }],
        },
      ],
    } as never);
    const answer = await cluster.nodes.get(id)!.call('fetch', 12, request);
    const { errorCode, records } = answer.responses[0]!.partitions[0]!;
    const more = valuesIn(records);
    found.push(...more);
    if (errorCode !== 0 || more.length === 0) return { errorCode, found };
    fetchOffset += more.length;
  }
}

async function readAll(cluster: TestCluster): Promise<string[]> {
  const consumer = cluster.client('reader').consumer({ from: 'earliest' });
  consumer.assign([order]);
  const read: string[] = [];
  while (read.length < values.length)
    for (const { value } of await consumer.poll(200)) read.push(Buffer.from(value!).toString());
  await consumer.close();
  return read;
}

const lastByte = (length: number) => length - 1;
/** Of the length, so that not even the header can be read. */
const header = () => 9;

test.each([
  ['a follower', false, lastByte],
  ['a follower that can not be opened', false, header],
  ['a leader', true, lastByte],
] as const)(
  'what is damaged on %s is fetched anew from another node',
  async (_, leads, at) => {
    await using running = await startOnLevel(leads ? { 'log.scrub.interval.ms': 0 } : { 'log.scrub.interval.ms': 100 });
    const { cluster, engineOf, lines } = running;
    const admin = cluster.client().admin();
    const config = { 'min.insync.replicas': '2' };
    await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3, config }]);
    await write(cluster);
    const { replicaNodes } = await placeOf(cluster);
    const id = replicaNodes[leads ? 0 : 1]!;
    await cluster.stop(id);
    await damage(engineOf(id), at);
    await cluster.start(id);
    if (leads) {
      await expect.poll(async () => (await placeOf(cluster)).isrNodes.length, patient).toBe(3);
      await admin.electLeaders('preferred', null);
      await expect.poll(async () => (await placeOf(cluster)).leaderId, patient).toBe(id);
    }
    const seen = new Set<string>();
    const isWhole = async () => {
      const { found } = await copyOf(cluster, id);
      for (const value of found) seen.add(value);
      return found;
    };
    expect(await readAll(cluster)).toEqual(values);
    await expect.poll(isWhole, patient).toEqual(values);
    expect([...seen].sort()).toEqual([...values].sort());
    await expect.poll(async () => (await placeOf(cluster)).isrNodes.length, patient).toBe(3);
    expect(lines.some((line) => line.includes('damaged'))).toBe(true);
    // And with nothing of it in memory.
    await cluster.stop(id);
    await cluster.start(id);
    expect(await copyOf(cluster, id)).toEqual({ errorCode: 0, found: values });
  },
  60_000,
);

test('the only copy refuses what is damaged, gives the rest, and says where it is', async () => {
  await using running = await startOnLevel({ 'log.scrub.interval.ms': 100 });
  const { cluster, engineOf, lines } = running;
  await cluster
    .client()
    .admin()
    .createTopics([{ name: 'orders', partitions: 1, replicationFactor: 1 }]);
  await write(cluster);
  const { leaderId } = await placeOf(cluster);
  await cluster.stop(leaderId);
  const offset = await damage(engineOf(leaderId), lastByte);
  await cluster.start(leaderId);
  const damaged = { errorCode: errors.CORRUPT_MESSAGE.code, found: [] };
  const before = values.slice(0, offset);
  await expect.poll(() => copyOf(cluster, leaderId), patient).toEqual({ ...damaged, found: before });
  expect(await copyOf(cluster, leaderId, offset)).toEqual(damaged);
  expect(await copyOf(cluster, leaderId, offset + 1)).toEqual({ errorCode: 0, found: values.slice(offset + 1) });
  const told = `the batch of orders-0 that holds offset ${offset} is damaged on the disk of this node, and is not served`;
  await expect.poll(() => lines.filter((line) => line === told)).toHaveLength(1);
}, 60_000);
