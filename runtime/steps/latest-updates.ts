// The latest update of each key at each commit, in place of every one: what Kafka Streams' record cache gives. Nothing is kept
// for it beside the store, which knows what has changed since the last commit; so a record costs no more than its put. Not
// for changes that are asked for with their old value: that would have to be the one passed on last.
import type { ChangeVisitor, KeyValueStore, Stamped, WindowStore } from '../state/store.ts';
import { noOrigin } from '../task/record-context.ts';
import type { ForwardChange, StepParts } from './step.ts';

export interface LatestOptions {
  /** Of the operator, for errors. */
  readonly name: string;
  readonly store: KeyValueStore | WindowStore;
  /** The key as it is passed on. */
  readonly keyOf: (key: unknown, startMs: number) => unknown;
  /** Stored to passed on. */
  readonly shown: (accumulator: unknown) => unknown;
  readonly next: ForwardChange;
}

const failed = Symbol('no value');

/** @returns what passes on changes that leave the store before the commit; as those at the commit they have no input record */
export function latestUpdates(options: LatestOptions, parts: StepParts): ChangeVisitor<unknown, unknown> {
  const { name, store, keyOf, shown, next } = options;
  const { record, errors, hold } = parts;

  const passOn: ChangeVisitor<unknown, unknown> = (key, startMs, stamped, deletedMs) => {
    const [given, timestampMs] = [keyOf(key, startMs), stamped?.timestampMs ?? deletedMs];
    const { origin } = record;
    record.origin = noOrigin;
    record.currentKey = given;
    record.timestampMs = timestampMs;
    try {
      const value = shownOf(stamped);
      if (value !== failed) next(given, value, null, timestampMs);
    } finally {
      record.origin = origin;
    }
  };

  /** What the steps behind throw is theirs. */
  function shownOf(stamped: Stamped<unknown> | undefined): unknown {
    if (stamped === undefined) return null;
    try {
      return shown(stamped.value);
    } catch (error) {
      errors.process(name, stamped.value, error);
      return failed;
    }
  }

  hold({
    ready: async () => {},
    settle: async () => store.changed(passOn),
    heldOffset: () => null,
    close: async () => {},
  });
  return passOn;
}
