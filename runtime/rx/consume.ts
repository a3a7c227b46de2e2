// A topic outside of a job: read straight from its partitions, without a group and without commits, for scripts, tests
// and user interfaces. A person who wants to go on where they stopped takes a job, or client.consumer().
import type { Client, FetchedPartition } from '../../core/client/index.ts';
import { Fault } from '../../core/kernel/fault.ts';
import { partitionName } from '../../core/kernel/ids.ts';
import type { Serde } from '../../core/schema/serde.ts';
import type { TopicSpec } from '../../dsl/plan.ts';
import type { Viewable } from '../../dsl/topic.ts';
import { loadCompression, RecordCursor, type RecordHeaders } from '../task/record-cursor.ts';

export interface ConsumeOptions {
  /** 'latest': records written from then on. A number: the first record at or after that time, in ms since 1970. Default 'earliest'. */
  readonly from?: 'earliest' | 'latest' | number;
  /** 'end': stops where the topic ended when it began. Default: never stops. */
  readonly until?: 'end';
  /** Stops at once, also while it waits; the iteration then ends by throwing the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface ConsumedRecord<K, V> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Event time, milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly key: K | null;
  /** Null is a tombstone. */
  readonly value: V | null;
  readonly headers: RecordHeaders;
}

/**
 * The records of a topic, one after another: in order within a partition, in none across them. Committed ones only.
 *
 * Reading on is the back-pressure: nothing but a bounded buffer is fetched ahead. Partitions that are added later are
 * not read.
 *
 * @throws Fault `TOPIC_NOT_FOUND`, `CANNOT_DECODE`, and what the connection meets that can't be tried again
 * @example
 * for await (const { key, value } of consume(client, counts, { until: 'end' })) report(key, value);
 */
export async function* consume<K, V>(
  client: Client,
  topic: Viewable<K, V>,
  options: ConsumeOptions = {},
): AsyncGenerator<ConsumedRecord<K, Exclude<V, null>>, void, undefined> {
  for await (const records of consumeLists(client, topic, options)) yield* records;
}

/** As `consume`, in lists as they were fetched: no promise a record. */
export async function* consumeLists<K, V>(
  client: Client,
  { topic }: Viewable<K, V>,
  options: ConsumeOptions,
): AsyncGenerator<ConsumedRecord<K, Exclude<V, null>>[], void, undefined> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { positions, ends } = await findBounds(client, topic.name, options);
  await loadCompression();
  const fetcher = client.fetcher({ isolation: 'readCommitted' });
  const decode = createDecoder<K, Exclude<V, null>>(topic);
  try {
    fetcher.assign(positions);
    const left = ends === null ? null : new Map([...ends].filter(([name, end]) => positionIn(positions, name) < end));
    while (left === null || left.size > 0) {
      for (const fetched of await fetcher.poll(pollMsMax, signal)) {
        const name = partitionName(fetched);
        const end = left === null ? Number.POSITIVE_INFINITY : left.get(name);
        if (end === undefined) continue;
        const records: ConsumedRecord<K, Exclude<V, null>>[] = [];
        try {
          decode(fetched, end, records);
        } catch (error) {
          // Those before it are as good as ever.
          if (records.length > 0) yield records;
          throw error;
        }
        if (records.length > 0) yield records;
        if (fetched.nextOffset >= end) left?.delete(name);
      }
    }
  } finally {
    fetcher.close();
  }
}

const pollMsMax = 1_000;

type Positions = readonly { readonly topic: string; readonly partition: number; readonly offset: number }[];

const positionIn = (positions: Positions, name: string): number =>
  positions.find((position) => partitionName(position) === name)!.offset;

/** Where to begin and, where it is asked for, where to stop; the end is asked for first, so that it is not before the beginning. */
async function findBounds(client: Client, topic: string, { from = 'earliest', until }: ConsumeOptions) {
  const admin = client.admin();
  const description = await client.cluster.topic(topic);
  const partitions = description.partitions.map(({ partition }) => ({ topic, partition }));
  const ends = await admin.listOffsets(partitions, 'latest', 'readCommitted');
  const starts = from === 'latest' ? ends : await admin.listOffsets(partitions, from, 'readCommitted');
  const positions: Positions = starts.map(({ partition, offset }, i) => ({
    topic,
    partition,
    offset: offset < 0 ? ends[i]!.offset : offset,
  }));
  return { positions, ends: until === 'end' ? new Map(ends.map((end) => [partitionName(end), end.offset])) : null };
}

function createDecoder<K, V>({ key: keySerde, value: valueSerde }: TopicSpec) {
  const cursor = new RecordCursor();

  function decodePart<T>(
    serde: Serde<T>,
    bytes: Uint8Array | null,
    part: string,
    { topic, partition }: FetchedPartition,
  ): T | null {
    if (bytes === null) return null;
    try {
      return serde.decode(bytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Fault('CANNOT_DECODE', { topic, partition, offset: cursor.offset, part, reason }, error);
    }
  }

  return (fetched: FetchedPartition, end: number, records: ConsumedRecord<K, V>[]): void => {
    for (const batch of fetched.batches) {
      cursor.open(batch);
      while (cursor.next()) {
        const { offset, timestampMs } = cursor;
        if (offset < fetched.fetchOffset || offset >= end) continue;
        records.push({
          topic: fetched.topic,
          partition: fetched.partition,
          offset,
          timestampMs,
          key: decodePart<K>(keySerde, cursor.key(), 'key', fetched),
          value: decodePart<V>(valueSerde, cursor.value(), 'value', fetched),
          headers: cursor.headers(),
        });
      }
    }
  };
}
