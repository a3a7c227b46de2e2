// Values to bytes and back. A serde is synchronous, pure, and knows no topic; null (a tombstone) never reaches it.

export interface Encoder<in T> {
  /** @throws what it likes for a value that can't be encoded: the caller names the record in the Fault it makes of it */
  encode(value: T): Uint8Array;
}

export interface Decoder<out T> {
  /** `bytes` may be a view of a larger buffer that is reused: copy what is kept. */
  decode(bytes: Uint8Array): T;
}

export interface Serde<in out T> extends Encoder<T>, Decoder<T> {
  /** For `describe` and error messages: 'utf8', 'json', 'avro Order'. */
  readonly name: string;
}
