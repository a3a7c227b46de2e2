import { describe, expect, test } from 'vitest';
import { createCluster } from '../../../core/client/cluster.ts';
import { createProducer, type ProducerOptions } from '../../../core/client/producer.ts';
import { type Clock, systemClock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { createLatch } from '../../../core/kernel/latch.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { partitionForKey } from '../../../core/kernel/murmur2.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { apis, type RequestOf, type ResponseOf } from '../../../core/protocol/api-table.ts';
import { loadCompression } from '../../../core/protocol/compression/registry.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { readBatchHeader, verifyBatch } from '../../../core/protocol/record-batch.ts';
import { RecordCursor } from '../../../core/protocol/record-cursor.ts';
import type { Network, Transport } from '../../../core/protocol/transport.ts';
import { withCalls } from './calls.ts';
import { fastClock } from './fast-clock.ts';
import { lossyNetwork } from './lossy-network.ts';
import { createMemoryCluster, type MemoryCluster } from './memory-cluster.ts';
import { startNode } from './real-node.ts';

const clock = systemClock;
const text = (value: Uint8Array | null) => (value === null ? null : Buffer.from(value).toString());
const bytes = (value: string) => Buffer.from(value);

const connect = (network: Network, seed = 1, clock: Clock = systemClock) =>
  createCluster({ network, clock, random: seededRandom(seed), logger, clientId: 'test', requestTimeoutMs: 5_000 });

function values(cluster: MemoryCluster, topic: string, partition: number): string[] {
  const cursor = new RecordCursor();
  const found: string[] = [];
  for (const batch of cluster.topics.get(topic)![partition]!.batches) {
    verifyBatch(batch);
    cursor.open(batch);
    while (cursor.next()) found.push(text(cursor.value())!);
  }
  return found;
}

function setUp(options: ProducerOptions = {}, { nodes = 1, partitions = 1, maxMessageBytes = 1_048_588 } = {}) {
  const memory = createMemoryCluster(clock, nodes);
  memory.createTopic('t', partitions, maxMessageBytes);
  const cluster = connect(memory);
  return { memory, cluster, producer: createProducer(cluster, options) };
}

describe('writing', () => {
  test('records arrive in order, with key, value, headers and time, and are acknowledged by flush', async () => {
    const { memory, producer } = setUp();
    producer.write('t', 0, 5, bytes('k'), bytes('v'), [['h', bytes('x')]]);
    producer.write('t', 0, 4, null, null);
    await producer.flush();
    const [batch] = memory.topics.get('t')![0]!.batches;
    const cursor = new RecordCursor();
    cursor.open(batch!);
    expect(cursor.next()).toBe(true);
    expect([cursor.timestampMs, text(cursor.key()), text(cursor.value())]).toEqual([5, 'k', 'v']);
    expect(cursor.headers().map(([name, value]) => [name, text(value)])).toEqual([['h', 'x']]);
    expect(cursor.next()).toBe(true);
    expect([cursor.timestampMs, cursor.key(), cursor.value()]).toEqual([4, null, null]);
    expect(cursor.next()).toBe(false);
    expect(producer.lastOffset('t', 0)).toBe(1);
    expect(producer.lastOffset('t', 1)).toBeUndefined();
    await producer.close();
  });

  test('batches close at their size and carry contiguous sequences', async () => {
    const { memory, producer } = setUp({ batchBytes: 1_000 });
    for (let i = 0; i < 100; i++) producer.write('t', 0, i, null, Buffer.alloc(100, i));
    await producer.flush();
    const headers = memory.topics.get('t')![0]!.batches.map((batch) => readBatchHeader(batch));
    expect(headers.length).toBeGreaterThan(10);
    let next = 0;
    for (const header of headers) {
      expect(header.sizeBytes).toBeLessThanOrEqual(1_000);
      expect(header.baseSequence).toBe(next);
      next += header.recordCount;
    }
    expect(next).toBe(100);
    await producer.close();
  });

  test('a batch goes on filling while as many as may be are on their way', async () => {
    const memory = createMemoryCluster(clock, 1);
    memory.createTopic('t', 1);
    const answer = createLatch();
    const slow = (transport: Transport): Transport => ({
      ...transport,
      async call(api, version, request, options) {
        if (api === 'produce') await answer.promise;
        return transport.call(api, version, request, options);
      },
    });
    const cluster = connect({
      bootstrap: async () => slow(await memory.bootstrap()),
      connect: async (node) => slow(await memory.connect(node)),
    });
    const producer = createProducer(cluster, { lingerMs: 0, inFlightMax: 2 });
    const sent: Promise<unknown>[] = [];
    for (let i = 0; i < 50; i++) {
      sent.push(producer.send({ topic: 't', partition: 0, key: null, value: bytes(`${i}`), timestampMs: i }));
      await clock.sleep(2);
    }
    answer.resolve();
    await Promise.all(sent);
    const counts = memory.topics.get('t')![0]!.batches.map((batch) => readBatchHeader(batch).recordCount);
    expect(counts).toHaveLength(3);
    expect(values(memory, 't', 0)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
    await producer.close();
  });

  test('a record that waits is sent after the linger time without a flush', async () => {
    const { producer } = setUp({ lingerMs: 2 });
    const sent = await producer.send({ topic: 't', partition: 0, key: null, value: bytes('v'), timestampMs: 9 });
    expect(sent).toEqual({ topic: 't', partition: 0, offset: 0, timestampMs: 9 });
    await producer.close();
  });

  test('each send gets the offset of its own record', async () => {
    const { producer } = setUp({ batchBytes: 300 });
    const sends = Array.from({ length: 50 }, (_, i) =>
      producer.send({ topic: 't', partition: 0, key: null, value: bytes(`value ${i}`) }),
    );
    const offsets = (await Promise.all(sends)).map(({ offset }) => offset);
    expect(offsets).toEqual(Array.from({ length: 50 }, (_, i) => i));
    await producer.close();
  });

  test('the buffer is bounded: write says when it is full, ready when there is room', async () => {
    const { memory, producer } = setUp({ bufferBytesMax: 10_000, batchBytes: 2_000 });
    let taken = 0;
    for (let round = 0; round < 5; round++) {
      while (producer.write('t', 0, 0, null, Buffer.alloc(500))) taken += 1;
      taken += 1;
      expect(taken).toBeLessThan((round + 1) * 25);
      await producer.ready();
    }
    await producer.flush();
    expect(values(memory, 't', 0).length).toBe(taken);
    await producer.close();
  });

  test('compression is applied, and what is written before the codec is loaded is not lost', async () => {
    const { memory, producer } = setUp({ compression: 'gzip', batchBytes: 2_000 });
    for (let i = 0; i < 50; i++) producer.write('t', 0, 0, null, Buffer.alloc(200, 97));
    await Promise.all([producer.flush(), loadCompression()]);
    for (let i = 0; i < 50; i++) producer.write('t', 0, 0, null, Buffer.alloc(200, 97));
    await producer.flush();
    const last = readBatchHeader(memory.topics.get('t')![0]!.batches.at(-1)!);
    expect(last.compression).toBe('gzip');
    expect(last.sizeBytes).toBeLessThan(300);
    expect(values(memory, 't', 0).length).toBe(100);
    await producer.close();
  });

  test.each([-1, Number.NaN, 1.5, 2 ** 53])('the time %d is refused before it spoils a batch', async (timestampMs) => {
    const { memory, producer } = setUp();
    producer.write('t', 0, 1, null, bytes('before'));
    expect(() => producer.write('t', 0, timestampMs, null, bytes('v'))).toThrowError(/a record for 't' is not a time/);
    producer.write('t', 0, 2, null, bytes('after'));
    await producer.close();
    expect(values(memory, 't', 0)).toEqual(['before', 'after']);
  });

  test('a partition that can’t be is refused, and not left unsent', async () => {
    const { producer } = setUp();
    for (const partition of [-1, 0.5, Number.NaN]) {
      expect(() => producer.write('t', partition, 1, null, bytes('a'))).toThrow('partitions are numbered from 0');
      await expect(producer.send({ topic: 't', partition, key: null, value: null })).rejects.toMatchObject({
        code: 'BAD_PARTITION',
      });
    }
    await producer.close();
  });

  test('a closed producer refuses', async () => {
    const { producer } = setUp();
    await producer.close();
    expect(() => producer.write('t', 0, 0, null, null)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});

describe('partitions', () => {
  test('closed again while it closes, it has sent everything all the same', async () => {
    const { memory, producer } = setUp();
    producer.write('t', 0, 1, null, bytes('a'));
    void producer.close();
    await producer.close();
    expect(values(memory, 't', 0)).toEqual(['a']);
  });

  test('what is written while it closes is refused, and what was sent before is there', async () => {
    const { memory, producer } = setUp({ lingerMs: 60_000 });
    const sent = producer.send({ topic: 't', partition: 0, key: null, value: bytes('before') });
    const closing = producer.close();
    expect(() => producer.write('t', 0, 0, null, null)).toThrow('the producer is closed');
    await expect(producer.send({ topic: 't', partition: 0, key: null, value: null })).rejects.toThrow('is closed');
    await closing;
    expect((await sent).offset).toBe(0);
    expect(values(memory, 't', 0)).toEqual(['before']);
  });

  test('sends that nobody waited for go in the order of the calls, however long each waits for metadata', async () => {
    const memory = createMemoryCluster(clock);
    memory.createTopic('t', 1);
    const first = createLatch();
    let asked = 0;
    const network = withCalls(memory, async (api, call) => {
      if (api === 'metadata' && asked++ === 0) await first.promise;
      return call();
    });
    const producer = createProducer(connect(network));
    const sends = ['1', '2', '3'].map((value) => producer.send({ topic: 't', key: bytes('k'), value: bytes(value) }));
    await expect.poll(() => asked).toBe(3);
    first.resolve();
    expect((await Promise.all(sends)).map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(values(memory, 't', 0)).toEqual(['1', '2', '3']);
    await producer.close();
  });

  test('what can not be asked about one topic holds up no other', async () => {
    const fast = fastClock(20);
    const memory = createMemoryCluster(fast);
    memory.createTopic('t', 1);
    let moves = 0;
    const network = withCalls(memory, async (api, call, request) => {
      if (api === 'produce' && moves-- > 0) {
        const refused = { index: 0, errorCode: errors.NOT_LEADER_OR_FOLLOWER.code, baseOffset: -1 };
        return apis.produce.response.create({ responses: [{ name: 't', partitionResponses: [refused] }] });
      }
      const answer = (await call()) as ResponseOf<'metadata'>;
      if (api !== 'metadata') return answer;
      const topics = answer.topics.map((topic) =>
        topic.name === 'forbidden' ? { ...topic, errorCode: errors.TOPIC_AUTHORIZATION_FAILED.code } : topic,
      );
      // What was asked for first is answered first.
      const order = (request as RequestOf<'metadata'>).topics!.map(({ name }) => name);
      return { ...answer, topics: topics.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name)) };
    });
    const producer = createProducer(connect(network, 1, fast), { deliveryTimeoutMs: 20_000, lingerMs: 0 });
    await producer.send({ topic: 't', partition: 0, key: null, value: bytes('before') });
    producer.write('forbidden', 0, 0, null, null);
    moves = 1;
    await producer.send({ topic: 't', partition: 0, key: null, value: bytes('after') });
    expect(values(memory, 't', 0)).toEqual(['before', 'after']);
    await expect(producer.close()).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  test('a cluster that gives no producer id for longer than is asked for one spoils no later record', async () => {
    const fast = fastClock(200);
    const memory = createMemoryCluster(fast);
    memory.createTopic('t', 1);
    let isLoading = true;
    const network = withCalls(memory, async (api, call) => {
      if (api !== 'initProducerId' || !isLoading) return call();
      return apis.initProducerId.response.create({ errorCode: errors.COORDINATOR_LOAD_IN_PROGRESS.code });
    });
    const producer = createProducer(connect(network, 1, fast), { deliveryTimeoutMs: 65_000 });
    const first = producer.send({ topic: 't', partition: 0, key: null, value: bytes('first') });
    await expect(first).rejects.toMatchObject({ code: 'TIMED_OUT' });
    isLoading = false;
    expect((await producer.send({ topic: 't', partition: 0, key: null, value: bytes('second') })).offset).toBe(0);
    await producer.close();
  });

  test('a key goes where every Kafka client puts it, no key where the batch under way goes', async () => {
    const { producer } = setUp({ batchBytes: 500 }, { partitions: 12 });
    expect(await producer.partitionsOf('t')).toBe(12);
    expect(producer.partitionFor('t', bytes('100:48069'))).toBe(9); // case C49
    const first = producer.partitionFor('t', null);
    expect(producer.partitionFor('t', null)).toBe(first);
    const seen = new Set<number>();
    for (let i = 0; i < 400; i++) {
      const partition = producer.partitionFor('t', null);
      seen.add(partition);
      producer.write('t', partition, 0, null, Buffer.alloc(100));
    }
    expect(seen.size).toBeGreaterThan(6);
    const keyed = await producer.send({ topic: 't', key: bytes('k'), value: null });
    expect(keyed.partition).toBe(partitionForKey(bytes('k'), 12));
    await producer.close();
  });

  test('an unknown topic is a Fault, at once where it is asked for and after a while where it is written to', async () => {
    const memory = createMemoryCluster(clock);
    memory.createTopic('t', 1);
    const producer = createProducer(connect(memory, 1, fastClock(20)));
    await expect(producer.partitionsOf('nowhere')).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
      detail: { topic: 'nowhere' },
    });
    producer.write('nowhere', 0, 0, null, null);
    producer.write('t', 7, 0, null, null);
    producer.write('t', 0, 0, null, null);
    await expect(producer.flush()).rejects.toMatchObject({ code: expect.stringMatching('_NOT_FOUND') });
    expect(producer.lastOffset('t', 0)).toBe(0);
    await producer.close();
  });
});

describe('records that are too large (case C34)', () => {
  test('above the producer limit: refused by write, named, and nothing else is lost', async () => {
    const { memory, producer } = setUp({ requestBytesMax: 10_000 });
    producer.write('t', 0, 0, null, bytes('before'));
    expect(() => producer.write('t', 0, 0, bytes('big one'), Buffer.alloc(20_000))).toThrow(
      /'t' with key 'big one' has 20047 bytes, at most 10000/,
    );
    producer.write('t', 0, 0, null, bytes('after'));
    await producer.flush();
    expect(values(memory, 't', 0)).toEqual(['before', 'after']);
    await producer.close();
  });

  test('above the limit of the topic: the batch is split, the one record is given up, and nothing else is lost or moved', async () => {
    const { memory, producer } = setUp({}, { maxMessageBytes: 2_000 });
    const expected: string[] = [];
    for (let i = 0; i < 200; i++) {
      const isBig = i === 77;
      const value = isBig ? 'x'.repeat(5_000) : `value ${i}`.padEnd(90, '.');
      if (!isBig) expected.push(value);
      producer.write('t', 0, 0, bytes(`key ${i}`), bytes(value));
    }
    await expect(producer.flush()).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
      detail: { topic: 't', key: "'key 77'", bytesMax: 2_000 },
    });
    expect(values(memory, 't', 0)).toEqual(expected);
    producer.write('t', 0, 0, null, bytes('later'));
    await producer.flush();
    expect(values(memory, 't', 0).at(-1)).toBe('later');
    await producer.close();
  });
});

describe('leaders', () => {
  test('a moved leader is found and nothing is lost or reordered', async () => {
    const { memory, producer } = setUp({ batchBytes: 400, lingerMs: 0 }, { nodes: 3, partitions: 3 });
    const random = seededRandom(4);
    for (let i = 0; i < 600; i++) {
      producer.write('t', i % 3, 0, null, bytes(`${i}`.padStart(60)));
      if (i % 60 === 0) {
        for (const partition of memory.topics.get('t')!) partition.leader = random.integer(3);
        await clock.sleep(1);
      }
    }
    await producer.flush();
    for (let partition = 0; partition < 3; partition++) {
      const expected = Array.from({ length: 200 }, (_, i) => i * 3 + partition);
      expect(values(memory, 't', partition).map(Number)).toEqual(expected);
    }
    await producer.close();
  });
});

describe('a network that loses requests and answers and lets them overtake each other', () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'seed %i: nothing is lost, doubled or reordered',
    async (seed) => {
      const random = seededRandom(seed);
      const fast = fastClock(20);
      const memory = createMemoryCluster(fast, 2);
      memory.createTopic('t', 3, 1_500);
      const network = lossyNetwork(memory, { clock: fast, random, loss: 0.15, delayMsMax: 40, apis: ['produce'] });
      const producer = createProducer(connect(network, seed, fast), { batchBytes: 500, lingerMs: 20 });
      let next = 0;
      for (let burst = 0; burst < 6; burst++) {
        for (let i = 0; i < 45; i++, next++) producer.write('t', next % 3, 0, null, bytes(`${next}`.padStart(60)));
        if (random.next() < 0.3) memory.topics.get('t')![random.integer(3)]!.leader = random.integer(2);
        await fast.sleep(random.integer(60));
      }
      await producer.flush();
      expect(network.lost).toBeGreaterThan(0);
      for (let partition = 0; partition < 3; partition++) {
        const expected = Array.from({ length: next / 3 }, (_, i) => i * 3 + partition);
        expect(values(memory, 't', partition).map(Number)).toEqual(expected);
        expect(producer.lastOffset('t', partition)).toBe(expected.length - 1);
      }
      await producer.close();
    },
  );

  test.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'seed %i: what is acknowledged is there, once and in order, whatever is given up meanwhile',
    async (seed) => {
      const random = seededRandom(seed);
      const fast = fastClock(20);
      const memory = createMemoryCluster(fast, 2);
      memory.createTopic('t', 1);
      const lossy = lossyNetwork(memory, { clock: fast, random, loss: 0.3, delayMsMax: 40, apis: ['produce'] });
      let isHealed = false;
      const names = ['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS', 'NOT_LEADER_OR_FOLLOWER'] as const;
      const network = withCalls(lossy, async (api, call) => {
        if (api !== 'produce' || isHealed || random.next() < 0.6) return call();
        const name = names[random.integer(names.length)]!;
        if (name !== 'NOT_ENOUGH_REPLICAS') await call();
        const refused = { index: 0, errorCode: errors[name].code, baseOffset: -1 };
        return apis.produce.response.create({ responses: [{ name: 't', partitionResponses: [refused] }] });
      });
      const producer = createProducer(connect(network, seed, fast), {
        ...{ batchBytes: 300, lingerMs: 5, deliveryTimeoutMs: 250 },
      });
      const sent: Promise<number | null>[] = [];
      for (let i = 0; i < 120; i++) {
        const record = { topic: 't', partition: 0, key: null, value: bytes(`${i}`.padStart(60)) };
        sent.push(
          producer.send(record).then(
            () => i,
            () => null,
          ),
        );
        if (i % 5 === 4) await fast.sleep(random.integer(120));
      }
      const acknowledged = (await Promise.all(sent)).filter((i) => i !== null);
      isHealed = true;
      lossy.heal();
      const last = await producer.send({ topic: 't', partition: 0, key: null, value: bytes('120') });
      const found = values(memory, 't', 0).map(Number);
      expect(found).toEqual([...new Set(found)].sort((a, b) => a - b));
      expect(found).toEqual(expect.arrayContaining(acknowledged));
      expect(found[last.offset]).toBe(120);
      await producer.close();
    },
  );

  test('what can not be delivered in time is told, and what comes after it is still sent', async () => {
    const { memory, producer } = setUp({ deliveryTimeoutMs: 200, lingerMs: 0 }, { nodes: 2 });
    memory.topics.get('t')![0]!.leader = 5; // a node that is not there
    producer.write('t', 0, 0, null, bytes('lost'));
    await expect(producer.flush()).rejects.toMatchObject({ code: 'TIMED_OUT' });
    memory.topics.get('t')![0]!.leader = 1;
    producer.write('t', 0, 0, null, bytes('found'));
    await producer.flush();
    expect(values(memory, 't', 0)).toEqual(['found']);
    await producer.close();
  });

  test('what may be in the log is not given up because a node knows nothing of its topic; what is not there is', async () => {
    const fast = fastClock(50);
    const memory = createMemoryCluster(fast, 1);
    memory.createTopic('t', 1);
    const topic = memory.topics.get('t')!;
    let isCutOff = false;
    const network = withCalls(memory, async (api, call) => {
      if (api === 'produce' && !isCutOff) {
        await call();
        isCutOff = true;
        memory.topics.delete('t');
        throw new Fault('CONNECTION_LOST', { to: 'the node', reason: 'it was cut off' });
      }
      return call();
    });
    const producer = createProducer(connect(network, 1, fast), { lingerMs: 0 });
    const first = producer.send({ topic: 't', partition: 0, key: null, value: bytes('first') });
    await expect.poll(() => isCutOff).toBe(true);
    const second = producer.send({ topic: 't', partition: 0, key: null, value: bytes('second') });
    await expect(second).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    memory.topics.set('t', topic);
    expect((await first).offset).toBe(0);
    const third = await producer.send({ topic: 't', partition: 0, key: null, value: bytes('third') });
    expect(third.offset).toBe(1);
    expect(values(memory, 't', 0)).toEqual(['first', 'third']);
    await producer.close();
  });

  test.each(['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'NOT_LEADER_OR_FOLLOWER'] as const)(
    'a batch that was written, answered with %s and given up leaves its numbers to no other',
    async (error) => {
      const fast = fastClock(20);
      const memory = createMemoryCluster(fast, 1);
      memory.createTopic('t', 1);
      let isWaiting = true;
      const network = withCalls(memory, async (api, call) => {
        const answer = await call();
        if (api !== 'produce' || !isWaiting) return answer;
        const responses = [
          { name: 't', partitionResponses: [{ index: 0, errorCode: errors[error].code, baseOffset: -1 }] },
        ];
        return apis.produce.response.create({ responses });
      });
      const producer = createProducer(connect(network, 1, fast), { lingerMs: 0, deliveryTimeoutMs: 2_000 });
      const first = producer.send({ topic: 't', partition: 0, key: null, value: bytes('first') });
      await expect(first).rejects.toMatchObject({ code: 'TIMED_OUT' });
      isWaiting = false;
      const second = await producer.send({ topic: 't', partition: 0, key: null, value: bytes('second') });
      expect(second.offset).toBe(1);
      expect(values(memory, 't', 0)).toEqual(['first', 'second']);
      await producer.close();
    },
  );

  test('a log that has forgotten the producer gets the same records under a new epoch', async () => {
    const { memory, producer } = setUp({ batchBytes: 300, lingerMs: 0 });
    const write = (from: number, to: number) => {
      for (let i = from; i < to; i++) producer.write('t', 0, 0, null, bytes(`${i}`.padStart(60)));
    };
    write(0, 20);
    await producer.flush();
    const partition = memory.topics.get('t')![0]!;
    const [[producerId]] = [...partition.producers.entries()] as [[number, unknown]];
    partition.producers.set(producerId, { epoch: 0, batches: [{ first: 0, last: 3, offset: 0 }] });
    write(20, 60);
    await producer.flush();
    expect(values(memory, 't', 0).map(Number)).toEqual(Array.from({ length: 60 }, (_, i) => i));
    await producer.close();
  });
});

describe('on the node itself', () => {
  test.each(Array.from({ length: 10 }, (_, seed) => seed))(
    'seed %i: nothing is lost, doubled or reordered there either',
    async (seed) => {
      await using node = await startNode({}, 20);
      const admin = node.client().admin();
      await admin.createTopics([{ name: 't', partitions: 2, config: { 'max.message.bytes': '900' } }]);
      const random = seededRandom(seed);
      const lossy = lossyNetwork(node.network, {
        clock: node.clock,
        random,
        loss: 0.15,
        delayMsMax: 40,
        apis: ['produce', 'initProducerId'],
      });
      const producer = node.client('lossy', lossy).producer({ batchBytes: 1_500, lingerMs: 20 });
      for (let i = 0; i < 200; i++) {
        producer.write('t', i % 2, i, null, bytes(`${i}`.padStart(100)));
        if (i % 20 === 0) await node.clock.sleep(random.integer(40));
      }
      await producer.flush();
      const consumer = node.client().consumer({ from: 'earliest' });
      for (const partition of [0, 1]) {
        await consumer.assign([{ topic: 't', partition, offset: 0 }]);
        const seen: number[] = [];
        while (seen.length < 100) for (const record of await consumer.poll(100)) seen.push(Number(text(record.value)));
        expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i * 2 + partition));
        expect((await admin.listOffsets([{ topic: 't', partition }], 'latest'))[0]!.offset).toBe(100);
      }
      await Promise.all([producer.close(), consumer.close()]);
    },
  );
});
