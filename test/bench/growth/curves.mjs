// What is measured at each point of each curve. Nodes are the command as users start it; topics and nodes are made for a point
// and go with it, but for the backlog, which grows.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, tcpNetwork } from 'millrace/client';
import { startMillrace } from '../../conformance/parts/millrace.mjs';
import { run } from '../../conformance/parts/peers.mjs';

const keysJob = fileURLToPath(new URL('./keys-job.mjs', import.meta.url));
const config = { 'retention.ms': '-1', 'max.message.bytes': String(8 << 20) };
const connectTo = ({ bootstrap }) => createClient({ network: tcpNetwork({ bootstrap }) });
const perSecond = (count, sinceMs) => (count / (performance.now() - sinceMs)) * 1_000;

async function withNode(work) {
  const node = await startMillrace();
  const client = connectTo(node);
  try {
    return await work(node, client);
  } finally {
    await client.close();
    await node.stop();
  }
}

async function newTopic(client, name, partitions = 1) {
  await client.admin().createTopics([{ name, partitions, replicationFactor: 1, config }]);
  return name;
}

/** Record by record over all partitions, to the last acknowledgement; resolves with records/s. */
async function write(client, topic, partitions, records, value) {
  const producer = client.producer({ requestBytesMax: 9 << 20 });
  await producer.partitionsOf(topic);
  const sinceMs = performance.now();
  for (let i = 0; i < records; i++)
    if (!producer.write(topic, i % partitions, 1_700_000_000_000 + i, null, value)) await producer.ready();
  await producer.flush();
  const rate = perSecond(records, sinceMs);
  await producer.close();
  return rate;
}

/** Batches as they come, records not looked at; resolves with bytes/s once so many bytes have come. */
async function read(client, topic, partitions, bytes) {
  const fetcher = client.fetcher({ from: 'earliest' });
  fetcher.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })));
  const sinceMs = performance.now();
  let seen = 0;
  while (seen < bytes)
    for (const { batches } of await fetcher.poll(1_000)) for (const batch of batches) seen += batch.length;
  const rate = perSecond(seen, sinceMs);
  fetcher.close();
  return rate;
}

/** Each point on a node of its own. */
const onNodes = (measureOne) =>
  async function* (points, scale) {
    for (const point of points) yield [point, await withNode((node, client) => measureOne(node, client, point, scale))];
  };

export const curves = {
  partitions: {
    title: 'produced, 100 B each, over partitions',
    over: 'partitions',
    unit: 'records/s',
    points: [1, 10, 100, 1_000],
    measure: onNodes(async (_, client, partitions, scale) => {
      const topic = await newTopic(client, 'grown', partitions);
      const value = Buffer.alloc(100, 'x');
      // Logs are made when they are first written to.
      await write(client, topic, partitions, partitions, value);
      return write(client, topic, partitions, 1_000_000 * scale, value);
    }),
  },
  restart: {
    title: 'from kill -9 to the first record of a reader of all',
    over: 'partitions, each written to',
    unit: 'ms',
    points: [1, 10, 100, 1_000],
    measure: onNodes(async (node, client, partitions, scale) => {
      const topic = await newTopic(client, 'grown', partitions);
      await write(client, topic, partitions, 500_000 * scale, Buffer.alloc(100, 'x'));
      await node.kill();
      const sinceMs = performance.now();
      await node.restart();
      await read(client, topic, partitions, 1_000);
      return performance.now() - sinceMs;
    }),
  },
  keys: {
    title: 'counted by key on the embedded log',
    over: 'keys',
    unit: 'records/s',
    points: [1_000, 10_000, 100_000, 1_000_000, 10_000_000],
    async *measure(points, scale) {
      for (const keys of points) {
        const folder = await mkdtemp(join(tmpdir(), 'millrace-growth-'));
        const records = Math.max(keys, 2_000_000) * scale;
        try {
          const { stdout } = await run(process.execPath, [keysJob, folder, String(keys), String(records)]);
          yield [keys, JSON.parse(stdout.toString().trim().split('\n').at(-1)).recordsPerSecond];
        } finally {
          await rm(folder, { recursive: true, force: true, maxRetries: 5 });
        }
      }
    },
  },
  size: {
    title: 'produced, megabytes of values, over their size',
    over: 'bytes a value',
    unit: 'MB/s',
    points: [10, 100, 1_024, 10_240, 102_400, 1_048_000],
    measure: onNodes(async (_, client, size, scale) => {
      const topic = await newTopic(client, 'grown', 4);
      const records = Math.ceil(Math.min(2_000_000, 300_000_000 / size) * scale);
      return ((await write(client, topic, 4, records, Buffer.alloc(size, 'x'))) * size) / 1e6;
    }),
  },
  backlog: {
    title: 'read from the beginning of a backlog',
    over: 'GB behind it',
    unit: 'MB/s',
    points: [1, 2, 5, 10, 20, 50],
    async *measure(points, scale) {
      const node = await startMillrace();
      const client = connectTo(node);
      const value = Buffer.alloc(10_000, 'abcdefghij');
      try {
        const topic = await newTopic(client, 'grown', 4);
        let gigabytes = 0;
        for (const wanted of points) {
          await write(client, topic, 4, Math.round(((wanted - gigabytes) * scale * 1e9) / value.length), value);
          gigabytes = wanted;
          yield [wanted, (await read(client, topic, 4, 500e6 * scale)) / 1e6];
        }
      } finally {
        await client.close();
        await node.stop();
      }
    },
  },
  connections: {
    title: 'produced by many clients at once, 100 B each',
    over: 'connections',
    unit: 'records/s',
    points: [1, 10, 100, 1_000, 2_000],
    measure: onNodes(async (node, client, count, scale) => {
      const topic = await newTopic(client, 'grown', 6);
      const clients = Array.from({ length: count }, () => connectTo(node));
      const producers = clients.map((one) => one.producer());
      await Promise.all(producers.map((producer) => producer.partitionsOf(topic)));
      const each = Math.ceil((1_000_000 * scale) / count);
      const sinceMs = performance.now();
      await Promise.all(
        producers.map(async (producer, i) => {
          for (let sent = 0; sent < each; sent++)
            if (!producer.write(topic, i % 6, 1_700_000_000_000, null, Buffer.alloc(100, 'x'))) await producer.ready();
          await producer.flush();
        }),
      );
      const rate = perSecond(each * count, sinceMs);
      await Promise.all(clients.map((one) => one.close()));
      return rate;
    }),
  },
  consumers: {
    title: 'read by many consumers of one topic, all together',
    over: 'consumers',
    unit: 'MB/s',
    points: [1, 5, 10, 25, 50],
    measure: onNodes(async (node, client, count, scale) => {
      const topic = await newTopic(client, 'grown', 4);
      const [records, value] = [Math.round(50_000 * scale), Buffer.alloc(1_000, 'x')];
      await write(client, topic, 4, records, value);
      const clients = Array.from({ length: count }, () => connectTo(node));
      const sinceMs = performance.now();
      await Promise.all(clients.map((one) => read(one, topic, 4, records * value.length)));
      const rate = perSecond(count * records * value.length, sinceMs) / 1e6;
      await Promise.all(clients.map((one) => one.close()));
      return rate;
    }),
  },
};
