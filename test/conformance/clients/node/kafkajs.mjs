// kafkajs through the scenarios.
import kafkajs from 'kafkajs';
import LZ4Codec from 'kafkajs-lz4';
import SnappyCodec from 'kafkajs-snappy';
import {
  bootstrap,
  check,
  checkRoundtrip,
  crossIn,
  crossOut,
  equal,
  failure,
  leaveRead,
  leaveWritten,
  named,
  recordCount,
  runAsked,
  sample,
  sleep,
  startMs,
  until,
} from './harness.mjs';

const { Kafka, CompressionTypes, CompressionCodecs, ConfigResourceTypes, logLevel } = kafkajs;
const lz4 = new (LZ4Codec.default ?? LZ4Codec)();
CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec;
CompressionCodecs[CompressionTypes.LZ4] = lz4.codec ?? (() => lz4);

const codecs = [
  ['none', CompressionTypes.None],
  ['gzip', CompressionTypes.GZIP],
  ['snappy', CompressionTypes.Snappy],
  ['lz4', CompressionTypes.LZ4],
];
const kafka = new Kafka({ clientId: 'conformance', brokers: [bootstrap], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
const plain = kafka.producer({
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  allowAutoTopicCreation: false,
});
let connected;
const connect = () => (connected ??= Promise.all([admin.connect(), plain.connect()]));
const name = (scenario, more) => named('kafkajs', scenario, more);

const message = ({ timestampMs, key, value, headers, partition }) => {
  const byName = {};
  for (const [header, content] of headers) {
    byName[header] = header in byName ? [byName[header], content].flat() : content;
  }
  return { key, value, headers: byName, timestamp: String(timestampMs), partition };
};
const record = (topic, partition, { offset, timestamp, key, value, headers }) => ({
  topic,
  partition,
  offset: Number(offset),
  timestampMs: Number(timestamp),
  key,
  value,
  headers: Object.entries(headers ?? {}).flatMap(([header, content]) => [content].flat().map((one) => [header, one])),
});

async function create(topic, numPartitions, configs = {}) {
  await connect();
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  const made = await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: true });
  check(made, `${topic} was there already`);
  return topic;
}

/** Reads with a group of its own until `count` records or, where it isn't given, until nothing comes for `quietMs`. */
async function read(topics, { count = Infinity, quietMs = 1_500, committed = false, groupId, before } = {}) {
  const consumer = kafka.consumer({
    groupId: groupId ?? `${topics[0]}-${Math.random().toString(36).slice(2)}`,
    readUncommitted: !committed,
    maxWaitTimeInMs: 200,
  });
  const records = [];
  let lastMs = Date.now();
  await consumer.connect();
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({
    autoCommit: groupId !== undefined,
    partitionsConsumedConcurrently: 4,
    eachBatch: async ({ batch }) => {
      for (const one of batch.messages) records.push(record(batch.topic, batch.partition, one));
      lastMs = Date.now();
    },
  });
  await before?.(consumer);
  await joined;
  lastMs = Date.now();
  await until(() => records.length >= count || Date.now() - lastMs > quietMs, `${count} records`, 40_000);
  await consumer.disconnect();
  return records;
}

const send = (topic, records, more = {}) => plain.send({ topic, messages: records.map(message), ...more });
const plainRecord = (i, partition = 0) => ({
  timestampMs: startMs + i * 1_000,
  key: Buffer.from(`k${i}`),
  value: Buffer.from(`v${i}`),
  headers: [],
  partition,
});
const range = (count, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const values = (records) => records.map(({ value }) => String(value));

function member(groupId, topic, { commit = true, onRecord = () => {} } = {}) {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200, heartbeatInterval: 500, sessionTimeout: 10_000 });
  const self = { consumer, partitions: [], joins: 0, seen: 0 };
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    self.partitions = payload.memberAssignment[topic] ?? [];
    self.joins++;
  });
  self.start = async () => {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: commit,
      partitionsConsumedConcurrently: 2,
      eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
        for (const one of batch.messages) {
          if (!isRunning() || isStale()) break;
          onRecord(batch.partition, Number(one.offset));
          self.seen++;
          resolveOffset(one.offset);
        }
        await heartbeat();
      },
    });
    return self;
  };
  return self;
}

await runAsked(
  {
    async cluster() {
      await connect();
      const { brokers, controller, clusterId } = await admin.describeCluster();
      check(
        brokers.some(({ port }) => bootstrap.endsWith(`:${port}`)),
        `brokers ${JSON.stringify(brokers)}`,
      );
      check(
        brokers.some(({ nodeId }) => nodeId === controller),
        `controller ${controller}`,
      );
      check(clusterId, 'a cluster id');
    },

    async topics() {
      const topic = await create(name('topics'), 3, { 'retention.ms': '3600000', 'max.message.bytes': '200000' });
      check((await admin.listTopics()).includes(topic), 'it is listed');
      const describe = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions;
      equal((await describe()).map(({ partitionId }) => partitionId).sort(), [0, 1, 2], 'partitions');
      const { resources } = await admin.describeConfigs({
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
      });
      const config = (wanted) =>
        resources[0].configEntries.find(({ configName }) => configName === wanted)?.configValue;
      equal([config('retention.ms'), config('max.message.bytes')], ['3600000', '200000'], 'configs');
      equal(await admin.createTopics({ topics: [{ topic }] }), false, 'a second create');
      await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
      await until(async () => (await describe()).length === 5, 'five partitions');
      await failure(() => admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }), 'fewer partitions');
      await admin.deleteTopics({ topics: [topic] });
      await until(async () => !(await admin.listTopics()).includes(topic), 'it is gone');
    },

    async configs() {
      const topic = await create(name('configs'), 1);
      const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
      const get = async () => {
        const { resources } = await admin.describeConfigs({
          resources: [{ ...resource, configNames: ['retention.ms'] }],
        });
        return resources[0].configEntries[0].configValue;
      };
      const set = (configEntries) => admin.alterConfigs({ resources: [{ ...resource, configEntries }] });
      await set([{ name: 'retention.ms', value: '1000000' }]);
      await until(async () => (await get()) === '1000000', 'the config is set');
      await set([]);
      await until(async () => (await get()) === '604800000', 'the config is the default');
      const error = await failure(() => set([{ name: 'retention.ms', value: 'x' }]), 'a bad config');
      equal(error.type, 'INVALID_CONFIG', 'a bad config');
    },

    async roundtrip() {
      for (const [codec, compression] of codecs) {
        const topic = await create(name('roundtrip', codec), 3);
        await send(
          topic,
          range(300).map((i) => ({ ...sample(i), partition: i % 3 })),
          { compression },
        );
        checkRoundtrip(await read([topic], { count: 300 }), 300, codec);
      }
      for (const acks of [0, 1, -1]) {
        const topic = await create(name('roundtrip', `acks${acks}`), 3);
        const records = range(30).map((i) => ({ ...sample(i), partition: i % 3 }));
        // Without acknowledgement, records to a partition whose leader isn't known everywhere yet may be lost.
        await send(topic, records.slice(0, 3));
        await send(topic, records.slice(3), { acks });
        checkRoundtrip(await read([topic], { count: 30 }), 30, `acks ${acks}`);
      }
      return codecs.map(([codec]) => codec).join(' ');
    },

    async seek() {
      const topic = await create(name('seek'), 1);
      await send(
        topic,
        range(100).map((i) => plainRecord(i)),
      );
      const from = async (offset) => {
        const records = await read([topic], { count: 1, before: (c) => c.seek({ topic, partition: 0, offset }) });
        return records.find((r) => r.offset >= Number(offset))?.offset;
      };
      equal(await from('40'), 40, 'from an offset');
      const [{ offset }] = await admin.fetchTopicOffsetsByTimestamp(topic, startMs + 60_500);
      equal(await from(offset), 61, 'from a time');
      const [{ high }] = await admin.fetchTopicOffsets(topic);
      await send(topic, [plainRecord(100)]);
      equal(await from(high), 100, 'from the end');
    },

    async offsets() {
      const topic = await create(name('offsets'), 1);
      await send(
        topic,
        range(100).map((i) => plainRecord(i)),
      );
      const list = async () => (({ low, high }) => [low, high])((await admin.fetchTopicOffsets(topic))[0]);
      equal(await list(), ['0', '100'], 'earliest and latest');
      const at = async (ms) => (await admin.fetchTopicOffsetsByTimestamp(topic, ms))[0].offset;
      equal(await at(startMs + 60_500), '61', 'by time');
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '30' }] });
      equal(await list(), ['30', '100'], 'after records are deleted');
      equal((await read([topic], { count: 70 }))[0].offset, 30, 'the first record');
    },

    async group() {
      const topic = await create(name('group'), 4);
      const groupId = name('group', '-g');
      const seen = new Set();
      const onRecord = (partition, offset) => seen.add(partition * 1e9 + offset);
      const first = await member(groupId, topic, { onRecord }).start();
      const perBatch = 2_000;
      const batches = Math.ceil(recordCount / perBatch);
      let second;
      for (let b = 0; b < batches; b++) {
        const count = Math.min(perBatch, recordCount - b * perBatch);
        const records = range(count, b * perBatch).map((i) => ({ ...sample(i), partition: i % 4 }));
        await send(topic, records, { compression: codecs[b % codecs.length][1] });
        if (b === batches >> 1) {
          second = member(groupId, topic, { onRecord });
          second.starting = second.start();
        }
      }
      await second.starting;
      await until(() => seen.size === recordCount, `all records: ${seen.size} of ${recordCount}`, 50_000);
      await until(() => first.partitions.length + second.partitions.length === 4, 'four partitions owned');
      equal([...first.partitions, ...second.partitions].sort(), [0, 1, 2, 3], 'each partition once');
      equal([first.partitions.length, second.partitions.length], [2, 2], 'shared evenly');
      await first.consumer.disconnect();
      await second.consumer.disconnect();
      await send(
        topic,
        range(100).map((i) => ({ ...sample(i), partition: i % 4 })),
      );
      const resumed = await read([topic], { groupId });
      equal(resumed.length, 100, 'records after the restart');
    },

    async groups() {
      const topic = await create(name('groups'), 2);
      await send(
        topic,
        range(10).map((i) => plainRecord(i, i % 2)),
      );
      const groupId = name('groups', '-g');
      const one = await member(groupId, topic).start();
      await until(() => one.seen === 10, 'ten records');
      await one.consumer.commitOffsets([{ topic, partition: 0, offset: '3', metadata: 'a note' }]);
      check(
        (await admin.listGroups()).groups.some((g) => g.groupId === groupId && g.protocolType === 'consumer'),
        'it is listed',
      );
      const { groups } = await admin.describeGroups([groupId]);
      equal([groups[0].state, groups[0].members.length], ['Stable', 1], 'described');
      equal(groups[0].members[0].clientId, 'conformance', 'client id');
      const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const committed = partitions.find(({ partition }) => partition === 0);
      equal([committed.offset, committed.metadata], ['3', 'a note'], 'committed');
      await failure(() => admin.deleteGroups([groupId]), 'deleting a group with a member');
      await one.consumer.disconnect();
      equal((await admin.describeGroups([groupId])).groups[0].state, 'Empty', 'the state without members');
      await admin.setOffsets({ groupId, topic, partitions: [{ partition: 1, offset: '2' }] });
      const [after] = await admin.fetchOffsets({ groupId, topics: [topic] });
      equal(after.partitions.find(({ partition }) => partition === 1).offset, '2', 'offset set by admin');
      await admin.deleteGroups([groupId]);
      check(!(await admin.listGroups()).groups.some((g) => g.groupId === groupId), 'it is gone');
    },

    static: 'kafkajs has no group.instance.id',
    cooperative: 'kafkajs has eager rebalancing only',
    consumerProtocol: 'kafkajs has the classic protocol only',

    async idempotent() {
      const topic = await create(name('idempotent'), 1);
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5 });
      await producer.connect();
      const wanted = range(2_000);
      for (let i = 0; i < 2_000; i += 200) {
        const part = range(20).map((j) => wanted.slice(i + j * 10, i + j * 10 + 10));
        // One after another: kafkajs gives sequence numbers as a batch is sent, not as it is queued.
        for (const some of part) await producer.send({ topic, messages: some.map((n) => message(plainRecord(n))) });
      }
      await producer.disconnect();
      equal(
        values(await read([topic], { count: 2_000 })),
        wanted.map((i) => `v${i}`),
        'all once, in order',
      );
    },

    async transactions() {
      const topic = await create(name('transactions'), 1);
      const producer = kafka.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
      await producer.connect();
      const write = async (from) => {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: range(10, from).map((i) => message(plainRecord(i))) });
        return transaction;
      };
      await (await write(0)).commit();
      await (await write(10)).abort();
      const open = await write(20);
      const text = (from, count) => range(count, from).map((i) => `v${i}`);
      equal(values(await read([topic], { committed: true })), text(0, 10), 'committed, one being open');
      equal(values(await read([topic], { count: 30 })), text(0, 30), 'uncommitted');
      await open.commit();
      await producer.disconnect();
      equal(
        values(await read([topic], { committed: true, count: 20 })),
        [...text(0, 10), ...text(20, 10)],
        'committed',
      );
    },

    async transactionOffsets() {
      const input = await create(name('transactionOffsets', '-in'), 1);
      const output = await create(name('transactionOffsets', '-out'), 1);
      const groupId = name('transactionOffsets', '-g');
      await send(
        input,
        range(20).map((i) => plainRecord(i)),
      );
      const records = await read([input], { count: 20 });
      const producer = kafka.producer({ transactionalId: input, maxInFlightRequests: 1, idempotent: true });
      await producer.connect();
      const attempt = async (end) => {
        const transaction = await producer.transaction();
        await transaction.send({ topic: output, messages: records.slice(0, 10).map(({ value }) => ({ value })) });
        const topics = [{ topic: input, partitions: [{ partition: 0, offset: '10' }] }];
        await transaction.sendOffsets({ consumerGroupId: groupId, topics });
        await transaction[end]();
      };
      const committed = async () => {
        const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [input] });
        return partitions[0]?.offset;
      };
      await attempt('abort');
      equal(await committed(), '-1', 'after the abort');
      await attempt('commit');
      await until(async () => (await committed()) === '10', 'the offset is committed');
      await producer.disconnect();
      equal((await read([output], { committed: true })).length, 10, 'records that count');
    },

    async fencing() {
      const topic = await create(name('fencing'), 1);
      const options = { transactionalId: topic, maxInFlightRequests: 1, idempotent: true, retry: { retries: 1 } };
      const [first, second] = [kafka.producer(options), kafka.producer(options)];
      await first.connect();
      const lost = await first.transaction();
      await lost.send({ topic, messages: [message(plainRecord(0))] });
      await second.connect();
      const kept = await second.transaction();
      await failure(async () => {
        await lost.send({ topic, messages: [message(plainRecord(1))] });
        await lost.commit();
      }, 'the first producer goes on');
      await kept.send({ topic, messages: [message(plainRecord(2))] });
      await kept.commit();
      await first.disconnect();
      await second.disconnect();
      equal(values(await read([topic], { committed: true })), ['v2'], 'committed');
    },

    transactionAdmin: 'kafkajs has no such API',

    async large() {
      const topic = await create(name('large'), 1, { 'max.message.bytes': '100000' });
      const one = (size) => ({ ...plainRecord(0), value: Buffer.alloc(size, 'x') });
      await send(topic, [one(99_000)]);
      const error = await failure(() => send(topic, [one(101_000)]), 'a large record');
      equal(error.type, 'MESSAGE_TOO_LARGE', 'error');
      await send(topic, [one(10)]);
      equal(
        (await read([topic], { count: 2 })).map(({ value }) => value.length),
        [99_000, 10],
        'sizes',
      );
    },

    async crossWrite() {
      const topic = await create(name('crossWrite'), 5);
      const parts = crossOut(
        codecs.map(([codec], partition) => [codec, partition]),
        ['nullHeader', 'emptyHeader'],
      );
      for (const { codec, partition, records } of parts) {
        const compression = codecs.find(([name]) => name === codec)[1];
        await send(
          topic,
          records.map((one) => ({ ...one, partition })),
          { compression },
        );
      }
      leaveWritten('kafkajs', topic, parts);
    },

    async crossRead() {
      const topics = crossIn(codecs.map(([codec]) => codec)).filter(({ partitions }) => partitions.length > 0);
      // A consumer of kafkajs reads all partitions of a topic, and there is no zstd: those partitions are paused.
      const unreadable = crossIn(['zstd']).map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => partition),
      }));
      const count = topics.flatMap(({ partitions }) => partitions).reduce((sum, one) => sum + one.count, 0);
      const records = await read(
        topics.map(({ topic }) => topic),
        {
          count,
          before: (c) => c.pause(unreadable),
        },
      );
      leaveRead(
        'kafkajs',
        records.sort((a, b) => a.offset - b.offset),
      );
    },
  },
  async () => {
    await sleep(0);
    await admin.disconnect();
    await plain.disconnect();
  },
);
