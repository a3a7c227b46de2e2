// Records as text: how keys and values are shown and read on the command line.
import { InvalidArgumentError } from 'commander';
import type { ConsumerRecord } from '../../core/client/index.ts';
import { float64, int32, int64 } from '../../core/schema/primitive.ts';

const kinds = ['auto', 'utf8', 'json', 'int32', 'int64', 'float64', 'hex', 'base64', 'windowed'] as const;
export type TextKind = (typeof kinds)[number];

export const textKinds: readonly string[] = kinds;

export function parseTextKind(text: string): TextKind {
  const found = kinds.find((kind) => kind === text);
  if (found === undefined) throw new InvalidArgumentError(`It must be one of ${kinds.join(', ')}.`);
  return found;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unprintable = /[\u0000-\u0008\u000e-\u001f]/;

/** UTF-8 that can be printed as it is, else hexadecimal with 0x in front. */
function autoText(bytes: Uint8Array): string {
  try {
    const text = strictUtf8.decode(bytes);
    if (!unprintable.test(text)) return text;
  } catch {
    // Not text: shown below.
  }
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

const timeBytes = 8;
/** What a Date can hold. */
const timeMsMax = 8_640_000_000_000_000;

/**
 * A windowed key as `key@start`, that of a session as `key@start/end`. Bytes don't say which it is: it is a session's where
 * both of its last two numbers are times in order, which text before a window's start is not.
 */
function windowedText(bytes: Uint8Array): string {
  if (bytes.length < timeBytes) return autoText(bytes);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const startMs = Number(view.readBigInt64BE(bytes.length - timeBytes));
  if (Math.abs(startMs) > timeMsMax) return autoText(bytes);
  const startText = new Date(startMs).toISOString();
  const keyEnd = bytes.length - 2 * timeBytes;
  const endMs = keyEnd < 0 ? -1 : Number(view.readBigInt64BE(keyEnd));
  if (endMs < startMs || endMs > timeMsMax || startMs < 0)
    return `${autoText(bytes.subarray(0, -timeBytes))}@${startText}`;
  return `${autoText(bytes.subarray(0, keyEnd))}@${startText}/${new Date(endMs).toISOString()}`;
}

export function textOf(bytes: Uint8Array, kind: TextKind): string {
  switch (kind) {
    case 'auto':
      return autoText(bytes);
    case 'utf8':
    case 'json':
      return Buffer.from(bytes).toString();
    case 'int32':
      return String(int32.decode(bytes));
    case 'int64':
      return String(int64.decode(bytes));
    case 'float64':
      return String(float64.decode(bytes));
    case 'hex':
    case 'base64':
      return Buffer.from(bytes).toString(kind);
    case 'windowed':
      return windowedText(bytes);
  }
}

export type RawRecord = ConsumerRecord<Uint8Array, Uint8Array>;

export interface Shown {
  readonly key: TextKind;
  readonly value: TextKind;
}

export const nullText = '(null)';

const headersText = (record: RawRecord): string =>
  record.headers.map(([name, value]) => `${name}=${value === null ? nullText : autoText(value)}`).join(',');

function timeText(timestampMs: number): string {
  if (timestampMs < 0) return '-';
  return timestampMs > timeMsMax ? `@${timestampMs}` : new Date(timestampMs).toISOString();
}

/**
 * A template as kcat has it: %t topic, %p partition, %o offset, %k key, %s or %v value, %T timestamp in ms, %h headers,
 * %% a percent sign; \n and \t.
 */
export function fromTemplate(template: string, record: RawRecord, shown: Shown): string {
  const fields: Readonly<Record<string, () => string>> = {
    t: () => record.topic,
    p: () => String(record.partition),
    o: () => String(record.offset),
    k: () => (record.key === null ? nullText : textOf(record.key, shown.key)),
    s: () => (record.value === null ? nullText : textOf(record.value, shown.value)),
    v: () => (record.value === null ? nullText : textOf(record.value, shown.value)),
    T: () => String(record.timestampMs),
    h: () => headersText(record),
    '%': () => '%',
  };
  return template
    .replace(/\\n/g, '\n')
    .replace(/\\t/g, '\t')
    .replace(/%(.)/g, (whole, field: string) => fields[field]?.() ?? whole);
}

export function asLine(
  record: RawRecord,
  shown: Shown & { readonly keys: boolean; readonly headers: boolean; readonly timestamps: boolean },
): string {
  const columns = [
    ...(shown.timestamps ? [timeText(record.timestampMs)] : []),
    ...(shown.keys ? [record.key === null ? nullText : textOf(record.key, shown.key)] : []),
    ...(shown.headers ? [headersText(record)] : []),
    record.value === null ? nullText : textOf(record.value, shown.value),
  ];
  return columns.join('\t');
}

function jsonValue(bytes: Uint8Array | null, kind: TextKind): unknown {
  if (bytes === null) return null;
  const text = textOf(bytes, kind);
  if (kind !== 'auto' && kind !== 'json') return kind === 'int32' || kind === 'float64' ? Number(text) : text;
  try {
    const value = JSON.parse(text) as unknown;
    return kind === 'json' || comesBack(value, text) ? value : text;
  } catch {
    return text;
  }
}

/** Whether `produce --json` writes what was read: of a text it writes the characters, of null a tombstone. */
function comesBack(value: unknown, text: string): boolean {
  if (value === null || typeof value === 'string') return false;
  const numbers = text.replace(/"(?:[^"\\]|\\.)*"/g, '').match(/-?\d[\d.eE+-]*/g) ?? [];
  return numbers.every((number) => !/^-?\d+$/.test(number) || Number.isSafeInteger(Number(number)));
}

export const asJson = (record: RawRecord, shown: Shown) => ({
  topic: record.topic,
  partition: record.partition,
  offset: record.offset,
  timestampMs: record.timestampMs,
  key: record.key === null ? null : textOf(record.key, shown.key),
  value: jsonValue(record.value, shown.value),
  headers: Object.fromEntries(record.headers.map(([name, value]) => [name, value === null ? null : autoText(value)])),
});
