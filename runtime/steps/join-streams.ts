// joinStreams: records of two streams with one key and times that are near. As Kafka Streams' KStreamKStreamJoin, with its
// intent where it differs from what it does (KAFKA-16123): a record that meets nothing after its own window has closed
// is late, dropped and counted; one that came out unmatched meets nothing any more (KAFKA-10847).
//
// A window is closed once stream time, the highest of both sides, is past its end plus grace. What is unmatched then comes
// out before the results of the record that moved time, whatever its key and side, in the order of time, right before left.
import type { JoinRow, JoinRows, QueuePart } from '../../dsl/compile/store-serdes.ts';
import { openJoinRows, type Side } from '../state/join-rows.ts';
import type { KeyValueStore, WindowStore } from '../state/store.ts';
import { openTimeQueue, type TimeQueue } from '../state/time-queue.ts';
import { noOrigin, undecoded } from '../task/record-context.ts';
import { countLate } from '../task/task-metrics.ts';
import type { Forward, StepOf, StepParts } from './step.ts';
import { idling } from './window-closing.ts';

interface Due {
  readonly side: Side;
  readonly key: unknown;
  readonly timestampMs: number;
}

/** @returns what takes the records of the left and of the right side */
export function joinStreamsStep(
  step: StepOf<'joinStreams'>,
  parts: StepParts,
  encodeKey: (key: unknown) => Uint8Array,
  next: Forward,
): readonly [left: Forward, right: Forward] {
  const { name, joiner, within, idleMs } = step;
  const { record, errors, metrics, stores, times, timed } = parts;
  const { beforeMs, afterMs, graceMs } = within;
  const rows = openJoinRows(stores.store(step.store) as WindowStore<unknown, JoinRows>, within);
  const time = times.of(step.store);
  const retentionMs = beforeMs + afterMs + graceMs;
  /** How long after its own time a record may still meet one of the other side that is on time. */
  const waitsMs = { left: afterMs, right: beforeMs } as const;
  const queues = openQueues(step, stores.store);
  const closed = (side: Side, timestampMs: number): boolean => timestampMs + waitsMs[side] + graceMs < time.nowMs;

  function pass(key: unknown, left: unknown, right: unknown, timestampMs: number): void {
    let joined: unknown;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      joined = joiner(left, right, record);
    } catch (error) {
      errors.process(name, left ?? right, error);
      return;
    }
    next(key, joined, timestampMs);
  }

  function passAlone(side: Side, key: unknown, value: unknown, timestampMs: number): void {
    pass(key, side === 'left' ? value : null, side === 'right' ? value : null, timestampMs);
  }

  /** What passes here came long before the record at hand, and has nothing of it but the time. */
  function flush(): void {
    const due: Due[] = [];
    for (const side of ['right', 'left'] as const) {
      queues[side]?.drain(time.nowMs - waitsMs[side] - graceMs, (key, timestampMs) =>
        due.push({ side, key, timestampMs }),
      );
    }
    if (due.length === 0) return;
    const { origin } = record;
    record.origin = noOrigin;
    for (const { side, key, timestampMs } of inOrder(due, encodeKey)) {
      for (const { value } of rows.unmatched(side, key, timestampMs)) passAlone(side, key, value, timestampMs);
    }
    record.origin = origin;
  }

  function advance(timestampMs: number): boolean {
    if (timestampMs <= time.nowMs) return false;
    time.nowMs = timestampMs;
    flush();
    rows.expireBefore(timestampMs - retentionMs);
    return true;
  }

  const activity = { any: false };
  const waiting = (['right', 'left'] as const).flatMap((side) => {
    const queue = queues[side];
    return queue === null ? [] : [{ queue, lagMs: waitsMs[side] + graceMs + 1 }];
  });
  if (waiting.length > 0) {
    const waits = () => waiting.some(({ queue }) => queue.pending);
    timed({
      ...(idleMs === null ? {} : idling(idleMs, { waits, time, activity, advanceTo: advance })),
      closeWindows: () => advance(Math.max(...waiting.map(({ queue, lagMs }) => queue.lastMs() + lagMs))),
    });
  }

  function take(side: Side): Forward {
    const other: Side = side === 'left' ? 'right' : 'left';
    const [fromMs, toMs] = side === 'left' ? [beforeMs, afterMs] : [afterMs, beforeMs];
    const queue = queues[side];
    const usable = ({ timestampMs, matched }: JoinRow): boolean =>
      timestampMs + retentionMs >= time.nowMs && (matched || queues[other] === null || !closed(other, timestampMs));
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
      if (value === null || value === undefined) {
        metrics.dropped.nullValue += 1;
        return;
      }
      if (known === null) {
        if (queue === null) metrics.dropped.nullKey += 1;
        else passAlone(side, known, value, timestampMs);
        return;
      }
      advance(timestampMs);
      const found: JoinRow[] = [];
      rows.match(other, known, Math.max(0, timestampMs - fromMs), timestampMs + toMs, usable, found);
      if (found.length === 0) {
        if (closed(side, timestampMs)) {
          countLate(metrics, name);
          return;
        }
        queue?.push(timestampMs, known);
      }
      rows.add(side, known, { timestampMs, value, matched: queue === null || found.length > 0 });
      for (const row of found) {
        const [left, right] = side === 'left' ? [value, row.value] : [row.value, value];
        pass(key, left, right, Math.max(timestampMs, row.timestampMs));
      }
    };
  }

  return [take('left'), take('right')];
}

/** Keys of what may come out unmatched, where the join keeps that side. */
function openQueues(
  { join, within, unmatched }: StepOf<'joinStreams'>,
  storeOf: (name: string) => unknown,
): Readonly<Record<Side, TimeQueue<unknown> | null>> {
  if (unmatched === null) return { left: null, right: null };
  const { beforeMs, afterMs, graceMs } = within;
  const store = storeOf(unmatched) as KeyValueStore<string, QueuePart>;
  return {
    left: openTimeQueue({ store, name: 'left', waitMs: afterMs + graceMs }),
    right: join === 'outer' ? openTimeQueue({ store, name: 'right', waitMs: beforeMs + graceMs }) : null,
  };
}

/** By time, then right before left, then by the bytes of the key; each once, since rows of one time come out together. */
function inOrder(due: readonly Due[], encodeKey: (key: unknown) => Uint8Array): readonly Due[] {
  const keyed = due.map((each) => ({ each, bytes: encodeKey(each.key) }));
  const sorted = keyed.sort(
    (a, b) =>
      a.each.timestampMs - b.each.timestampMs ||
      Number(a.each.side === 'left') - Number(b.each.side === 'left') ||
      Buffer.compare(a.bytes, b.bytes),
  );
  return sorted.flatMap(({ each, bytes }, i) => {
    const before = sorted[i - 1];
    const same =
      before !== undefined &&
      before.each.timestampMs === each.timestampMs &&
      before.each.side === each.side &&
      Buffer.compare(before.bytes, bytes) === 0;
    return same ? [] : [each];
  });
}
