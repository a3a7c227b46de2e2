// Short texts that come again and again, as keys do: the same string for the same bytes. Making a string takes less time than
// hashing it and comparing it with the one that a Map has for it, and both are done once for a string that stays the same.
// A memo for the whole process: it changes nothing but time.

const slots = 16_384;
const bytesMax = 24;
const texts: (string | undefined)[] = new Array(slots).fill(undefined);

/**
 * @param make makes the string where it isn't here
 * @returns the text; undefined where it is long or not ASCII, which is nothing for this
 */
export function cachedText(
  bytes: Uint8Array,
  at: number,
  length: number,
  make: (at: number, length: number) => string,
): string | undefined {
  if (length > bytesMax) return undefined;
  // FNV-1a
  let hash = 0x811c9dc5;
  const end = at + length;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return undefined;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  const slot = (hash ^ (hash >>> 15)) & (slots - 1);
  const known = texts[slot];
  if (known !== undefined && known.length === length && isSame(known, bytes, at)) return known;
  const text = make(at, length);
  texts[slot] = text;
  return text;
}

function isSame(text: string, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false;
  return true;
}
