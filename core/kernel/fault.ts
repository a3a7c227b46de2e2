// Every error that a person or a caller can meet: one class, one table of codes. Callers match on `code`; the sentence
// names the thing and says what to do. A broker's answer carries Kafka's own codes (protocol/error-code.ts) instead.

const faults = {
  BAD_DURATION: { retriable: false, text: (d: { given: string }) => `'${d.given}' is no duration; write for example '5 minutes'` },
  MALFORMED_BYTES: { retriable: false, text: (d: { what: string }) => `malformed bytes: ${d.what}` },
  CORRUPT_BATCH: { retriable: false, text: (d: { what: string }) => `corrupt record batch: ${d.what}` },
  UNSUPPORTED_COMPRESSION: { retriable: false, text: (d: { codec: string }) => `record batches compressed with ${d.codec} can't be read here` },
  BROKER_ERROR: {
    retriable: false,
    text: (d: { api: string; error: string; subject?: string; message?: string | null }) =>
      `${d.api}${d.subject === undefined ? '' : ` for ${d.subject}`} was refused: ${d.error}${d.message ? ` (${d.message})` : ''}`,
  },
  TIMED_OUT: { retriable: true, text: (d: { what: string; afterMs: number }) => `${d.what} took longer than ${d.afterMs} ms` },
  CONNECTION_LOST: { retriable: true, text: (d: { to: string; reason: string }) => `lost the connection to ${d.to}: ${d.reason}` },
  CLOSED: { retriable: false, text: (d: { what: string }) => `${d.what} is closed` },
  TOPIC_NOT_FOUND: { retriable: false, text: (d: { topic: string }) => `no topic '${d.topic}'; 'millrace topic list' shows what there is` },
  RECORD_TOO_LARGE: {
    retriable: false,
    text: (d: { topic: string; bytes: number; bytesMax: number; key?: string }) =>
      `a record for '${d.topic}'${d.key === undefined ? '' : ` with key ${d.key}`} has ${d.bytes} bytes, at most ${d.bytesMax} are taken; raise max.message.bytes of the topic or send less`,
  },
  BAD_TIMESTAMP: {
    retriable: false,
    text: (d: { where: string; timestampMs: number }) => `timestamp ${d.timestampMs} at ${d.where} is not a time since 1970; extract another or choose an error policy`,
  },
  STORAGE_IN_USE: { retriable: false, text: (d: { path: string; by: string }) => `${d.path} is in use by ${d.by}; stop it or choose another folder with --data` },
  STORAGE_NEWER: { retriable: false, text: (d: { path: string; found: number; known: number }) => `${d.path} has data of format ${d.found}, and this version reads up to ${d.known}; use a newer millrace` },
  STORAGE_FAILED: { retriable: false, text: (d: { path: string; reason: string }) => `can't use ${d.path}: ${d.reason}` },
} as const;

export type FaultCode = keyof typeof faults;
export type FaultDetail<C extends FaultCode> = Parameters<(typeof faults)[C]['text']>[0];

export class Fault<C extends FaultCode = FaultCode> extends Error {
  override readonly name = 'Fault';
  readonly code: C;
  readonly detail: FaultDetail<C>;

  constructor(code: C, detail: FaultDetail<C>, cause?: unknown) {
    super((faults[code].text as (d: FaultDetail<C>) => string)(detail), cause === undefined ? undefined : { cause });
    this.code = code;
    this.detail = detail;
  }

  /** Whether the same call may succeed later. */
  get retriable(): boolean {
    return faults[this.code].retriable;
  }
}

/** Whether `error` is a Fault with that code; narrows its detail. */
export function isFault<C extends FaultCode>(error: unknown, code: C): error is Fault<C> {
  return error instanceof Fault && error.code === code;
}
