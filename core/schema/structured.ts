// Any JavaScript value by V8's structured clone: objects, Map, Set, Date, bigint, undefined, NaN, cycles. For internal
// topics and state, which only this program reads: no other language can, and an older Node may not read a newer one's.
import { deserialize, serialize } from 'node:v8';
import { Fault } from '../kernel/fault.ts';
import type { Serde } from './serde.ts';

/**
 * Default for state whose serde is not given. Class instances come back as plain objects.
 *
 * @throws Fault `UNWRITABLE_VALUE` for functions, symbols and what holds them; `UNREADABLE_BYTES`
 */
export function structured<T>(): Serde<T> {
  return {
    name: 'structured',
    encode(value) {
      try {
        return serialize(value);
      } catch (error) {
        throw new Fault('UNWRITABLE_VALUE', { serde: 'structured', why: (error as Error).message }, error);
      }
    },
    decode(bytes) {
      try {
        return deserialize(Buffer.from(bytes)); // a copy, because byte arrays of the value will be views of it
      } catch (error) {
        throw new Fault('UNREADABLE_BYTES', { serde: 'structured', why: (error as Error).message }, error);
      }
    },
  };
}
