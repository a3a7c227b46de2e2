// Serdes and store specs for tests of state: small, and awkward on purpose where a test says so.
import type { Serde } from '../../core/schema/serde.ts';
import type { StoreSpec } from '../../dsl/compile/topology.ts';

// biome-ignore lint/suspicious/noExplicitAny: erased, as in the topology
type Any = any;

const serde = <T>(name: string, encode: (value: T) => Uint8Array, decode: (bytes: Buffer) => T): Serde<T> => ({
  name,
  encode,
  decode: (bytes) => decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
});

export const text = serde<string>(
  'text',
  (value) => new Uint8Array(Buffer.from(value)),
  (bytes) => bytes.toString(),
);
export const json = serde<Any>(
  'json',
  (value) => {
    const encoded = JSON.stringify(value);
    if (encoded === undefined) throw new Error('not JSON');
    return new Uint8Array(Buffer.from(encoded));
  },
  (bytes) => JSON.parse(bytes.toString()),
);
export const raw = serde<Uint8Array>(
  'raw',
  (value) => value,
  (bytes) => new Uint8Array(bytes),
);
export const double = serde<number>(
  'double',
  (value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return new Uint8Array(bytes);
  },
  (bytes) => bytes.readDoubleBE(),
);
export const long = serde<bigint>(
  'long',
  (value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    return new Uint8Array(bytes);
  },
  (bytes) => bytes.readBigInt64BE(),
);

export function keyValueSpec(name: string, given: Partial<StoreSpec> = {}): StoreSpec {
  return {
    name,
    kind: 'keyValue',
    key: text,
    value: json,
    window: null,
    changelog: `job-${name}-changelog`,
    ownChangelog: true,
    result: null,
    ...given,
  };
}

export function windowSpec(name: string, given: Partial<StoreSpec> = {}): StoreSpec {
  return keyValueSpec(name, { kind: 'window', window: { kind: 'tumbling', sizeMs: 10, graceMs: 0 }, ...given });
}
