// Requests that are well formed and make no sense: numbers at the ends of their types, names that are empty, too long,
// internal or unknown, ids of nothing, null wherever it may be. Made from the schema, for every API and version.
import * as fc from 'fast-check';
import type { Field, Shape } from '../../core/protocol/field.ts';
import { zeroUuid } from '../../core/protocol/uuid.ts';

/** What the node has, so that some of what is asked gets past the first check. */
export interface Existing {
  readonly topic: string;
  readonly topicId: string;
}

const names = [
  '',
  'nope',
  '..',
  'a b',
  'ä€😀',
  '\0',
  'x'.repeat(300),
  '__consumer_offsets',
  '__transaction_state',
  '*',
  '[',
  '1',
];
const ends = (bits: number) => [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
const small = [-3, -2, -1, 0, 1, 2, 4];

export function absurdValueOf(
  shape: Shape,
  version: number,
  existing: Existing,
): fc.Arbitrary<Record<string, unknown>> {
  const here = Object.entries(shape).filter(([, field]) => field.since <= version && version <= field.until);
  return fc.record(Object.fromEntries(here.map(([name, field]) => [name, orNull(field, version, existing)])));
}

const orNull = (field: Field, version: number, existing: Existing): fc.Arbitrary<unknown> => {
  const value = present(field, version, existing);
  return version >= field.nullableFrom ? fc.option(value, { nil: null, freq: 3 }) : value;
};

function present(field: Field, version: number, existing: Existing): fc.Arbitrary<unknown> {
  const { kind, inner } = field;
  switch (kind) {
    case 'bool':
      return fc.boolean();
    case 'int8':
      return fc.constantFrom(...small, 8, 16, 32, ...ends(8));
    case 'int16':
      return fc.constantFrom(...small, ...ends(16));
    case 'uint16':
      return fc.constantFrom(0, 1, 65_535);
    case 'int32':
      return fc.constantFrom(...small, ...ends(32));
    case 'uint32':
      return fc.constantFrom(0, 1, 0xffff_ffff);
    case 'int64':
      return fc.constantFrom(...small, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    case 'bigint64':
      return fc.constantFrom(-(2n ** 63n), 0n, 2n ** 63n - 1n);
    case 'float64':
      return fc.constantFrom(-1, 0, Number.MAX_VALUE, Number.POSITIVE_INFINITY);
    case 'uuid':
      return fc.constantFrom(zeroUuid, existing.topicId, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    case 'string':
      return fc.constantFrom(existing.topic, existing.topic, ...names);
    case 'bytes':
      return fc.constantFrom(new Uint8Array(0), new Uint8Array(300).fill(255));
    case 'records':
      return fc.constantFrom([], [new Uint8Array(61)], [new Uint8Array(100).fill(255)]);
    case 'array': {
      const items = isField(inner!) ? orNull(inner, version, existing) : absurdValueOf(inner!, version, existing);
      return fc.array(items, { maxLength: 3 }).chain((made) => fc.constantFrom(made, [...made, ...made]));
    }
    case 'struct':
      return absurdValueOf(inner as Shape, version, existing);
  }
}

const isField = (inner: Field | Shape): inner is Field => typeof inner['compile'] === 'function';
