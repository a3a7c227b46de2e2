// A join of a table with another by a key in its values, in three steps over two topics: the table that refers tells the
// other side which of its rows need which key; that side answers with the row, now and at each change; and back home the
// answer is joined with the row as it is by then. After Kafka Streams' foreign-key join as of 4.1 (KIP-213, KAFKA-16394):
// SubscriptionSendProcessorSupplier, SubscriptionJoinProcessorSupplier, ForeignTableJoinProcessorSupplier and
// ResponseJoinProcessorSupplier. An answer to what a row was before it changed is let go, known by the hash of the value.
import { createHash } from 'node:crypto';
import type { Serde } from '../../core/schema/serde.ts';
import type { Subscribers, SubscriptionKey } from '../../dsl/compile/store-serdes.ts';
import type { KeyValueStore } from '../state/store.ts';
import { openSubscriptions } from '../state/subscriptions.ts';
import { undecoded } from '../task/record-context.ts';
import type { TableLookup } from '../task/table-lookup.ts';
import type { Forward, ForwardChange, StepOf, StepParts } from './step.ts';

/** What the other side does with a subscription, and whether it answers. */
type Instruction =
  /** Keeps it; answers in any case. */
  | 'subscribe'
  /** Keeps it; answers where there is a row. */
  | 'subscribeIfRow'
  | 'unsubscribe'
  /** Forgets it; answers that there is no row. */
  | 'unsubscribeAndTell';

interface Subscription {
  readonly instruction: Instruction;
  /** Of the row that refers. */
  readonly key: unknown;
  readonly hash: Uint8Array | null;
}

interface Answer {
  /** Of the value that asked; null for a row that was deleted. */
  readonly hash: Uint8Array | null;
  readonly value: unknown;
}

const hashOf = (value: unknown, serde: Serde<unknown>): Uint8Array | null =>
  value === null ? null : createHash('sha1').update(serde.encode(value)).digest();

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

export interface SubscribeParts {
  readonly foreignKey: Serde<unknown>;
  /** To the topic of subscriptions, by foreign key. */
  readonly send: Forward;
  /** To the join, for what needs no answer. */
  readonly answer: Forward;
  /** Whether the join has a result for that row. */
  readonly hasResult: (key: unknown) => boolean;
}

export function foreignSubscribeStep(
  { name, join, keyOf, value: valueSerde }: StepOf<'foreignSubscribe'>,
  { record, errors, metrics }: StepParts,
  { foreignKey, send, answer, hasResult }: SubscribeParts,
): ForwardChange {
  const left = join === 'left';
  const foreignKeyOf = (value: unknown, key: unknown): unknown => (value === null ? null : (keyOf(value, key) ?? null));
  const same = (a: unknown, b: unknown): boolean =>
    a === b || (a !== null && b !== null && sameBytes(foreignKey.encode(a), foreignKey.encode(b)));
  return (key, newValue, oldValue, timestampMs) => {
    let known: unknown;
    let hash: Uint8Array | null;
    let before: unknown;
    let after: unknown;
    let moved: boolean;
    let asks: boolean;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      known = key === undecoded ? record.key : key;
      if (newValue === null && oldValue === null) return;
      hash = hashOf(newValue, valueSerde);
      before = foreignKeyOf(oldValue, known);
      after = foreignKeyOf(newValue, known);
      moved = before !== null && !same(before, after);
      // Where the row asked the same key before, and there was no row, no result is there to be taken back: unless the
      // answer that does so is under way, which this change lets go unheard. Kafka Streams keeps such a result for ever.
      asks = left || moved || (after !== null && hasResult(known));
    } catch (error) {
      errors.process(name, newValue, error);
      return;
    }
    const tell = (to: unknown, instruction: Instruction) =>
      send(to, { instruction, key: known, hash } satisfies Subscription, timestampMs);
    if (after !== null) {
      if (moved) tell(before, 'unsubscribe');
      tell(after, asks ? 'subscribe' : 'subscribeIfRow');
    } else if (left) {
      if (before !== null) tell(before, 'unsubscribe');
      answer(key, { hash, value: null } satisfies Answer, timestampMs);
    } else {
      if (newValue !== null) metrics.dropped.nullKey += 1;
      if (before !== null) tell(before, 'unsubscribeAndTell');
    }
  };
}

export interface AnswerParts {
  readonly table: TableLookup;
  readonly leftKey: Serde<unknown>;
  /** To the topic of answers, by the key of the row that refers. */
  readonly send: Forward;
}

/** @returns what takes the subscriptions, and the changes of the table referred to */
export function foreignAnswerStep(
  step: StepOf<'foreignAnswer'>,
  { record, errors, stores }: StepParts,
  { table, leftKey, send }: AnswerParts,
): { readonly subscriptions: Forward; readonly changes: ForwardChange } {
  const subscriptions = openSubscriptions(stores.store(step.store) as KeyValueStore<SubscriptionKey, Subscribers>);
  return {
    subscriptions(key, value, timestampMs) {
      const { instruction, key: rowKey, hash } = value as Subscription;
      let row: ReturnType<TableLookup['get']>;
      record.currentKey = key;
      record.timestampMs = timestampMs;
      try {
        const foreignKey = key === undecoded ? record.key : key;
        const encoded = leftKey.encode(rowKey);
        if (instruction === 'subscribe' || instruction === 'subscribeIfRow') {
          subscriptions.add(foreignKey, { key: encoded, hash: hash! }, timestampMs);
        } else subscriptions.remove(foreignKey, encoded, timestampMs);
        row = table.get(foreignKey);
      } catch (error) {
        errors.process(step.name, value, error);
        return;
      }
      if (instruction === 'unsubscribe' || (instruction === 'subscribeIfRow' && row === undefined)) return;
      const found = instruction === 'unsubscribeAndTell' ? null : (row?.value ?? null);
      const answeredMs = Math.max(timestampMs, row?.timestampMs ?? timestampMs);
      send(rowKey, { hash, value: found } satisfies Answer, answeredMs);
    },
    changes(key, newValue, _oldValue, timestampMs) {
      let waiting: readonly (readonly [rowKey: unknown, hash: Uint8Array])[];
      record.currentKey = key;
      record.timestampMs = timestampMs;
      try {
        const foreignKey = key === undecoded ? record.key : key;
        waiting = subscriptions.of(foreignKey).map((each) => [leftKey.decode(each.key), each.hash]);
      } catch (error) {
        errors.process(step.name, newValue, error);
        return;
      }
      for (const [rowKey, hash] of waiting) send(rowKey, { hash, value: newValue } satisfies Answer, timestampMs);
    },
  };
}

export function foreignJoinStep(
  step: StepOf<'joinForeign'>,
  { record, errors, stores }: StepParts,
  { table, wantsOld }: { readonly table: TableLookup; readonly wantsOld: boolean },
  next: ForwardChange,
): Forward {
  const { name, join, joiner, value: valueSerde } = step;
  const store = stores.store(step.store) as KeyValueStore;
  return (key, value, timestampMs) => {
    const { hash, value: found } = value as Answer;
    let joined: unknown = null;
    let before: unknown = null;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      const known = key === undecoded ? record.key : key;
      const row = table.get(known)?.value ?? null;
      const now = hashOf(row, valueSerde);
      if (now === null ? hash !== null : hash === null || !sameBytes(now, hash)) return;
      if (row !== null && (found !== null || join === 'left')) joined = joiner(row, found, record) ?? null;
      if (wantsOld) before = store.get(known)?.value ?? null;
      if (joined === null) store.delete(known, timestampMs);
      else store.put(known, joined, timestampMs);
    } catch (error) {
      errors.process(name, found, error);
      return;
    }
    next(key, joined, before, timestampMs);
  };
}
