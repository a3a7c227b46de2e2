// consume, observe and produceTo over a real node.
import { concatMap, firstValueFrom, from, lastValueFrom, NEVER, map as rxMap, Subject, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Client } from '../../../core/client/index.ts';
import { compile, job, json, safeInt64, table, topic, toStream, utf8 } from '../../../dsl/index.ts';
import { type ConsumedRecord, consume, observe, observeTable, produceTo } from '../../../runtime/rx/index.ts';
import { startNode, type TestNode } from '../../core/client/real-node.ts';

const numbers = topic('numbers', safeInt64);
const texts = topic('numbers', json<string>());
const short = ({ partition, offset, key, value }: ConsumedRecord<string, unknown>) => [partition, offset, key, value];

let node: TestNode;
let client: Client;

beforeEach(async () => {
  node = await startNode();
  client = node.client();
  await client.admin().createTopics([{ name: 'numbers', partitions: 2 }]);
});
afterEach(() => node[Symbol.asyncDispose]());

async function write(records: readonly (readonly [partition: number, value: number | null, timestampMs?: number])[]) {
  const producer = client.producer();
  for (const [partition, value, timestampMs = 1] of records) {
    producer.write(
      'numbers',
      partition,
      timestampMs,
      utf8.encode(`k${partition}`),
      value === null ? null : safeInt64.encode(value),
    );
  }
  await producer.close();
}

async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of iterable) all.push(item);
  return all;
}

describe('consume', () => {
  test('reads to where the topic ended when it began, in order within a partition', async () => {
    await write([
      [0, 1],
      [1, 10],
      [0, null],
      [0, 3],
    ]);
    const records = await collect(consume(client, numbers, { until: 'end' }));
    expect(records.map(short).sort()).toEqual([
      [0, 0, 'k0', 1],
      [0, 1, 'k0', null],
      [0, 2, 'k0', 3],
      [1, 0, 'k1', 10],
    ]);
  });

  test('an empty topic ends at once, and one that is not there says so', async () => {
    expect(await collect(consume(client, numbers, { until: 'end' }))).toEqual([]);
    await expect(collect(consume(client, topic('none', utf8), { until: 'end' }))).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
    });
  });

  test('begins at a time, or at the end', async () => {
    await write([
      [0, 1, 100],
      [0, 2, 200],
      [1, 3, 300],
    ]);
    const since = await collect(consume(client, numbers, { from: 150, until: 'end' }));
    expect(since.map(({ value }) => value).sort()).toEqual([2, 3]);
    expect(await collect(consume(client, numbers, { from: 'latest', until: 'end' }))).toEqual([]);
  });

  test('follows until it is left or its signal aborts, also while it waits', async () => {
    await write([[0, 1]]);
    for await (const { value } of consume(client, numbers)) {
      expect(value).toBe(1);
      break;
    }
    const stopping = new AbortController();
    const reading = collect(consume(client, numbers, { from: 'latest', signal: stopping.signal }));
    stopping.abort(new Error('enough'));
    await expect(reading).rejects.toThrowError('enough');
  });

  test('records before one that can’t be read are handed out', async () => {
    const producer = client.producer();
    const values = [safeInt64.encode(1), safeInt64.encode(2), utf8.encode('three')];
    for (const value of values) producer.write('numbers', 0, 1, null, value);
    await producer.close();
    const seen: unknown[] = [];
    const reading = async () => {
      for await (const { value } of consume(client, numbers, { until: 'end' })) seen.push(value);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'CANNOT_DECODE', detail: { offset: 2 } });
    expect(seen).toEqual([1, 2]);
  });

  test('a record that is no such value is named', async () => {
    await write([[0, 1]]);
    await expect(collect(consume(client, texts, { until: 'end' }))).rejects.toMatchObject({
      code: 'CANNOT_DECODE',
      detail: { topic: 'numbers', partition: 0, offset: 0, part: 'value' },
    });
  });
});

describe('observe', () => {
  test('completes at the end where it is asked to, and each subscription reads anew', async () => {
    await write([
      [0, 1],
      [0, 2],
    ]);
    const values$ = observe(client, numbers, { until: 'end' }).pipe(
      rxMap(({ value }) => value),
      toArray(),
    );
    expect(await lastValueFrom(values$)).toEqual([1, 2]);
    await write([[0, 3]]);
    expect(await lastValueFrom(values$)).toEqual([1, 2, 3]);
  });

  test('sees what is written later, and an unsubscribe ends its fetch without a word', async () => {
    const seen: unknown[] = [];
    const errors: unknown[] = [];
    const subscription = observe(client, numbers).subscribe({
      next: ({ value }) => seen.push(value),
      error: (error) => errors.push(error),
    });
    await write([[1, 7]]);
    await vi.waitFor(() => expect(seen).toEqual([7]));
    subscription.unsubscribe();
    await write([[1, 8]]);
    expect(await collect(consume(client, numbers, { until: 'end' }))).toHaveLength(2);
    expect(seen).toEqual([7]);
    expect(errors).toEqual([]);
  });

  test('errors are faults', async () => {
    await expect(firstValueFrom(observe(client, topic('none', utf8)))).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
    });
  });
});

test('observeTable passes over a record without a key, which is no row', async () => {
  const rows = table('numbers', safeInt64);
  const topology = compile(job('j', [rows.pipe(toStream()).to(topic('out', safeInt64))]));
  const producer = client.producer();
  for (const [key, value] of [
    ['a', 1],
    [null, 2],
    ['b', 3],
  ] as const)
    producer.write('numbers', 0, 1, key === null ? null : utf8.encode(key), safeInt64.encode(value));
  await producer.close();
  const changes$ = observeTable({ client, topology }, 'numbers', { until: 'end' }).pipe(
    rxMap(({ key, value }) => [key, value]),
    toArray(),
  );
  expect(await lastValueFrom(changes$)).toEqual([
    ['a', 1],
    ['b', 3],
  ]);
});

describe('produceTo', () => {
  const record = (value: number) => ({ key: 'k', value, timestampMs: value });

  test('emits acknowledgements in the order of the records, and completes when all are in', async () => {
    const sent = await lastValueFrom(from([1, 2, 3]).pipe(rxMap(record), produceTo(client, numbers), toArray()));
    expect(sent.map(({ topic: name, offset }) => [name, offset])).toEqual([
      ['numbers', 0],
      ['numbers', 1],
      ['numbers', 2],
    ]);
    const read = await collect(consume(client, numbers, { until: 'end' }));
    expect(read.map(({ key, value, timestampMs }) => [key, value, timestampMs])).toEqual([
      ['k', 1, 1],
      ['k', 2, 2],
      ['k', 3, 3],
    ]);
  });

  test('a source that outruns the bound is an error, not a growing heap (C60)', async () => {
    const tooFast = from(Array.from({ length: 11 }, (_, i) => record(i))).pipe(
      produceTo(client, numbers, { inFlightMax: 10 }),
    );
    await expect(lastValueFrom(tooFast)).rejects.toMatchObject({ code: 'RX_OVERFLOW' });
    let made = 0;
    function* endless() {
      while (made < 1_000) yield record(made++);
    }
    const tooMany = from(endless()).pipe(produceTo(client, numbers, { inFlightMax: 10 }));
    await expect(lastValueFrom(tooMany)).rejects.toMatchObject({ code: 'RX_OVERFLOW' });
    expect(made).toBeLessThan(20);
    const paced = from([1, 2, 3]).pipe(
      concatMap((n) => from([record(n)]).pipe(produceTo(client, numbers, { inFlightMax: 1 }))),
      toArray(),
    );
    expect(await lastValueFrom(paced)).toHaveLength(3);
  });

  test('what can’t be encoded, or has no topic, is an error', async () => {
    await expect(lastValueFrom(from([record(0.5)]).pipe(produceTo(client, numbers)))).rejects.toThrowError();
    await expect(
      lastValueFrom(from([{ key: 'k', value: 'v' }]).pipe(produceTo(client, topic('none', utf8)))),
    ).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
  });

  test('an unsubscribe stops it, and an error of the source passes through', async () => {
    const source = new Subject<ReturnType<typeof record>>();
    const acknowledged: number[] = [];
    const subscription = source.pipe(produceTo(client, numbers)).subscribe(({ offset }) => acknowledged.push(offset));
    source.next(record(1));
    await vi.waitFor(() => expect(acknowledged).toEqual([0]));
    subscription.unsubscribe();
    source.next(record(2));
    expect(source.observed).toBe(false);
    const failing = new Subject<ReturnType<typeof record>>();
    const result = lastValueFrom(failing.pipe(produceTo(client, numbers)));
    failing.error(new Error('source broke'));
    await expect(result).rejects.toThrowError('source broke');
    NEVER.pipe(produceTo(client, numbers)).subscribe().unsubscribe();
  });
});
