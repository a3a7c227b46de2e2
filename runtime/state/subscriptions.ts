// Which rows refer to a foreign key, over a key-value store that finds single keys: the subscribers of a key stand in parts
// that double in number as they grow, so that one more is one small entry, however many there are.
import { murmur2 } from '../../core/kernel/murmur2.ts';
import type { Subscriber, Subscribers, SubscriptionKey } from '../../dsl/compile/store-serdes.ts';
import type { KeyValueStore } from './store.ts';

export interface Subscriptions {
  /** Replaces what the same row said before. */
  add(foreignKey: unknown, subscriber: Subscriber, timestampMs: number): void;
  remove(foreignKey: unknown, key: Uint8Array, timestampMs: number): void;
  /** In the order of the bytes of their keys. */
  of(foreignKey: unknown): readonly Subscriber[];
}

/** Above, parts are doubled. */
const perPartMax = 64;
const bitsMax = 20;
const indexPart = -1;

export function openSubscriptions(store: KeyValueStore<SubscriptionKey, Subscribers>): Subscriptions {
  const bitsOf = (foreignKey: unknown): number => {
    const index = store.get({ key: foreignKey, part: indexPart })?.value;
    return index?.kind === 'index' ? index.bits : 0;
  };
  const partOf = (key: Uint8Array, bits: number): number => murmur2(key) & (2 ** bits - 1);

  function read(foreignKey: unknown, part: number): readonly Subscriber[] {
    const found = store.get({ key: foreignKey, part })?.value;
    return found?.kind === 'part' ? found.subscribers : [];
  }

  function write(foreignKey: unknown, part: number, subscribers: readonly Subscriber[], timestampMs: number): void {
    const at = { key: foreignKey, part };
    if (subscribers.length === 0) store.delete(at, timestampMs);
    else store.put(at, { kind: 'part', subscribers }, timestampMs);
  }

  const others = (subscribers: readonly Subscriber[], key: Uint8Array): Subscriber[] =>
    subscribers.filter((each) => Buffer.compare(each.key, key) !== 0);

  function double(foreignKey: unknown, bits: number, timestampMs: number): void {
    for (let part = 0; part < 2 ** bits; part++) {
      const subscribers = read(foreignKey, part);
      const moved = part + 2 ** bits;
      const moves = ({ key }: Subscriber): boolean => partOf(key, bits + 1) === moved;
      const moving = subscribers.filter(moves);
      if (moving.length === 0) continue;
      write(foreignKey, moved, moving, timestampMs);
      write(
        foreignKey,
        part,
        subscribers.filter((each) => !moves(each)),
        timestampMs,
      );
    }
    store.put({ key: foreignKey, part: indexPart }, { kind: 'index', bits: bits + 1 }, timestampMs);
  }

  return {
    add(foreignKey, subscriber, timestampMs) {
      const bits = bitsOf(foreignKey);
      const part = partOf(subscriber.key, bits);
      const subscribers = [...others(read(foreignKey, part), subscriber.key), subscriber];
      write(foreignKey, part, subscribers, timestampMs);
      if (subscribers.length > perPartMax && bits < bitsMax) double(foreignKey, bits, timestampMs);
    },
    remove(foreignKey, key, timestampMs) {
      const part = partOf(key, bitsOf(foreignKey));
      write(foreignKey, part, others(read(foreignKey, part), key), timestampMs);
    },
    of(foreignKey) {
      const found: Subscriber[] = [];
      for (let part = 0; part < 2 ** bitsOf(foreignKey); part++) found.push(...read(foreignKey, part));
      return found.sort((a, b) => Buffer.compare(a.key, b.key));
    },
  };
}
