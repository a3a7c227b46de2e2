// Serdes of single values, byte for byte those of org.apache.kafka.common.serialization, so that any Kafka client reads
// what they write. None is lenient: a number too large, or bytes too many, are a Fault and not another value.
import { Fault } from '../kernel/fault.ts';
import type { Serde } from './serde.ts';

// A byte order mark belongs to the text: left out, the same key would go to another partition after a round trip.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Text (StringSerializer). What is no UTF-8 is read as U+FFFD, as Java does. */
export const utf8: Serde<string> = {
  name: 'utf8',
  encode(value) {
    if (typeof value !== 'string') throw unwritable('utf8', value);
    return Buffer.from(value, 'utf8');
  },
  decode: (bytes) => decoder.decode(bytes),
};

/** Bytes as they are (ByteArraySerializer). What is read is a copy, so it may be kept. */
export const bytes: Serde<Uint8Array> = {
  name: 'bytes',
  encode(value) {
    if (!(value instanceof Uint8Array)) throw unwritable('bytes', value);
    return value;
  },
  decode: (view) => Uint8Array.from(view),
};

/** An integer from -2^31 to 2^31 - 1 in 4 bytes (IntegerSerializer). */
export const int32: Serde<number> = {
  name: 'int32',
  encode(value) {
    if (typeof value !== 'number' || (value | 0) !== value) throw unwritable('int32', value);
    return Uint8Array.of(value >> 24, value >> 16, value >> 8, value);
  },
  decode: (view) => readable('int32', view, 4).getInt32(0),
};

/** A 64-bit integer in 8 bytes (LongSerializer), all of them exact. */
export const int64: Serde<bigint> = {
  name: 'int64',
  encode(value) {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) throw unwritable('int64', value);
    const { view, written } = eightBytes();
    view.setBigInt64(0, value);
    return written;
  },
  decode: (view) => readable('int64', view, 8).getBigInt64(0),
};

/** The bytes of `int64` as a number: integers within ±(2^53 - 1), and a Fault for any other, written or read. */
export const safeInt64: Serde<number> = {
  name: 'safeInt64',
  encode(value) {
    if (!Number.isSafeInteger(value)) throw unwritable('safeInt64', value);
    const written = new Uint8Array(8);
    writeSafeInt64(written, value);
    return written;
  },
  decode(encoded) {
    const view = readable('safeInt64', encoded, 8);
    const value = view.getInt32(0) * 2 ** 32 + view.getUint32(4);
    if (!Number.isSafeInteger(value))
      throw unreadable('safeInt64', `${view.getBigInt64(0)} is beyond ±(2^53 - 1); use int64`);
    return value;
  },
};

/** A number in 8 bytes (DoubleSerializer). */
export const float64: Serde<number> = {
  name: 'float64',
  encode(value) {
    if (typeof value !== 'number') throw unwritable('float64', value);
    const { view, written } = eightBytes();
    view.setFloat64(0, value);
    return written;
  },
  decode: (view) => readable('float64', view, 8).getFloat64(0),
};

const uuidPattern = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

/** A UUID as 36 characters (UUIDSerializer). In lower case, so that equal ones have equal bytes and one partition. */
export const uuid: Serde<string> = {
  name: 'uuid',
  encode(value) {
    const lower = typeof value === 'string' ? value.toLowerCase() : '';
    if (!uuidPattern.test(lower)) throw unwritable('uuid', value);
    return Buffer.from(lower, 'latin1');
  },
  decode(view) {
    const value = decoder.decode(view).toLowerCase();
    if (!uuidPattern.test(value)) throw unreadable('uuid', `${view.length} bytes are no UUID in its text form`);
    return value;
  },
};

/** For a safe integer. */
export function writeSafeInt64(bytes: Uint8Array, value: number): void {
  writeInt32(bytes, 0, Math.floor(value / 2 ** 32));
  writeInt32(bytes, 4, value);
}

/** The low 32 bits, byte by byte: a DataView would first have to move eight bytes out of the heap. */
function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function eightBytes(): { view: DataView; written: Uint8Array } {
  const written = new Uint8Array(8);
  return { view: new DataView(written.buffer), written };
}

function readable(serde: string, view: Uint8Array, length: number): DataView {
  if (view.length !== length) throw unreadable(serde, `${view.length} bytes where ${length} are due`);
  return new DataView(view.buffer, view.byteOffset, length);
}

const unreadable = (serde: string, why: string) => new Fault('UNREADABLE_BYTES', { serde, why });

function unwritable(serde: string, value: unknown): Fault {
  const text =
    typeof value === 'object' && value !== null ? 'an object' : `${typeof value} ${String(value).slice(0, 60)}`;
  return new Fault('UNWRITABLE_VALUE', { serde, why: `${text} was given` });
}
