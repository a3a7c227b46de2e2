import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Client, Consumer, ConsumerOptions, ConsumerRecord } from '../../../core/client/index.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { answeringNetwork } from './answering-network.ts';
import { bytes, startNode, type TestNode, text } from './real-node.ts';

let node: TestNode;
let client: Client;
const consumers: Consumer[] = [];

beforeEach(async () => {
  node = await startNode();
  client = node.client();
});

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
  await node[Symbol.asyncDispose]();
});

function consumerOf(options: ConsumerOptions = {}, network = node.network): Consumer {
  const consumer = node.client('test', network).consumer({ from: 'earliest', heartbeatIntervalMs: 200, ...options });
  consumers.push(consumer);
  return consumer;
}

async function fill(topic: string, partitions: number, count: number): Promise<void> {
  await client.admin().createTopics([{ name: topic, partitions }]);
  await append(topic, partitions, 0, count);
}

async function append(topic: string, partitions: number, from: number, to: number): Promise<void> {
  const producer = client.producer({ batchBytes: 300 });
  for (let i = from; i < to; i++) producer.write(topic, i % partitions, i, bytes(`k${i}`), bytes(`${i}`));
  await producer.close();
}

async function take(
  consumer: Consumer,
  count: number,
  onRecord: (record: ConsumerRecord<Uint8Array, Uint8Array>) => void = () => {},
): Promise<number[]> {
  const seen: number[] = [];
  for await (const record of consumer) {
    seen.push(Number(text(record.value)));
    onRecord(record);
    if (seen.length === count) break;
  }
  return seen;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b);

describe('without a group', () => {
  test.each(['none', 'lz4'] as const)(
    'bytes are the own of whoever gets them: what is written over them nobody else reads (%s)',
    async (compression) => {
      await client.admin().createTopics([{ name: 't', partitions: 1 }]);
      const producer = client.producer({ compression });
      const headers = [['h', bytes('header')]] as const;
      for (let i = 0; i < 20; i++) producer.write('t', 0, i, bytes(`k${i}`), bytes(`${i}`), headers);
      await producer.close();
      const embedded = node.client('embedded', node.direct);
      await using overwritten = embedded.consumer({ from: 'earliest' });
      await overwritten.assign([{ topic: 't', partition: 0 }]);
      const first = await overwritten.poll(5_000);
      for (const { key, value, headers } of first) for (const own of [key, value, headers[0]![1]]) own!.fill(0x78);
      await using reader = embedded.consumer({ from: 'earliest' });
      await reader.assign([{ topic: 't', partition: 0 }]);
      const read = await reader.poll(5_000);
      expect(first).toHaveLength(20);
      expect(read.map(({ key, value, headers }) => [text(key), text(value), text(headers[0]![1])])).toEqual(
        numbers(0, 20).map((i) => [`k${i}`, `${i}`, 'header']),
      );
    },
  );

  test('goes on where the log begins when what it stood before was deleted', async () => {
    await fill('t', 1, 40);
    const consumer = consumerOf();
    await consumer.assign([{ topic: 't', partition: 0, offset: 3 }]);
    await client.admin().deleteRecords([{ topic: 't', partition: 0, offset: 30 }]);
    const seen = await take(consumer, 10);
    expect(seen).toEqual(numbers(30, 40));
    await client.admin().deleteRecords([{ topic: 't', partition: 0, offset: 40 }]);
    consumer.seek({ topic: 't', partition: 0 }, 5);
    expect(await consumer.poll(500)).toEqual([]);
    expect(consumer.position({ topic: 't', partition: 0 })).toBe(40);
    await append('t', 1, 40, 42);
    expect(await take(consumer, 2)).toEqual([40, 41]);
  });

  test('reads partitions from where it is told, and goes on where a loop was left', async () => {
    await fill('t', 2, 40);
    const consumer = consumerOf();
    await consumer.assign([{ topic: 't', partition: 1, offset: 5 }]);
    const first = await take(consumer, 4);
    expect(first).toEqual([11, 13, 15, 17]);
    expect(await take(consumer, 3)).toEqual([19, 21, 23]);
    consumer.seek({ topic: 't', partition: 1 }, 0);
    expect(await take(consumer, 1)).toEqual([1]);
    expect(consumer.position({ topic: 't', partition: 1 })).toBe(1);
  });

  test('polls that do not wait get the records all the same, and let everything else go on', async () => {
    await fill('t', 2, 40);
    const consumer = consumerOf();
    await consumer.assign([{ topic: 't', partition: 1, offset: 5 }]);
    const seen: number[] = [];
    while (seen.length < 15) for (const { value } of await consumer.poll(0)) seen.push(Number(text(value)));
    expect(seen).toEqual(Array.from({ length: 15 }, (_, i) => 11 + 2 * i));
    let isElsewhereToo = false;
    setTimeout(() => {
      isElsewhereToo = true;
    });
    while (!isElsewhereToo) expect(await consumer.poll(0)).toEqual([]);
  });

  test('hands out all that a record has, decoded where decoders are given', async () => {
    await client.admin().createTopics([{ name: 't', partitions: 1 }]);
    const producer = client.producer();
    await producer.send({
      topic: 't',
      partition: 0,
      key: bytes('a'),
      value: null,
      timestampMs: 7,
      headers: [['h', bytes('x')]],
    });
    await producer.send({ topic: 't', partition: 0, key: null, value: bytes('v') });
    const decoder = { decode: (raw: Uint8Array) => `<${Buffer.from(raw)}>` };
    const consumer = node.client().consumer({ from: 'earliest', key: decoder, value: decoder });
    await consumer.assign([{ topic: 't', partition: 0 }]);
    const records: ConsumerRecord<string, string>[] = [];
    while (records.length < 2) records.push(...(await consumer.poll(1_000)));
    expect(records[0]).toMatchObject({ topic: 't', partition: 0, offset: 0, timestampMs: 7, key: '<a>', value: null });
    expect(records[0]!.headers.map(([name, value]) => [name, text(value)])).toEqual([['h', 'x']]);
    expect(records[1]).toMatchObject({ offset: 1, key: null, value: '<v>' });
    await consumer.close();
    await producer.close();
  });

  test('latest begins at the end', async () => {
    await fill('t', 1, 20);
    const consumer = consumerOf({ from: 'latest' });
    await consumer.assign([{ topic: 't', partition: 0 }]);
    expect(await consumer.poll(20)).toEqual([]);
    await append('t', 1, 20, 23);
    expect(await take(consumer, 3)).toEqual([20, 21, 22]);
  });

  test('what is paused is not handed out and not lost; the others go on', async () => {
    await fill('t', 2, 200);
    const consumer = consumerOf();
    await consumer.assign([0, 1].map((partition) => ({ topic: 't', partition })));
    const before = await take(consumer, 10);
    consumer.pause([{ topic: 't', partition: 0 }]);
    const odd = before.filter((value) => value % 2 === 1).length;
    const other = await take(consumer, 100 - odd);
    expect(other.every((value) => value % 2 === 1)).toBe(true);
    consumer.resume([{ topic: 't', partition: 0 }]);
    const rest = await take(consumer, 100 - (before.length - odd));
    expect(sorted([...before, ...other, ...rest])).toEqual(numbers(0, 200));
  });

  test('a record that can not be decoded is an error that names it, until it is sought past', async () => {
    await fill('t', 1, 3);
    const value = {
      decode(raw: Uint8Array) {
        if (text(raw) === '1') throw new Error('odd');
        return Number(text(raw));
      },
    };
    const consumer = node.client().consumer({ from: 'earliest', value });
    await consumer.assign([{ topic: 't', partition: 0 }]);
    const seen: (number | null)[] = [];
    const loop = async () => {
      for await (const record of consumer) {
        seen.push(record.value);
        if (seen.length === 2) return;
      }
    };
    const error = {
      code: 'CANNOT_DECODE',
      detail: { topic: 't', partition: 0, offset: 1, part: 'value', reason: 'odd' },
    };
    await expect(loop()).rejects.toMatchObject(error);
    await expect(loop()).rejects.toMatchObject(error);
    consumer.seek({ topic: 't', partition: 0 }, 2);
    await loop();
    expect(seen).toEqual([0, 2]);
    consumer.seek({ topic: 't', partition: 0 }, 0);
    expect((await consumer.poll(1_000)).map((record) => record.offset)).toEqual([0]);
    await expect(consumer.poll(1_000)).rejects.toMatchObject(error);
    await consumer.close();
  });

  test('an unknown topic is a Fault', async () => {
    const consumer = consumerOf({ groupId: 'g' });
    await expect(consumer.subscribe(['nowhere'])).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
  });
});

describe('in a group', () => {
  test('a restart goes on after what was done with: nothing twice, nothing left out', async () => {
    await fill('t', 3, 90);
    const first = consumerOf({ groupId: 'g' });
    await first.subscribe(['t']);
    const seen: number[] = [];
    while (seen.length < 50) for (const { value } of await first.poll(1_000)) seen.push(Number(text(value)));
    await first.close();
    const second = consumerOf({ groupId: 'g' });
    await second.subscribe(['t']);
    if (seen.length < 90) seen.push(...(await take(second, 90 - seen.length)));
    await append('t', 3, 90, 93);
    seen.push(...(await take(second, 3)));
    expect(sorted(seen)).toEqual(numbers(0, 93));
  });

  test('a record whose turn ended in a throw comes again; one that commit() covered does not', async () => {
    await fill('t', 1, 10);
    const fail = async (at: number, commit: boolean) => {
      const consumer = consumerOf({ groupId: 'g' });
      await consumer.subscribe(['t']);
      try {
        for await (const { value } of consumer) {
          if (Number(text(value)) !== at) continue;
          if (commit) await consumer.commit();
          throw new Error('stop');
        }
      } catch {
        await consumer.close();
      }
    };
    await fail(4, false);
    expect((await client.offsets('g').fetch(null)).get('t-0')?.offset).toBe(4);
    await fail(6, true);
    expect((await client.offsets('g').fetch(null)).get('t-0')?.offset).toBe(7);
  });

  test('a loop that was left holds up neither a rebalance nor the end', async () => {
    await fill('t', 2, 10);
    const first = consumerOf({ groupId: 'g', rebalanceTimeoutMs: 600_000 });
    await first.subscribe(['t']);
    await take(first, 1);
    const second = consumerOf({ groupId: 'g' });
    await second.subscribe(['t']);
    await vi.waitFor(() => expect([first, second].map((one) => one.assignment().length)).toEqual([1, 1]), 5_000);
  });

  test('commits run at their interval, also while nothing comes', async () => {
    await fill('t', 1, 5);
    const consumer = consumerOf({ groupId: 'g', autoCommitIntervalMs: 300 });
    await consumer.subscribe(['t']);
    const loop = (async () => {
      for await (const _ of consumer);
    })();
    await vi.waitFor(async () => expect((await client.offsets('g').fetch(null)).get('t-0')?.offset).toBe(5), 5_000);
    await consumer.close();
    await loop;
  });

  test('an end without a coordinator takes no longer than another one needs to take over', async () => {
    await fill('t', 1, 5);
    let isAway = false;
    const network = answeringNetwork(node.network, async (api, _request, pass) => {
      if (!isAway || api !== 'offsetCommit') return pass();
      return { topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: errors.NOT_COORDINATOR.code }] }] };
    });
    const consumer = consumerOf({ groupId: 'g' }, network);
    await consumer.subscribe(['t']);
    expect(await take(consumer, 3)).toEqual([0, 1, 2]);
    isAway = true;
    const startMs = node.clock.monotonicMs();
    await expect(consumer.close()).rejects.toThrow(/NOT_COORDINATOR/);
    expect(node.clock.monotonicMs() - startMs).toBeLessThan(45_000);
  }, 25_000);

  test.each([
    ['cooperative-sticky', ['cooperative-sticky']],
    ['range', ['range']],
    ['roundrobin', ['roundrobin']],
    ['range or cooperative', ['range', 'cooperative-sticky']],
  ] as const)('members share the partitions, and take over from one that leaves: %s', async (_name, assignors) => {
    await fill('t', 6, 600);
    const seen = new Map<number, number>();
    const loops: Promise<void>[] = [];
    const run = (consumer: Consumer) => {
      loops.push(
        (async () => {
          for await (const { value } of consumer) {
            const n = Number(text(value));
            seen.set(n, (seen.get(n) ?? 0) + 1);
          }
        })(),
      );
    };
    const members = [0, 1, 2].map(() => consumerOf({ groupId: 'g', assignors, sessionTimeoutMs: 30_000 }));
    for (const member of members.slice(0, 2)) await member.subscribe(['t']);
    for (const member of members.slice(0, 2)) run(member);
    const shares = () => members.map((member) => member.assignment().length);
    await vi.waitFor(() => expect(shares()).toEqual([3, 3, 0]), 10_000);
    await members[2]!.subscribe(['t']);
    run(members[2]!);
    await vi.waitFor(() => expect(shares()).toEqual([2, 2, 2]), 10_000);
    const held = members.flatMap((member) => member.assignment().map(({ partition }) => partition));
    expect(sorted(held)).toEqual([0, 1, 2, 3, 4, 5]);
    await append('t', 6, 600, 1_200);
    await members[0]!.close();
    await vi.waitFor(() => expect(shares().slice(1)).toEqual([3, 3]), 10_000);
    await append('t', 6, 1_200, 1_500);
    await vi.waitFor(() => expect(seen.size).toBe(1_500), 10_000);
    await Promise.all(members.map((member) => member.close()));
    await Promise.all(loops);
    const twice = [...seen.values()].filter((times) => times > 1).length;
    expect(twice).toBe(0);
  });

  test('a rebalance waits for the record that is being worked on (case C40)', async () => {
    await fill('t', 2, 10);
    const first = consumerOf({ groupId: 'g', assignors: ['range'] });
    await first.subscribe(['t']);
    const iterator = first[Symbol.asyncIterator]();
    const { value: record } = await iterator.next();
    const second = consumerOf({ groupId: 'g', assignors: ['range'] });
    await second.subscribe(['t']);
    const polled = second.poll(20_000);
    await node.clock.sleep(1_500);
    expect(first.assignment().length).toBe(2);
    const resumed = iterator.next();
    await vi.waitFor(() => expect([first.assignment().length, second.assignment().length]).toEqual([1, 1]), 5_000);
    const offset = (await client.offsets('g').fetch(null)).get(`t-${record.partition}`)?.offset;
    expect(offset).toBe(record.offset + 1);
    await Promise.all([polled, resumed]);
  });

  test('a loop ends when the consumer is closed, also with a rebalance under way', async () => {
    await fill('t', 2, 10);
    let isRebalancing = false;
    const network = answeringNetwork(node.network, async (api, _request, pass) => {
      const answer = (await pass()) as { readonly errorCode: number };
      if (api === 'heartbeat' && answer.errorCode === errors.REBALANCE_IN_PROGRESS.code) isRebalancing = true;
      return answer;
    });
    const options = { groupId: 'g', assignors: ['range'] } as const;
    const first = consumerOf(options, network);
    await first.subscribe(['t']);
    const iterator = first[Symbol.asyncIterator]();
    await iterator.next();
    const closing = first.close();
    const second = consumerOf(options);
    await second.subscribe(['t']);
    await vi.waitFor(() => expect(isRebalancing).toBe(true), { timeout: 5_000, interval: 5 });
    await node.clock.nextTurn();
    expect((await iterator.next()).done).toBe(true);
    await closing;
  });

  test('a static member that returns gets its partitions back without a rebalance (KIP-345)', async () => {
    await fill('t', 4, 0);
    const events: string[] = [];
    const other = consumerOf({ groupId: 'g', groupInstanceId: 'b', onRebalance: ({ kind }) => void events.push(kind) });
    await other.subscribe(['t']);
    const first = consumerOf({ groupId: 'g', groupInstanceId: 'a' });
    await first.subscribe(['t']);
    void other.poll(60_000).catch(() => {});
    await vi.waitFor(() => expect([first.assignment().length, other.assignment().length]).toEqual([2, 2]), 10_000);
    const before = first.assignment();
    events.length = 0;
    await first.close();
    const again = consumerOf({ groupId: 'g', groupInstanceId: 'a' });
    await again.subscribe(['t']);
    await vi.waitFor(() => expect(again.assignment()).toEqual(before), 10_000);
    expect(events).toEqual([]);
  });

  test('a second member of the same instance id fences the first, which says so', async () => {
    await fill('t', 1, 1);
    const first = consumerOf({ groupId: 'g', groupInstanceId: 'a' });
    await first.subscribe(['t']);
    expect((await first.poll(10_000)).length).toBe(1);
    const second = consumerOf({ groupId: 'g', groupInstanceId: 'a' });
    await second.subscribe(['t']);
    await vi.waitFor(() => expect(second.assignment().length).toBe(1), 10_000);
    await expect(
      (async () => {
        for (;;) await first.poll(200);
      })(),
    ).rejects.toMatchObject({ code: 'MEMBER_FENCED', detail: { group: 'g', instance: 'a' } });
  });

  test('new partitions are taken up', async () => {
    await fill('t', 1, 0);
    const consumer = consumerOf({ groupId: 'g', metadataMaxAgeMs: 300 });
    await consumer.subscribe(['t']);
    await vi.waitFor(() => expect(consumer.assignment().length).toBe(1), 5_000);
    await client.admin().createPartitions('t', 3);
    await vi.waitFor(() => expect(consumer.assignment().length).toBe(3), 10_000);
  });
});
