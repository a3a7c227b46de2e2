// Keys of windowed results, as Kafka Streams' TimeWindowedSerializer writes them: the key's bytes, then 8 bytes of the
// window's start. The end is not written, so reading takes the window's size.
import { type Duration, durationMs } from '../kernel/duration.ts';
import { Fault } from '../kernel/fault.ts';
import type { Serde } from './serde.ts';

/** A key and the window [startMs, endMs) its value is of. */
export interface Windowed<out K> {
  readonly key: K;
  readonly startMs: number;
  readonly endMs: number;
}

const startBytes = 8;

/**
 * @param key how the key itself is written
 * @param size of the windows; without it keys are written and can't be read
 * @throws Fault `UNREADABLE_BYTES`, also where no size was given; `UNWRITABLE_VALUE` for a start that is no integer
 * @example topic('counts', safeInt64, { key: windowedKey(utf8, '1 minute') })
 */
export function windowedKey<K>(key: Serde<K>, size?: Duration): Serde<Windowed<K>> {
  const name = `windowed ${key.name}`;
  const sizeMs = size === undefined ? undefined : durationMs(size);
  return {
    name,
    encode(windowed) {
      const { startMs } = windowed;
      if (!Number.isSafeInteger(startMs))
        throw new Fault('UNWRITABLE_VALUE', { serde: name, why: `its start is ${startMs}` });
      const keyBytes = key.encode(windowed.key);
      const written = new Uint8Array(keyBytes.length + startBytes);
      written.set(keyBytes);
      const view = new DataView(written.buffer, keyBytes.length);
      const high = Math.floor(startMs / 2 ** 32);
      view.setInt32(0, high);
      view.setUint32(4, startMs - high * 2 ** 32);
      return written;
    },
    decode(bytes) {
      const keyLength = bytes.length - startBytes;
      if (sizeMs === undefined)
        throw unreadable(name, "the window's size isn't known; say windowedKey(serde, '1 minute')");
      if (keyLength < 0) throw unreadable(name, `${bytes.length} bytes are less than a window's start`);
      const view = new DataView(bytes.buffer, bytes.byteOffset + keyLength, startBytes);
      const startMs = view.getInt32(0) * 2 ** 32 + view.getUint32(4);
      if (!Number.isSafeInteger(startMs)) throw unreadable(name, `its start is ${view.getBigInt64(0)}`);
      return { key: key.decode(bytes.subarray(0, keyLength)), startMs, endMs: startMs + sizeMs };
    },
  };
}

const unreadable = (serde: string, why: string) => new Fault('UNREADABLE_BYTES', { serde, why });
