// Topic ids and the like: sixteen bytes on the wire, text in lower-case hex with dashes everywhere else.
import type { ByteReader } from '../kernel/byte-reader.ts';
import type { ByteWriter } from '../kernel/byte-writer.ts';

/** Kafka's "no id". */
export const zeroUuid = '00000000-0000-0000-0000-000000000000';

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const form = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isUuid = (text: string): boolean => form.test(text);

export function readUuid(reader: ByteReader): string {
  let text = '';
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += '-';
    text += hex[reader.int8() & 0xff];
  }
  return text === zeroUuid ? zeroUuid : text;
}

/** @param text for which `isUuid` holds */
export function writeUuid(writer: ByteWriter, text: string): void {
  for (let i = 0; i < 36; i += 2) {
    if (text.charCodeAt(i) === dash) i++;
    writer.int8((nibble(text.charCodeAt(i)) << 4) | nibble(text.charCodeAt(i + 1)));
  }
}

const dash = 45;
/** Digits are 48 to 57; letters of both cases differ in bit 5 only, and 'a' is 97. */
const nibble = (code: number): number => (code < 58 ? code - 48 : (code | 32) - 87);
