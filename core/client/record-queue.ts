// Fetched batches as single records, partition after partition, decoded only when they are handed out. Knows positions,
// no groups: what is dropped here is fetched again by whoever gets the partition.
import { Fault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { RecordCursor, type RecordHeaders } from '../protocol/record-cursor.ts';
import type { Decoder } from '../schema/serde.ts';
import type { FetchedPartition } from './assigned-partition.ts';

export interface ConsumerRecord<K, V> extends TopicPartition {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: K | null;
  /** Null is a tombstone. */
  readonly value: V | null;
  readonly headers: RecordHeaders;
}

export interface RecordQueue<K, V> {
  /** Takes what was fetched, where it follows on what is there. */
  add(fetched: FetchedPartition): void;
  /** The next record, or undefined when there is none. @throws Fault `CANNOT_DECODE`, and again until it is sought past */
  take(): ConsumerRecord<K, V> | undefined;
  /** Starts a partition at an offset, dropping what was queued of it. */
  start(partition: TopicPartition, offset: number): void;
  stop(partition: TopicPartition): void;
  /** Offset of the next record to be handed out; past gaps and control batches once all before them are. */
  position(partition: TopicPartition): number | undefined;
  positions(): Iterable<TopicPartition & { readonly offset: number }>;
}

interface Place extends TopicPartition {
  offset: number;
  fetchAt: number;
}

interface Queued {
  readonly fetched: FetchedPartition;
  readonly place: Place;
}

/** Where `key` or `value` is null its bytes are handed out: views of a copy of their batch, which nobody else has. */
export function createRecordQueue<K, V>(key: Decoder<K> | null, value: Decoder<V> | null): RecordQueue<K, V> {
  const places = new Map<string, Place>();
  let queue: Queued[] = [];
  const cursor = new RecordCursor();
  // Of an embedded log, what is fetched is also in its cache.
  const isGivenAway = key === null || value === null;
  let isOpen = false;
  let batchIndex = 0;
  let isPeeked = false;

  function close(): void {
    isOpen = false;
    batchIndex = 0;
    isPeeked = false;
  }

  function drop(partition: TopicPartition): void {
    const place = places.get(partitionName(partition));
    if (queue[0]?.place === place) close();
    queue = queue.filter((queued) => queued.place !== place);
  }

  /** Moves the cursor to the next wanted record of the first fetched partition. */
  function advance(fetched: FetchedPartition): boolean {
    for (;;) {
      if (!isOpen) {
        const batch = fetched.batches[batchIndex];
        if (batch === undefined) return false;
        cursor.open(isGivenAway ? new Uint8Array(batch) : batch);
        batchIndex += 1;
        isOpen = true;
      }
      while (cursor.next()) if (cursor.offset >= fetched.fetchOffset) return true;
      isOpen = false;
    }
  }

  function decode<T>(part: 'key' | 'value', bytes: Uint8Array | null, decoder: Decoder<T> | null, at: Place): T | null {
    if (bytes === null || decoder === null) return bytes as T | null;
    try {
      return decoder.decode(bytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Fault(
        'CANNOT_DECODE',
        { topic: at.topic, partition: at.partition, offset: cursor.offset, part, reason },
        error,
      );
    }
  }

  return {
    add(fetched) {
      const place = places.get(partitionName(fetched));
      if (place === undefined || place.fetchAt !== fetched.fetchOffset) return;
      place.fetchAt = fetched.nextOffset;
      queue.push({ fetched, place });
    },
    take() {
      for (let first = queue[0]; first !== undefined; first = queue[0]) {
        const { fetched, place } = first;
        if (isPeeked || advance(fetched)) {
          isPeeked = true;
          const record: ConsumerRecord<K, V> = {
            topic: place.topic,
            partition: place.partition,
            offset: cursor.offset,
            timestampMs: cursor.timestampMs,
            key: decode('key', cursor.key(), key, place),
            value: decode('value', cursor.value(), value, place),
            headers: cursor.headers(),
          };
          isPeeked = false;
          place.offset = cursor.offset + 1;
          return record;
        }
        place.offset = fetched.nextOffset;
        queue.shift();
        close();
      }
      return undefined;
    },
    start(partition, offset) {
      drop(partition);
      const { topic, partition: index } = partition;
      places.set(partitionName(partition), { topic, partition: index, offset, fetchAt: offset });
    },
    stop(partition) {
      drop(partition);
      places.delete(partitionName(partition));
    },
    position: (partition) => places.get(partitionName(partition))?.offset,
    positions: () => places.values(),
  };
}
