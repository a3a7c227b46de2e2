// Compile errors in words: where a program is wrong, the parameter's type becomes a DslError with the sentence to read,
// and nothing is assignable to it. Types only; nothing of this exists at runtime.
import type { Serde } from '../core/schema/serde.ts';
import type { Windowed } from '../core/schema/windowed-key.ts';

/** A type that no value has; the compiler prints its text. */
export interface DslError<out Text extends string> {
  readonly 'This program is wrong': Text;
}

/** Stands beside what is expected, and is never it: the compiler prints both where something else is given. */
export type Hint<Text extends string> = DslError<Text>;

/** `unknown` (so that an intersection with it changes nothing) where a key has been chosen, an error where it is null. */
export type NeedsKey<K, Operator extends string> = [K] extends [null]
  ? DslError<`${Operator}() needs a keyed stream: call selectKey() before it`>
  : unknown;

/** Where the key is null, an error instead of the destination that it doesn't fit. */
export type Keyless<K, Destination> = [K] extends [null]
  ? DslError<'the stream has no key: call selectKey() before .to(), or declare the topic with { key: noKey }'>
  : Destination;

/** A result key that isn't the group's key any more is a windowed one. */
export type NotWindowed<K, R> = [R] extends [K]
  ? unknown
  : DslError<'window() is there already: a grouped stream takes one window'>;

/** Windows are of the records of all. */
export type CogroupNotWindowed<K, R> = [R] extends [K]
  ? unknown
  : DslError<'cogroup() takes streams without windows: put window() after it'>;

/** Only the windows of a table can close. */
export type NeedsWindow<K, Operator extends string> = [K] extends [Windowed<unknown>]
  ? unknown
  : DslError<`${Operator}('windowCloses') needs a windowed table: put window() before the aggregation`>;

/** Strings are written as UTF-8 everywhere; of any other key there are several encodings, and partitions depend on the bytes. */
export type KeyWithoutSerde<K, Operator extends string> = [Exclude<K, null>] extends [string]
  ? unknown
  : DslError<`${Operator}() gives a key that is no string: say how it is written, for example { key: int64 } after the function`>;

/** Two streams have no end to wait for, so a join of them is within a span of time. */
export type NeedsWithin<Operator extends string> = [Operator] extends [never]
  ? never
  : DslError<`${Operator}() of two streams is within a span of time: ${Operator}(other, within('5 minutes', { grace: 0 }), joiner)`>;

/** The sides of a join meet by key. */
export type SameKey<Left, Right, Operator extends string> = [Exclude<Left, null>] extends [Right]
  ? unknown
  : DslError<`${Operator}() needs a table with the stream's key type: call selectKey() before it`>;

/** Options of an operator that chooses a key. */
export interface KeyOptions<K> {
  /** How the key is written to the repartition topic and the stores behind it. Needed for all keys but strings. */
  readonly key?: Serde<K>;
  /** Name of the repartition topic, where one is needed. Default: that of the first named store that needs it, or derived from the place. */
  readonly as?: string;
}
