// How a key that a program chose is written. Strings are plain UTF-8, so that any other Kafka client computes the same
// partition; a number or bigint has several encodings of which none is everybody's, so its serde has to be said.
import { Fault } from '../core/kernel/fault.ts';
import { utf8 } from '../core/schema/primitive.ts';
import type { Serde } from '../core/schema/serde.ts';

/** For programs the compiler didn't see, or saw as `any`: anything but a string is refused with what to do. */
export const stringKey: Serde<string> = {
  name: utf8.name,
  encode(key) {
    if (typeof key !== 'string') throw new Fault('KEY_NEEDS_SERDE', { given: typeof key });
    return utf8.encode(key);
  },
  decode: (bytes) => utf8.decode(bytes),
};

/**
 * For topics whose records have no key: `topic('lines', utf8, { key: noKey })`. Keys that others wrote are not read.
 * Records without a key are spread over the partitions; before they are grouped or joined call `selectKey()`.
 *
 * @example
 * declare const lines: SourceConnector<string>;
 * source(lines).to(topic('lines', utf8, { key: noKey }));
 */
export const noKey: Serde<null> = {
  name: 'no key',
  encode(key) {
    throw new Fault('KEY_NEEDS_SERDE', { given: `${typeof key}, for a topic that was declared with noKey` });
  },
  decode: () => null,
};
