// Which input's record comes next: the oldest of all heads, so that a join doesn't depend on which side was fetched
// first (KAFKA-12360, ksql #5537). An input that is empty though its log has more is waited for; one that is caught up
// is waited for as long as maxTaskIdleMs says, as Kafka Streams' PartitionGroup does (KIP-353, KIP-695).
import type { Clock } from '../../core/kernel/clock.ts';
import { type InputQueue, TopicQueue } from './record-queue.ts';

export interface InputOrder {
  /** The queue whose head comes next, or null: nothing there, or it must be waited. */
  next(): InputQueue | null;
  /** Latest known end of the input's log. */
  setEnd(input: number, endOffset: number): void;
}

interface Waited {
  readonly queue: InputQueue;
  readonly bootstrap: boolean;
  endOffset: number | null;
  /** When waiting for a caught-up input is over; null while it has records. */
  idleUntilMs: number | null;
}

export function createInputOrder(
  queues: readonly { readonly queue: InputQueue; readonly bootstrap: boolean; readonly table: boolean }[],
  { maxTaskIdleMs, clock }: { readonly maxTaskIdleMs: number; readonly clock: Clock },
): InputOrder {
  // Tables first, so that of two records with one time the table's is there when the stream's looks for it.
  const all: Waited[] = [...queues]
    .sort((a, b) => Number(b.table) - Number(a.table))
    .map(({ queue, bootstrap }) => ({ queue, bootstrap, endOffset: null, idleUntilMs: null }));
  let active = all.some(({ bootstrap }) => bootstrap) ? all.filter(({ bootstrap }) => bootstrap) : all;

  const caughtUp = ({ queue, endOffset }: Waited): boolean =>
    endOffset !== null && (queue as TopicQueue).nextOffset >= endOffset;

  function mayGoWithout(waited: Waited): boolean {
    if (maxTaskIdleMs < 0 || !(waited.queue instanceof TopicQueue)) return true;
    if (!caughtUp(waited)) return false;
    if (maxTaskIdleMs === 0) return true;
    waited.idleUntilMs ??= clock.now() + maxTaskIdleMs;
    return clock.now() >= waited.idleUntilMs;
  }

  function oldest(): InputQueue | null {
    let found: InputQueue | null = null;
    let wait = false;
    for (const waited of active) {
      const { queue } = waited;
      if (queue.ready()) {
        waited.idleUntilMs = null;
        if (found === null || queue.timestampMs < found.timestampMs) found = queue;
      } else if (!mayGoWithout(waited)) wait = true;
    }
    return wait ? null : found;
  }

  const finished = (waited: Waited): boolean => !waited.queue.ready() && caughtUp(waited);

  return {
    next() {
      if (active !== all && active.every(finished)) active = all;
      return oldest();
    },
    setEnd(input, endOffset) {
      for (const waited of all) if (waited.queue.input === input) waited.endOffset = endOffset;
    },
  };
}
