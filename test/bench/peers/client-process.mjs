// One client library writing or reading: `client-process.mjs LIBRARY produce|consume|fill BOOTSTRAP RECORDS MODULES`. The time is
// from the first record to the last acknowledgement, or from the first that is read to the last. Prints one line of JSON.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [library, mode, bootstrap, recordsText, modules] = process.argv.slice(2);
const records = Number(recordsText);
const filled = 'bench-client';
const listLength = 1_000;
const inFlight = 4;
const value = Buffer.alloc(100, 'x');
const require = createRequire(join(modules, 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);

async function newTopic(name) {
  const { createClient, tcpNetwork } = await import('millrace/client');
  const client = createClient({ network: tcpNetwork({ bootstrap }) });
  await client.admin().createTopics([{ name, partitions: 1, replicationFactor: 1, config: { 'retention.ms': '-1' } }]);
  await client.close();
  return name;
}

/** Lists one after another, so many at a time. */
async function sendLists(send) {
  let left = records;
  const worker = async () => {
    while (left > 0) {
      const count = Math.min(left, listLength);
      left -= count;
      await send(count);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

const libraries = {
  millrace: {
    async open() {
      const { createClient, tcpNetwork } = await import('millrace/client');
      return createClient({ network: tcpNetwork({ bootstrap }) });
    },
    async produce(client, topic) {
      const producer = client.producer();
      await producer.partitionsOf(topic);
      return timed(async () => {
        for (let i = 0; i < records; i++)
          if (!producer.write(topic, 0, 1_700_000_000_000 + i, null, value)) await producer.ready();
        await producer.flush();
      });
    },
    async consume(client) {
      const consumer = client.consumer({ from: 'earliest' });
      await consumer.assign([{ topic: filled, partition: 0, offset: 0 }]);
      let seen = 0;
      let firstMs = 0;
      while (seen < records) {
        const list = await consumer.poll(1_000);
        if (seen === 0 && list.length > 0) firstMs = performance.now();
        for (const record of list) if (record.value.length === value.length) seen++;
      }
      return performance.now() - firstMs;
    },
  },
  kafkajs: {
    async open() {
      const { Kafka, logLevel } = (await load('kafkajs')).default;
      return new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING });
    },
    async produce(kafka, topic) {
      const producer = kafka.producer({ allowAutoTopicCreation: false });
      await producer.connect();
      return timed(() =>
        sendLists((count) =>
          producer.send({ topic, acks: -1, messages: Array.from({ length: count }, () => ({ value })) }),
        ),
      );
    },
    async consume(kafka) {
      const consumer = kafka.consumer({ groupId: `bench-${Date.now()}`, maxBytesPerPartition: 1_048_576 });
      await consumer.connect();
      await consumer.subscribe({ topic: filled, fromBeginning: true });
      let seen = 0;
      let firstMs = 0;
      await new Promise((resolve) =>
        consumer.run({
          autoCommit: false,
          async eachBatch({ batch }) {
            if (seen === 0) firstMs = performance.now();
            for (const message of batch.messages) if (message.value.length === value.length) seen++;
            if (seen >= records) resolve();
          },
        }),
      );
      return performance.now() - firstMs;
    },
  },
  platformatic: {
    async open() {
      return { ...(await load('@platformatic/kafka')) };
    },
    async produce({ Producer, ProduceAcks }, topic) {
      const producer = new Producer({ clientId: 'bench', bootstrapBrokers: bootstrap.split(',') });
      return timed(() =>
        sendLists((count) =>
          producer.send({
            acks: ProduceAcks.ALL,
            messages: Array.from({ length: count }, () => ({ topic, partition: 0, value })),
          }),
        ),
      );
    },
    async consume({ Consumer, MessagesStreamModes }) {
      const consumer = new Consumer({
        groupId: `bench-${Date.now()}`,
        clientId: 'bench',
        bootstrapBrokers: bootstrap.split(','),
      });
      const stream = await consumer.consume({
        topics: [filled],
        mode: MessagesStreamModes.EARLIEST,
        autocommit: false,
        maxBytes: 5_242_880,
        maxWaitTime: 100,
      });
      let seen = 0;
      let firstMs = 0;
      await new Promise((resolve) =>
        stream.on('data', (message) => {
          if (seen === 0) firstMs = performance.now();
          if (message.value.length === value.length) seen++;
          if (seen >= records) resolve();
        }),
      );
      return performance.now() - firstMs;
    },
  },
};

async function timed(work) {
  const sinceMs = performance.now();
  await work();
  return performance.now() - sinceMs;
}

const { open, produce, consume } = libraries[library];
const opened = await open();
const tookMs =
  mode === 'consume'
    ? await consume(opened)
    : await produce(opened, await newTopic(mode === 'fill' ? filled : `bench-client-${library}-${Date.now()}`));
process.stdout.write(`${JSON.stringify({ recordsPerSecond: (records / tookMs) * 1_000 })}\n`);
process.exit(0);
