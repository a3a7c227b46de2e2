// The record at hand, as the steps of one task and the user's functions see it: one object a task, pointed at one record
// after another. The input's key is decoded when somebody asks for it, since most chains never do. A class, because its
// getters are read once a record and must have one hidden class. Nothing here may be kept after the record.
import type { Serde } from '../../core/schema/serde.ts';
import type { RecordContext } from '../../dsl/plan.ts';
import type { RecordHeaders } from './record-cursor.ts';

/** Where the record at hand came from: the queue of an input, or a record that was held for an asynchronous step. */
export interface Origin {
  /** Index of the input. */
  readonly input: number;
  /** '' for a connector. */
  readonly topic: string;
  /** -1 for a connector; likewise the offset. */
  readonly partition: number;
  readonly offset: number;
  /** Of the key bytes, or null where there are none. */
  // biome-ignore lint/suspicious/noExplicitAny: erased, as the plan is
  readonly keySerde: Serde<any> | null;
  readHeaders(): RecordHeaders;
  keyBytes(): Uint8Array | null;
  /** The same, to be copied at once: the bytes may be another's at the next call. */
  lentKeyBytes(): Uint8Array | null;
  valueBytes(): Uint8Array | null;
  /** The decoded key. @throws KeyUnreadable */
  readKey(): unknown;
}

/**
 * Stands for the key of the input record until a step needs it. A step that leaves the key as it is passes this on, so
 * a sink that meets it may send the original key bytes.
 */
export const undecoded: unique symbol = Symbol('the key of the input record');

/** The key bytes of an input record can't be decoded: an error of decoding, wherever it is met. */
export class KeyUnreadable extends Error {
  override readonly name = 'KeyUnreadable';
}

/** Of what no record at hand caused: a window that time has closed, a step that lets go of what it kept. */
export const noOrigin: Origin = {
  input: -1,
  topic: '',
  partition: -1,
  offset: -1,
  keySerde: null,
  readHeaders: () => [],
  keyBytes: () => null,
  lentKeyBytes: () => null,
  valueBytes: () => null,
  readKey: () => null,
};

export class TaskRecord implements RecordContext {
  origin: Origin = noOrigin;
  /** As the step at hand sees it: `undecoded`, or what a step upstream made of it. */
  currentKey: unknown = undecoded;
  timestampMs = -1;

  get key(): unknown {
    return this.currentKey === undecoded ? this.origin.readKey() : this.currentKey;
  }

  get topic(): string {
    return this.origin.topic;
  }

  get partition(): number {
    return this.origin.partition;
  }

  get offset(): number {
    return this.origin.offset;
  }

  get headers(): RecordHeaders {
    return this.origin.readHeaders();
  }
}

/** Decoded key of an input record. */
// biome-ignore lint/suspicious/noExplicitAny: erased, as the plan is
export function decodeKey(serde: Serde<any> | null, bytes: Uint8Array | null): unknown {
  if (serde === null || bytes === null) return null;
  try {
    return serde.decode(bytes);
  } catch (error) {
    throw new KeyUnreadable(`the key is no ${serde.name}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/**
 * A record kept while a step waits for something. It is its own context, so a function that reads it after an `await`
 * reads what it was given.
 */
export class HeldRecord implements Origin, RecordContext {
  readonly input: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  // biome-ignore lint/suspicious/noExplicitAny: erased, as the plan is
  readonly keySerde: Serde<any> | null;
  readonly timestampMs: number;
  /** May be `undecoded`. */
  readonly stepKey: unknown;
  readonly #headers: RecordHeaders;
  readonly #keyBytes: Uint8Array | null;
  readonly #valueBytes: Uint8Array | null;
  #key: unknown = undecoded;

  constructor(origin: Origin, stepKey: unknown, timestampMs: number) {
    this.input = origin.input;
    this.topic = origin.topic;
    this.partition = origin.partition;
    this.offset = origin.offset;
    this.keySerde = origin.keySerde;
    this.timestampMs = timestampMs;
    this.stepKey = stepKey;
    this.#headers = origin.readHeaders();
    this.#keyBytes = origin.keyBytes();
    this.#valueBytes = origin.valueBytes();
    // A connector's record has no bytes to decode later.
    if (origin.keySerde === null) this.#key = origin.readKey();
  }

  get key(): unknown {
    return this.stepKey === undecoded ? this.readKey() : this.stepKey;
  }

  get headers(): RecordHeaders {
    return this.#headers;
  }

  readHeaders(): RecordHeaders {
    return this.#headers;
  }

  readKey(): unknown {
    if (this.#key === undecoded) this.#key = decodeKey(this.keySerde, this.#keyBytes);
    return this.#key;
  }

  keyBytes(): Uint8Array | null {
    return this.#keyBytes;
  }

  lentKeyBytes(): Uint8Array | null {
    return this.#keyBytes;
  }

  valueBytes(): Uint8Array | null {
    return this.#valueBytes;
  }
}
