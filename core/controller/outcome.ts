// What a decision of the controller comes to: the records that make it so and what is answered, or one of Kafka's errors with
// a sentence. Decisions are functions of the image; they change nothing, and nothing holds before its records are committed.
import type { ErrorName } from '../protocol/error-code.ts';
import type { CatalogRecord } from './catalog-record.ts';

export interface Refusal {
  readonly ok: false;
  readonly error: ErrorName;
  readonly message: string;
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | Refusal;

export interface Decision<Reply> {
  /** May be none. */
  readonly records: readonly CatalogRecord[];
  /** What is answered once the records are committed. */
  readonly reply: Reply;
}

export const refused = (error: ErrorName, message: string): Refusal => ({ ok: false, error, message });

export const done: Outcome<null> = { ok: true, value: null };
