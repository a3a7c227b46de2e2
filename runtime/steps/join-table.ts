// joinTable: looks the record's key up in a table, as the table is at that moment, or was at the record's time where it
// keeps history; a change of the table triggers nothing. As Kafka Streams' KStreamKTableJoinProcessor: a null value is
// dropped; a null key is dropped by an inner join and joined with nothing by a left join (KIP-962); the result has the
// stream record's time. With a grace, records wait until stream time is that much past their own (KIP-923).
import type { QueuePart, WaitingRecord } from '../../dsl/compile/store-serdes.ts';
import type { KeyValueStore } from '../state/store.ts';
import { openTimeQueue } from '../state/time-queue.ts';
import { type Origin, undecoded } from '../task/record-context.ts';
import type { TableLookup } from '../task/table-lookup.ts';
import type { Forward, StepOf, StepParts } from './step.ts';
import { idling } from './window-closing.ts';

export function joinTableStep(step: StepOf<'joinTable'>, parts: StepParts, table: TableLookup, next: Forward): Forward {
  const { name, join, joiner } = step;
  const { record, errors, metrics } = parts;
  const inner = join === 'inner';
  const pass: Forward = (key, value, timestampMs) => {
    let joined: unknown;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      const known = key === undecoded ? record.key : key;
      if (value === null || value === undefined) {
        metrics.dropped.nullValue += 1;
        return;
      }
      if (known === null && inner) {
        metrics.dropped.nullKey += 1;
        return;
      }
      const found = known === null ? undefined : table.getAsOf(known, timestampMs);
      if (found === undefined && inner) return;
      joined = joiner(value, found?.value ?? null, record);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(key, joined, timestampMs);
  };
  return step.buffer === null ? pass : waitingStep(name, parts, step.buffer, pass);
}

/** What waits is in a store, with the place it came from: it is its own record when its time has come. */
function waitingStep(
  name: string,
  { record, errors, stores, times, timed }: StepParts,
  { store, graceMs, idleMs }: NonNullable<StepOf<'joinTable'>['buffer']>,
  pass: Forward,
): Forward {
  const time = times.of(store);
  const kept = stores.store(store) as KeyValueStore<string, QueuePart>;
  const queue = openTimeQueue<WaitingRecord>({ store: kept, name: 'waiting', waitMs: graceMs });

  function flush(): void {
    const { origin } = record;
    queue.drain(time.nowMs - graceMs + 1, (held, timestampMs) => {
      record.origin = originOf(held);
      pass(held.key, held.value, timestampMs);
    });
    record.origin = origin;
  }

  function advance(nowMs: number): boolean {
    if (nowMs <= time.nowMs) return false;
    time.nowMs = nowMs;
    flush();
    return true;
  }

  const activity = { any: false };
  timed({
    ...(idleMs === null ? {} : idling(idleMs, { waits: () => queue.pending, time, activity, advanceTo: advance })),
    closeWindows: () => advance(queue.lastMs() + graceMs),
  });

  return (key, value, timestampMs) => {
    let known: unknown;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    activity.any = true;
    try {
      known = key === undecoded ? record.key : key;
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    advance(timestampMs);
    const due = timestampMs + graceMs <= time.nowMs;
    if (due || known === null || value === null || value === undefined) {
      pass(key, value, timestampMs);
      return;
    }
    const { origin } = record;
    const { topic, partition, offset } = origin;
    const bytes = { keyBytes: origin.keyBytes(), valueBytes: origin.valueBytes() };
    queue.push(timestampMs, { key: known, value, topic, partition, offset, headers: origin.readHeaders(), ...bytes });
  };
}

function originOf({ key, topic, partition, offset, headers, keyBytes, valueBytes }: WaitingRecord): Origin {
  return {
    input: -1,
    topic,
    partition,
    offset,
    keySerde: null,
    readHeaders: () => headers,
    keyBytes: () => keyBytes,
    lentKeyBytes: () => keyBytes,
    valueBytes: () => valueBytes,
    readKey: () => key,
  };
}
