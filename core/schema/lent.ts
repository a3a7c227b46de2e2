// The bytes of a value in memory that is used again for the next one, for those who copy what they get at once: making a
// small array takes many times as long as filling it. Nothing here may be kept, or given to who might keep it.
import { float64, safeInt64, utf8, writeSafeInt64 } from './primitive.ts';
import type { Encoder, Serde } from './serde.ts';

const textMax = 48;

/** Encodes as the serde does; the bytes are another value's at the next call. Has memory of its own. */
// biome-ignore lint/suspicious/noExplicitAny: serdes are erased in the runtime
export function lentEncoder(serde: Serde<any>): Encoder<any>['encode'] {
  if (serde === utf8) return lentText();
  if (serde === safeInt64 || serde === float64) return lentNumber(serde);
  return (value) => serde.encode(value);
}

function lentNumber(serde: Serde<number>): (value: number) => Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  if (serde === float64) {
    return (value) => {
      if (typeof value !== 'number') return serde.encode(value);
      view.setFloat64(0, value);
      return bytes;
    };
  }
  return (value) => {
    if (!Number.isSafeInteger(value)) return serde.encode(value);
    writeSafeInt64(bytes, value);
    return bytes;
  };
}

/** Short and ASCII, as keys are; others are encoded as ever. */
function lentText(): (value: string) => Uint8Array {
  const byLength: Uint8Array[] = [];
  return (value) => {
    if (typeof value !== 'string' || value.length > textMax) return utf8.encode(value);
    const { length } = value;
    const bytes = (byLength[length] ??= new Uint8Array(length));
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return utf8.encode(value);
      bytes[i] = code;
    }
    return bytes;
  };
}
