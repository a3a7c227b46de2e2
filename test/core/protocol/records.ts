// Records as values that can be compared.
import { RecordCursor } from '../../../core/protocol/record-cursor.ts';

export interface ReadRecord<B> {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: B | null;
  readonly value: B | null;
  readonly headers: readonly (readonly [string, B | null])[];
}

const cursor = new RecordCursor();

/** Every record of a batch; `as` makes something of the bytes that are not null. */
export function readAllAs<B>(batch: Uint8Array, as: (bytes: Uint8Array) => B): ReadRecord<B>[] {
  const records: ReadRecord<B>[] = [];
  const decoded = (bytes: Uint8Array | null) => (bytes === null ? null : as(bytes));
  cursor.open(batch);
  while (cursor.next()) {
    records.push({
      offset: cursor.offset,
      timestampMs: cursor.timestampMs,
      key: decoded(cursor.key()),
      value: decoded(cursor.value()),
      headers: cursor.headers().map(([name, value]) => [name, decoded(value)] as const),
    });
  }
  return records;
}

/** Every record of a batch, as text. */
export const readAll = (batch: Uint8Array): ReadRecord<string>[] =>
  readAllAs(batch, (bytes) => Buffer.from(bytes).toString());
