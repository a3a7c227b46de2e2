// @platformatic/kafka through the scenarios.
import { Admin, Consumer, ProduceAcks, Producer } from '@platformatic/kafka';
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

// It compresses with zstd where Node's zlib has it, from Node 22.15 on.
const codecs = ['none', 'gzip', 'snappy', 'lz4'];
const base = { clientId: 'conformance', bootstrapBrokers: [bootstrap], retries: 5, retryDelay: 100 };
const admin = new Admin(base);
const name = (scenario, more) => named('platformatic', scenario, more);
const range = (count, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const opened = new Set();

function producer(more = {}) {
  const made = new Producer({ ...base, ...more });
  opened.add(made);
  return made;
}
const plain = producer();

const message =
  (topic) =>
  ({ timestampMs, key, value, headers, partition = 0 }) => ({
    topic,
    partition,
    timestamp: BigInt(timestampMs),
    ...(key === null ? {} : { key }),
    value: value ?? undefined,
    headers: new Map(headers.map(([header, content]) => [Buffer.from(header), content])),
  });
const plainRecord = (i, partition = 0) => ({
  timestampMs: startMs + i * 1_000,
  key: Buffer.from(`k${i}`),
  value: Buffer.from(`v${i}`),
  headers: [],
  partition,
});
const record = ({ topic, partition, offset, timestamp, key, value, headers }) => ({
  topic,
  partition,
  offset: Number(offset),
  timestampMs: Number(timestamp),
  key: key ?? null,
  value: value ?? null,
  headers: [...headers].map(([header, content]) => [String(header), content ?? null]),
});
const values = (records) => records.map(({ value }) => String(value));
const send = (topic, records, more = {}, by = plain) => by.send({ messages: records.map(message(topic)), ...more });
/** The protocol's errors are causes of the one that is thrown. */
const apiIds = (error) =>
  [error, ...(error.errors ?? []).flatMap((inner) => [inner, ...(inner.errors ?? [])])].map(({ apiId }) => apiId);

async function create(topic, partitions, configs = {}) {
  const entries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs: entries });
  // What is sent to a topic whose leaders aren't all there yet is sent again in part, and records are there twice.
  await until(
    () =>
      admin
        .listOffsets({
          topics: [{ name: topic, partitions: range(partitions).map((p) => ({ partitionIndex: p, timestamp: -1n })) }],
        })
        .then(
          () => true,
          () => false,
        ),
    `leaders of ${topic}`,
  );
  return topic;
}

function consumer(groupId, more = {}) {
  const made = new Consumer({
    ...base,
    groupId,
    maxWaitTime: 200,
    sessionTimeout: 10_000,
    heartbeatInterval: 500,
    ...more,
  });
  opened.add(made);
  return made;
}

async function close(client) {
  opened.delete(client);
  await client.close(true);
}

/** Reads by a group of its own: that many records or, where it isn't given, until nothing comes for a while. */
async function read(topics, { count = Infinity, quietMs = 1_000, committed = false, groupId, offsets } = {}) {
  const client = consumer(groupId ?? `${topics[0]}-${Math.random().toString(36).slice(2)}`);
  const stream = await client.consume({
    topics,
    mode: groupId ? 'committed' : offsets ? 'manual' : 'earliest',
    fallbackMode: 'earliest',
    ...(offsets ? { offsets } : {}),
    autocommit: groupId !== undefined,
    isolationLevel: committed ? 1 : 0,
  });
  const records = [];
  let lastMs = Date.now();
  stream.on('data', (one) => {
    records.push(record(one));
    lastMs = Date.now();
  });
  let failed;
  stream.on('error', (error) => {
    failed = error;
  });
  await until(
    () => {
      if (failed) throw failed;
      return records.length >= count || Date.now() - lastMs > (count === Infinity ? quietMs : 15_000);
    },
    `${count} records`,
    40_000,
  );
  await stream.close();
  await close(client);
  return records;
}

async function member(groupId, topic, { onRecord = () => {}, ...more } = {}) {
  const client = consumer(groupId, more);
  const self = { client, seen: 0 };
  const reached = new Map();
  self.stream = await client.consume({
    topics: [topic],
    mode: 'committed',
    fallbackMode: 'earliest',
    autocommit: false,
    ...more,
  });
  self.stream.on('error', (error) => {
    self.error = error;
  });
  self.stream.on('data', ({ partition, offset }) => {
    self.seen++;
    reached.set(partition, offset + 1n);
    onRecord(partition, Number(offset));
  });
  // Its autocommit commits what the stream has taken in, not what it has given out: a rebalance would lose records.
  const commit = async () => {
    const offsets = [...reached].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 }));
    reached.clear();
    // What isn't committed is read again by whoever has the partition next.
    if (offsets.length > 0) await client.commit({ offsets }).catch(() => {});
  };
  const timer = setInterval(commit, 200);
  self.partitions = () => client.assignments?.find((one) => one.topic === topic)?.partitions ?? [];
  self.leave = async () => {
    await sleep(100);
    clearInterval(timer);
    await commit();
    await self.stream.close();
    await close(client);
  };
  return self;
}

async function bulk(scenario, more) {
  const topic = await create(name(scenario), 4);
  const groupId = name(scenario, '-g');
  const seen = new Set();
  const onRecord = (partition, offset) => seen.add(partition * 1e9 + offset);
  const first = await member(groupId, topic, { onRecord, ...more });
  const perBatch = 2_000;
  const batches = Math.ceil(recordCount / perBatch);
  let second;
  for (let b = 0; b < batches; b++) {
    const count = Math.min(perBatch, recordCount - b * perBatch);
    const records = range(count, b * perBatch).map((i) => ({ ...sample(i), partition: i % 4 }));
    await send(topic, records, { compression: codecs[b % codecs.length] });
    if (b === batches >> 1) second = member(groupId, topic, { onRecord, ...more });
  }
  second = await second;
  await until(() => seen.size === recordCount, `all records: ${seen.size} of ${recordCount}`, 50_000);
  await until(() => first.partitions().length === 2 && second.partitions().length === 2, 'two partitions each');
  equal([...first.partitions(), ...second.partitions()].sort(), [0, 1, 2, 3], 'each partition once');
  await first.leave();
  await second.leave();
  await send(
    topic,
    range(100).map((i) => ({ ...sample(i), partition: i % 4 })),
  );
  const third = await member(groupId, topic, more);
  await until(() => third.seen >= 100, `records after the restart: ${third.seen}`);
  await third.leave();
  equal(third.seen, 100, 'records after the restart');
}

await runAsked(
  {
    async cluster() {
      const metadata = await admin.metadata({ topics: [] });
      check(
        [...metadata.brokers.values()].some(({ port }) => bootstrap.endsWith(`:${port}`)),
        'brokers',
      );
      check(metadata.brokers.has(metadata.controllerId), 'controller');
      check(metadata.id, 'a cluster id');
    },

    async topics() {
      const topic = await create(name('topics'), 3, { 'retention.ms': '3600000' });
      check((await admin.listTopics()).includes(topic), 'it is listed');
      const count = async () =>
        (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic).partitionsCount;
      equal(await count(), 3, 'partitions');
      const [{ configs }] = await admin.describeConfigs({ resources: [{ resourceType: 2, resourceName: topic }] });
      equal(configs.find(({ name }) => name === 'retention.ms').value, '3600000', 'retention.ms');
      check(
        apiIds(await failure(() => create(topic, 1), 'a second create')).includes('TOPIC_ALREADY_EXISTS'),
        'its error',
      );
      await admin.createPartitions({ topics: [{ name: topic, count: 5 }] });
      await until(async () => (await count()) === 5, 'five partitions');
      await admin.deleteTopics({ topics: [topic] });
      await until(async () => !(await admin.listTopics()).includes(topic), 'it is gone');
    },

    async configs() {
      const topic = await create(name('configs'), 1);
      const get = async () => {
        const resources = [{ resourceType: 2, resourceName: topic, configurationKeys: ['retention.ms'] }];
        return (await admin.describeConfigs({ resources }))[0].configs[0].value;
      };
      const set = (config) =>
        admin.incrementalAlterConfigs({ resources: [{ resourceType: 2, resourceName: topic, configs: [config] }] });
      await set({ name: 'retention.ms', configOperation: 0, value: '1000000' });
      await until(async () => (await get()) === '1000000', 'the config is set');
      await set({ name: 'retention.ms', configOperation: 1 });
      await until(async () => (await get()) === '604800000', 'the config is the default');
      await failure(() => set({ name: 'retention.ms', configOperation: 0, value: 'x' }), 'a bad config');
    },

    async roundtrip() {
      for (const compression of codecs) {
        const topic = await create(name('roundtrip', compression), 3);
        await send(
          topic,
          range(300).map((i) => ({ ...sample(i), partition: i % 3 })),
          { compression },
        );
        checkRoundtrip(await read([topic], { count: 300 }), 300, compression);
      }
      for (const acks of [ProduceAcks.NO_RESPONSE, ProduceAcks.LEADER, ProduceAcks.ALL]) {
        const topic = await create(name('roundtrip', `acks${acks}`), 3);
        const records = range(30).map((i) => ({ ...sample(i), partition: i % 3 }));
        await send(topic, records.slice(0, 3));
        await send(topic, records.slice(3), { acks });
        checkRoundtrip(await read([topic], { count: 30 }), 30, `acks ${acks}`);
      }
      return codecs.join(' ');
    },

    async seek() {
      const topic = await create(name('seek'), 1);
      await send(
        topic,
        range(100).map((i) => plainRecord(i)),
      );
      const from = async (offset) =>
        (await read([topic], { count: 1, offsets: [{ topic, partition: 0, offset }] }))[0].offset;
      equal(await from(40n), 40, 'from an offset');
      const client = consumer(name('seek', '-g'));
      const found = await client.listOffsetsWithTimestamps({ topics: [topic], timestamp: BigInt(startMs + 60_500) });
      equal(await from(found.get(topic).get(0).offset), 61, 'from a time');
      const [end] = (await client.listOffsets({ topics: [topic] })).get(topic);
      await close(client);
      await send(topic, [plainRecord(100)]);
      equal(await from(end), 100, 'from the end');
    },

    async offsets() {
      const topic = await create(name('offsets'), 1);
      await send(
        topic,
        range(100).map((i) => plainRecord(i)),
      );
      const list = async (timestamp) => {
        const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }];
        return Number((await admin.listOffsets({ topics }))[0].partitions[0].offset);
      };
      equal(await list(-2n), 0, 'earliest');
      equal(await list(-1n), 100, 'latest');
      equal(await list(BigInt(startMs + 60_500)), 61, 'by time');
      equal(await list(-3n), 99, 'largest timestamp');
      const deleted = await admin.deleteRecords({
        topics: [{ name: topic, partitions: [{ partition: 0, offset: 30n }] }],
      });
      equal(Number(deleted[0].partitions[0].lowWatermark), 30, 'low watermark');
      equal(await list(-2n), 30, 'earliest then');
      equal((await read([topic], { count: 70 }))[0].offset, 30, 'the first record');
    },

    group: () => bulk('group', {}),

    async static() {
      const topic = await create(name('static'), 4);
      const groupId = name('static', '-g');
      const first = await member(groupId, topic, { groupInstanceId: 'one' });
      const second = await member(groupId, topic, { groupInstanceId: 'two' });
      await until(() => first.partitions().length === 2 && second.partitions().length === 2, 'two partitions each');
      const group = (await admin.describeGroups({ groups: [groupId] })).get(groupId);
      equal([...group.members.values()].map((one) => one.groupInstanceId).sort(), ['one', 'two'], 'described');
      await first.leave();
      await second.leave();
    },

    cooperative: '@platformatic/kafka has eager rebalancing only',

    consumerProtocol: () => bulk('consumerProtocol', { groupProtocol: 'consumer' }),

    async groups() {
      const topic = await create(name('groups'), 2);
      await send(
        topic,
        range(10).map((i) => plainRecord(i, i % 2)),
      );
      const groupId = name('groups', '-g');
      const one = await member(groupId, topic);
      await until(() => one.seen === 10, `ten records: ${one.seen} ${one.error}`);
      check((await admin.listGroups()).has(groupId), 'it is listed');
      const describe = async () => (await admin.describeGroups({ groups: [groupId] })).get(groupId);
      const stable = await describe();
      equal([stable.state, stable.members.size], ['STABLE', 1], 'described');
      equal([...stable.members.values()][0].clientId, 'conformance', 'client id');
      await failure(() => admin.deleteGroups({ groups: [groupId] }), 'deleting a group with a member');
      await one.leave();
      equal((await describe()).state, 'EMPTY', 'the state without members');
      const committed = async () => {
        const [group] = await admin.listConsumerGroupOffsets({ groups: [groupId] });
        const partition = group.topics[0]?.partitions.find(({ partitionIndex }) => partitionIndex === 0);
        return partition && Number(partition.committedOffset);
      };
      equal(await committed(), 5, 'committed');
      await admin.alterConsumerGroupOffsets({
        groupId,
        topics: [{ name: topic, partitionOffsets: [{ partition: 0, offset: 2n }] }],
      });
      equal(await committed(), 2, 'offset set by admin');
      await admin.deleteConsumerGroupOffsets({ groupId, topics: [{ name: topic, partitionIndexes: [0] }] });
      equal(await committed(), undefined, 'offset deleted');
      await admin.deleteGroups({ groups: [groupId] });
      check(!(await admin.listGroups()).has(groupId), 'it is gone');
    },

    async idempotent() {
      const topic = await create(name('idempotent'), 1);
      const client = producer({ idempotent: true });
      for (let i = 0; i < 2_000; i += 20)
        await send(
          topic,
          range(20, i).map((n) => plainRecord(n)),
          {},
          client,
        );
      await close(client);
      equal(
        values(await read([topic], { count: 2_000 })),
        range(2_000).map((i) => `v${i}`),
        'all once, in order',
      );
    },

    async transactions() {
      const topic = await create(name('transactions'), 1);
      const client = producer({ idempotent: true, transactionalId: topic });
      const write = async (from) => {
        const transaction = await client.beginTransaction();
        await transaction.send({ messages: range(10, from).map((i) => message(topic)(plainRecord(i))) });
        return transaction;
      };
      await (await write(0)).commit();
      await (await write(10)).abort();
      const open = await write(20);
      const text = (from, count) => range(count, from).map((i) => `v${i}`);
      equal(values(await read([topic], { committed: true })), text(0, 10), 'committed, one being open');
      equal(values(await read([topic], { count: 30 })), text(0, 30), 'uncommitted');
      await open.commit();
      await close(client);
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
      const client = producer({ idempotent: true, transactionalId: input });
      const reader = consumer(groupId);
      const stream = await reader.consume({ topics: [input], mode: 'earliest', autocommit: false });
      const messages = [];
      stream.on('data', (one) => messages.push(one));
      await until(() => messages.length === 20, 'twenty records');
      const committed = async () => {
        const [group] = await admin.listConsumerGroupOffsets({ groups: [groupId], requireStable: true });
        return group.topics[0] && Number(group.topics[0].partitions[0].committedOffset);
      };
      for (const end of ['abort', 'commit']) {
        const transaction = await client.beginTransaction();
        const some = messages.slice(0, 10);
        await transaction.send({ messages: some.map(({ value }) => ({ topic: output, partition: 0, value })) });
        await transaction.addConsumer(reader);
        await transaction.addOffset(some[9]);
        await transaction[end]();
        // It commits the message's own offset or the one after, by its version: what counts is whether it is there.
        await until(async () => ((await committed()) ?? -1) >= 9 === (end === 'commit'), `the offset after the ${end}`);
      }
      await stream.close();
      await close(reader);
      await close(client);
      equal((await read([output], { committed: true })).length, 10, 'records that count');
    },

    fencing: '@platformatic/kafka asks for its transactional id as producer 0 and is refused where it was used',
    transactionAdmin: '@platformatic/kafka has no such API',

    async large() {
      const topic = await create(name('large'), 1, { 'max.message.bytes': '100000' });
      const one = (size) => [{ ...plainRecord(0), value: Buffer.alloc(size, 'x') }];
      await send(topic, one(99_000));
      const error = await failure(() => send(topic, one(101_000)), 'a large record');
      check(apiIds(error).includes('MESSAGE_TOO_LARGE'), `the error: ${apiIds(error)}`);
      await send(topic, one(10));
      equal(
        (await read([topic], { count: 2 })).map(({ value }) => value.length),
        [99_000, 10],
        'sizes',
      );
    },

    async crossWrite() {
      const topic = await create(name('crossWrite'), 5);
      const parts = crossOut(
        codecs.map((codec, partition) => [codec, partition]),
        ['duplicateHeader', 'nullHeader'],
      );
      for (const { codec, partition, records } of parts) {
        await send(
          topic,
          records.map((one) => ({ ...one, partition })),
          { compression: codec },
        );
      }
      leaveWritten('platformatic', topic, parts);
    },

    async crossRead() {
      // What it takes for snappy isn't framed as the Java client and others frame it.
      const topics = crossIn(['none', 'gzip', 'lz4']).filter(({ partitions }) => partitions.length > 0);
      const records = [];
      for (const { topic, partitions } of topics) {
        const offsets = partitions.map(({ partition }) => ({ topic, partition, offset: 0n }));
        // A group that has only these partitions: the others may hold what this Node can't decompress.
        const client = consumer(name('crossRead', topic), {
          partitionAssigner: (_, members) =>
            [...members.keys()].map((memberId) => ({
              memberId,
              assignments: new Map([[topic, { topic, partitions: partitions.map(({ partition }) => partition) }]]),
            })),
        });
        const stream = await client.consume({ topics: [topic], mode: 'manual', offsets, autocommit: false });
        const wanted = partitions.reduce((sum, { count }) => sum + count, 0);
        const got = [];
        stream.on('data', (one) => got.push(record(one)));
        await until(() => got.length >= wanted, `${wanted} records of ${topic}: ${got.length}`);
        await stream.close();
        await close(client);
        records.push(...got);
      }
      leaveRead('platformatic', records);
    },
  },
  async () => {
    for (const client of opened) await client.close(true).catch(() => {});
  },
);
