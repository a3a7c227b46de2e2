// Keys of windowed results, as Kafka Streams writes them. TimeWindowedSerializer: the key's bytes, then 8 bytes of the
// window's start; the end is not written, so reading takes the window's size. SessionWindowedSerializer: the key's bytes,
// 8 bytes of the end, 8 bytes of the start.
import { type CalendarSpan, calendarOf } from '../kernel/calendar.ts';
import { type Duration, durationMs } from '../kernel/duration.ts';
import { Fault } from '../kernel/fault.ts';
import type { Serde } from './serde.ts';

/**
 * A key and the window its value is of. Tumbling, hopping, calendar and custom windows hold their start and not their end:
 * [startMs, endMs). Sliding windows and sessions hold both: [startMs, endMs].
 */
export interface Windowed<out K> {
  readonly key: K;
  readonly startMs: number;
  readonly endMs: number;
}

/** What a windowed key's serde has to know of the windows; what `tumbling()`, `sliding()`, `session()` and the others give. */
export type WindowShape =
  | { readonly kind: 'tumbling' | 'hopping'; readonly sizeMs: number }
  | { readonly kind: 'sliding'; readonly differenceMs: number }
  | { readonly kind: 'session' }
  | ({ readonly kind: 'calendar' } & CalendarSpan)
  | { readonly kind: 'custom'; readonly endOf: (startMs: number) => number };

const timeBytes = 8;

/**
 * The serde of keys behind `window()`.
 *
 * @param key how the key itself is written
 * @param size of the windows, or the windows themselves, which sessions, sliding, calendar and custom windows need; without it
 * keys are written and can't be read
 * @throws Fault `UNREADABLE_BYTES`, also where no size was given; `UNWRITABLE_VALUE` for a start that is no integer
 * @example topic('counts', safeInt64, { key: windowedKey(utf8, '1 minute') })
 */
export function windowedKey<K>(key: Serde<K>, size?: Duration | WindowShape): Serde<Windowed<K>> {
  if (typeof size === 'object' && size.kind === 'session') return sessionKey(key);
  const name = `windowed ${key.name}`;
  const endOf = endsOf(size);
  return {
    name,
    encode(windowed) {
      const { startMs } = windowed;
      checkTime(name, 'start', startMs);
      const keyBytes = key.encode(windowed.key);
      const written = Buffer.allocUnsafe(keyBytes.length + timeBytes);
      written.set(keyBytes);
      writeTime(written, keyBytes.length, startMs);
      return written;
    },
    decode(bytes) {
      const keyLength = bytes.length - timeBytes;
      if (endOf === null) throw unreadable(name, "the window's size isn't known; say windowedKey(serde, '1 minute')");
      if (keyLength < 0) throw unreadable(name, `${bytes.length} bytes are less than a window's start`);
      const startMs = readTime(name, 'start', bytes, keyLength);
      return { key: key.decode(bytes.subarray(0, keyLength)), startMs, endMs: endOf(startMs) };
    },
  };
}

function endsOf(
  size: Duration | Exclude<WindowShape, { kind: 'session' }> | undefined,
): ((startMs: number) => number) | null {
  if (size === undefined) return null;
  if (typeof size !== 'object') {
    const sizeMs = durationMs(size);
    return (startMs) => startMs + sizeMs;
  }
  if (size.kind === 'custom') return size.endOf;
  if (size.kind === 'calendar') {
    const calendar = calendarOf(size);
    return (startMs) => calendar.endOf(startMs);
  }
  const lengthMs = size.kind === 'sliding' ? size.differenceMs : size.sizeMs;
  return (startMs) => startMs + lengthMs;
}

function sessionKey<K>(key: Serde<K>): Serde<Windowed<K>> {
  const name = `session ${key.name}`;
  return {
    name,
    encode(windowed) {
      const { startMs, endMs } = windowed;
      checkTime(name, 'start', startMs);
      checkTime(name, 'end', endMs);
      const keyBytes = key.encode(windowed.key);
      const written = Buffer.allocUnsafe(keyBytes.length + 2 * timeBytes);
      written.set(keyBytes);
      writeTime(written, keyBytes.length, endMs);
      writeTime(written, keyBytes.length + timeBytes, startMs);
      return written;
    },
    decode(bytes) {
      const keyLength = bytes.length - 2 * timeBytes;
      if (keyLength < 0) throw unreadable(name, `${bytes.length} bytes are less than a session's end and start`);
      const endMs = readTime(name, 'end', bytes, keyLength);
      const startMs = readTime(name, 'start', bytes, keyLength + timeBytes);
      return { key: key.decode(bytes.subarray(0, keyLength)), startMs, endMs };
    },
  };
}

function checkTime(serde: string, what: string, timeMs: number): void {
  if (!Number.isSafeInteger(timeMs)) throw new Fault('UNWRITABLE_VALUE', { serde, why: `its ${what} is ${timeMs}` });
}

function writeTime(bytes: Buffer, at: number, timeMs: number): void {
  const high = Math.floor(timeMs / 2 ** 32);
  bytes.writeInt32BE(high, at);
  bytes.writeUInt32BE(timeMs - high * 2 ** 32, at + 4);
}

function readTime(serde: string, what: string, bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, timeBytes);
  const timeMs = view.getInt32(0) * 2 ** 32 + view.getUint32(4);
  if (!Number.isSafeInteger(timeMs)) throw unreadable(serde, `its ${what} is ${view.getBigInt64(0)}`);
  return timeMs;
}

const unreadable = (serde: string, why: string) => new Fault('UNREADABLE_BYTES', { serde, why });
