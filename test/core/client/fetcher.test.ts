import { describe, expect, test } from 'vitest';
import type { FetchedPartition } from '../../../core/client/assigned-partition.ts';
import { createCluster } from '../../../core/client/cluster.ts';
import { createFetcher, type Fetcher, type FetcherOptions } from '../../../core/client/fetcher.ts';
import { createProducer } from '../../../core/client/producer.ts';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { readBatchHeader } from '../../../core/protocol/record-batch.ts';
import { RecordCursor } from '../../../core/protocol/record-cursor.ts';
import type { Network } from '../../../core/protocol/transport.ts';
import { createMemoryCluster } from './memory-cluster.ts';

const text = (value: Uint8Array | null) => (value === null ? null : Buffer.from(value).toString());
const bytes = (value: string) => Buffer.from(value);

const connect = (network: Network) =>
  createCluster({ network, clock, random: seededRandom(1), logger, clientId: 'test', requestTimeoutMs: 70_000 });

describe('fetching', () => {
  const fetcherOf = (network: Network, options: FetcherOptions = {}) => createFetcher(connect(network), options);

  async function written(count: number, options: { partitions?: number; nodes?: number; batchBytes?: number } = {}) {
    const { partitions = 1, nodes = 1 } = options;
    const memory = createMemoryCluster(clock, nodes);
    memory.createTopic('t', partitions);
    const producer = createProducer(connect(memory), { batchBytes: options.batchBytes ?? 1_000 });
    for (let i = 0; i < count; i++) producer.write('t', i % partitions, i, null, bytes(`${i}`));
    await producer.flush();
    return { memory, producer };
  }

  async function fetchedTo(fetcher: Fetcher, nextOffset: number): Promise<FetchedPartition[]> {
    const fetched: FetchedPartition[] = [];
    while (fetched.at(-1)?.nextOffset !== nextOffset) fetched.push(...(await fetcher.poll(5_000)));
    return fetched;
  }

  test('hands out whole batches once, with where to go on', async () => {
    const { memory } = await written(500);
    const fetcher = fetcherOf(memory, { partitionBytesMax: 3_000 });
    fetcher.assign([{ topic: 't', partition: 0, offset: 137 }]);
    const cursor = new RecordCursor();
    const seen: number[] = [];
    let next = 137;
    while (next < 500) {
      for (const fetched of await fetcher.poll(1_000)) {
        expect(fetched.fetchOffset).toBe(next);
        for (const batch of fetched.batches) {
          cursor.open(batch);
          while (cursor.next()) if (cursor.offset >= fetched.fetchOffset) seen.push(Number(text(cursor.value())));
        }
        next = fetched.nextOffset;
      }
    }
    expect(seen).toEqual(Array.from({ length: 363 }, (_, i) => i + 137));
    expect(fetcher.position({ topic: 't', partition: 0 })).toBe(500);
    expect(fetcher.endOffset({ topic: 't', partition: 0 })).toBe(500);
    expect(await fetcher.poll(5)).toEqual([]);
    fetcher.close();
  });

  test('memory is bounded however much waits, and a slow reader of one partition does not starve another (cases C48, C6)', async () => {
    const { memory, producer } = await written(0, { partitions: 2 });
    for (let i = 0; i < 4_000; i++) producer.write('t', 0, 0, null, Buffer.alloc(1_000));
    producer.write('t', 1, 0, null, bytes('other'));
    await producer.flush();
    const fetcher = fetcherOf(memory, { bufferBytesMax: 400_000, partitionBytesMax: 50_000 });
    fetcher.assign([0, 1].map((partition) => ({ topic: 't', partition, offset: 0 })));
    fetcher.pause({ topic: 't', partition: 1 });
    await clock.sleep(50);
    const first = await fetcher.poll(100);
    expect(first.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThanOrEqual(400_000);
    fetcher.pause({ topic: 't', partition: 0 });
    fetcher.resume({ topic: 't', partition: 1 });
    const [other] = await fetcher.poll(1_000);
    expect(other).toMatchObject({ partition: 1, nextOffset: 1 });
    fetcher.close();
  });

  test('what a paused partition keeps leaves room for the others, however large its batches', async () => {
    const { memory, producer } = await written(0, { partitions: 2 });
    producer.write('t', 0, 0, null, Buffer.alloc(200_000));
    producer.write('t', 1, 0, null, bytes('other'));
    await producer.flush();
    const fetcher = fetcherOf(memory, { bufferBytesMax: 150_000 });
    fetcher.assign([{ topic: 't', partition: 0, offset: 0 }]);
    await clock.sleep(50);
    fetcher.pause({ topic: 't', partition: 0 });
    fetcher.assign([0, 1].map((partition) => ({ topic: 't', partition, offset: 0 })));
    expect(await fetcher.poll(2_000)).toMatchObject([{ partition: 1 }]);
    fetcher.resume({ topic: 't', partition: 0 });
    expect(await fetcher.poll(2_000)).toMatchObject([{ partition: 0, nextOffset: 1 }]);
    fetcher.close();
  });

  test('a poll that waits gets a record as soon as it is there', async () => {
    const { memory, producer } = await written(0);
    const fetcher = fetcherOf(memory, { maxWaitMs: 60_000 });
    fetcher.assign([{ topic: 't', partition: 0, offset: 0 }]);
    const polled = fetcher.poll(20_000);
    await clock.sleep(10);
    await producer.send({ topic: 't', partition: 0, key: null, value: null });
    expect(await polled).toMatchObject([{ nextOffset: 1 }]);
    fetcher.close();
  });

  test('partitions that are added, resumed or sought while a request waits are not held up by it', async () => {
    const { memory } = await written(100, { partitions: 2 });
    const fetcher = fetcherOf(memory, { maxWaitMs: 60_000 });
    fetcher.assign([{ topic: 't', partition: 0, offset: 50 }]);
    expect(await fetcher.poll(20)).toEqual([]);
    fetcher.assign([0, 1].map((partition) => ({ topic: 't', partition, offset: partition === 0 ? 50 : 0 })));
    expect(await fetcher.poll(5_000)).toMatchObject([{ partition: 1, nextOffset: 50 }]);
    fetcher.seek({ topic: 't', partition: 1 }, 49);
    const [again] = await fetcher.poll(5_000);
    expect(again).toMatchObject({ partition: 1, fetchOffset: 49, nextOffset: 50 });
    fetcher.close();
  });

  test('follows leaders', async () => {
    const { memory } = await written(300, { partitions: 3, nodes: 3 });
    const fetcher = fetcherOf(memory, { partitionBytesMax: 500 });
    fetcher.assign([0, 1, 2].map((partition) => ({ topic: 't', partition, offset: 0 })));
    const next = [0, 0, 0];
    for (let turn = 0; next.some((offset) => offset < 100); turn++) {
      for (const partition of memory.topics.get('t')!) partition.leader = turn % 3;
      for (const { partition, fetchOffset, nextOffset } of await fetcher.poll(200)) {
        expect(fetchOffset).toBe(next[partition]);
        next[partition] = nextOffset;
      }
    }
    expect(next).toEqual([100, 100, 100]);
    fetcher.close();
  });

  test.each([
    ['earliest', 40, 100],
    ['latest', 100, 101],
  ] as const)('an offset that retention took goes on at the %s', async (from, expected, next) => {
    const { memory, producer } = await written(100);
    const partition = memory.topics.get('t')![0]!;
    partition.startOffset = 40;
    const fetcher = fetcherOf(memory, { from });
    fetcher.assign([{ topic: 't', partition: 0, offset: 3 }]);
    if (from === 'latest') {
      expect(await fetcher.poll(1_000)).toMatchObject([{ fetchOffset: 3, batches: [], nextOffset: 100 }]);
      await producer.send({ topic: 't', partition: 0, key: null, value: null });
    }
    const fetched = await fetchedTo(fetcher, next);
    if (from === 'earliest') expect(fetched.shift()).toMatchObject({ fetchOffset: 3, batches: [], nextOffset: 40 });
    expect(fetched).toMatchObject([{ fetchOffset: expected, nextOffset: next }]);
    fetcher.close();
  });

  test('or is an error that says so; so is a topic that is not there', async () => {
    const { memory } = await written(100);
    memory.topics.get('t')![0]!.startOffset = 40;
    const fetcher = fetcherOf(memory, { missingTopicMsMax: 50 });
    fetcher.assign([{ topic: 't', partition: 0, offset: 3 }]);
    await expect(fetcher.poll(1_000)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', detail: { offset: 3 } });
    fetcher.assign([{ topic: 'nowhere', partition: 0, offset: 0 }]);
    await expect(fetcher.poll(3_000)).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    fetcher.close();
  });

  test('each partition that can not be read on is told of once, but not one that was sought since', async () => {
    const { memory } = await written(4, { partitions: 2 });
    const fetcher = fetcherOf(memory);
    fetcher.assign([0, 1].map((partition) => ({ topic: 't', partition, offset: 9 })));
    const told = [];
    for (let i = 0; i < 2; i++) {
      await clock.sleep(50);
      told.push(await fetcher.poll(1_000).catch((error) => error.detail.partition));
    }
    expect(told.sort()).toEqual([0, 1]);
    fetcher.seek({ topic: 't', partition: 0 }, 8);
    await clock.sleep(50);
    fetcher.seek({ topic: 't', partition: 0 }, 0);
    expect(await fetcher.poll(1_000)).toMatchObject([{ partition: 0, nextOffset: 2 }]);
    fetcher.close();
  });

  describe('a leader that lost records (KIP-320)', () => {
    /** Read to 100; then a leader takes over that has 60 of them, and 80 others come. */
    async function truncated(options: FetcherOptions) {
      const { memory, producer } = await written(100, { batchBytes: 100 });
      const fetcher = fetcherOf(memory, options);
      fetcher.assign([{ topic: 't', partition: 0, offset: 0 }]);
      for (let next = 0; next < 100; ) next = (await fetcher.poll(5_000)).at(-1)?.nextOffset ?? next;
      const partition = memory.topics.get('t')![0]!;
      const kept = partition.batches
        .map((batch) => readBatchHeader(batch))
        .findLast(({ lastOffset }) => lastOffset < 60)!;
      const endOffset = kept.lastOffset + 1;
      memory.truncate(partition, endOffset);
      const again = createProducer(connect(memory), { batchBytes: 100 });
      for (let i = 0; i < 80; i++) again.write('t', 0, i, null, bytes(`new ${i}`));
      await again.flush();
      await producer.close();
      return { fetcher, endOffset };
    }

    test.each(['earliest', 'latest'] as const)('is read on from what both have (%s)', async (from) => {
      const { fetcher, endOffset } = await truncated({ from });
      const [gap, ...fetched] = await fetchedTo(fetcher, endOffset + 80);
      expect(gap).toMatchObject({ fetchOffset: 100, batches: [], nextOffset: endOffset });
      expect(fetched[0]).toMatchObject({ fetchOffset: endOffset });
      const cursor = new RecordCursor();
      cursor.open(fetched[0]!.batches[0]!);
      cursor.next();
      expect(text(cursor.value())).toBe('new 0');
      fetcher.close();
    });

    test('or is an error that says so', async () => {
      const { fetcher, endOffset } = await truncated({});
      await expect(fetcher.poll(5_000)).rejects.toMatchObject({
        code: 'LOG_TRUNCATED',
        detail: { position: 100, endOffset },
      });
      fetcher.seek({ topic: 't', partition: 0 }, endOffset);
      expect(await fetcher.poll(5_000)).toMatchObject([{ fetchOffset: endOffset }]);
      fetcher.close();
    });
  });

  test('a topic that was made anew is read as the options say, though its epochs are those of the old one', async () => {
    const { memory } = await written(100);
    const fetcher = fetcherOf(memory, { from: 'earliest' });
    fetcher.assign([{ topic: 't', partition: 0, offset: 0 }]);
    for (let next = 0; next < 100; ) next = (await fetcher.poll(5_000)).at(-1)?.nextOffset ?? next;
    memory.createTopic('t', 1);
    const producer = createProducer(connect(memory));
    for (let i = 0; i < 10; i++) producer.write('t', 0, i, null, bytes(`new ${i}`));
    await producer.flush();
    expect(await fetchedTo(fetcher, 10)).toMatchObject([
      { fetchOffset: 100, batches: [], nextOffset: 0 },
      { fetchOffset: 0, nextOffset: 10 },
    ]);
    fetcher.close();
  });
});
