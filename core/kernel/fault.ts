// Every error that a person or a caller can meet: one class, one table of codes. Callers match on `code`; the sentence
// names the thing and says what to do. A broker's answer carries Kafka's own codes (protocol/error-code.ts) instead.

import { clusterFaults } from './cluster-faults.ts';

const faults = {
  ...clusterFaults,
  BAD_DURATION: {
    retriable: false,
    text: (d: { given: string }) => `'${d.given}' is no duration; write for example '5 minutes'`,
  },
  MALFORMED_BYTES: { retriable: false, text: (d: { what: string }) => `malformed bytes: ${d.what}` },
  CANNOT_ENCODE: {
    retriable: false,
    text: (d: { field: string; version: number; why: string }) =>
      `${d.field} can't be sent in version ${d.version}: ${d.why}`,
  },
  CORRUPT_BATCH: { retriable: false, text: (d: { what: string }) => `corrupt record batch: ${d.what}` },
  UNSUPPORTED_COMPRESSION: {
    retriable: false,
    text: (d: { codec: string }) => `record batches compressed with ${d.codec} can't be read here`,
  },
  BROKER_ERROR: {
    retriable: false,
    text: (d: { api: string; error: string; subject?: string; message?: string | null }) =>
      `${d.api}${d.subject === undefined ? '' : ` for ${d.subject}`} was refused: ${d.error}${d.message ? ` (${d.message})` : ''}`,
  },
  TIMED_OUT: {
    retriable: true,
    text: (d: { what: string; afterMs: number }) => `${d.what} took longer than ${d.afterMs} ms`,
  },
  CONNECTION_LOST: {
    retriable: true,
    text: (d: { to: string; reason: string }) => `lost the connection to ${d.to}: ${d.reason}`,
  },
  TLS_FAILED: {
    retriable: false,
    text: (d: { to: string; reason: string }) =>
      `no secure connection to ${d.to}: ${d.reason}; check the port, and the certificates that are trusted and shown`,
  },
  SASL_NOT_SERVED: {
    retriable: false,
    text: (d: { to: string; mechanism: string; served: readonly string[] }) =>
      `${d.to} lets nobody log in by ${d.mechanism}; ${d.served.length === 0 ? 'connect without SASL, or to a listener that has it' : `it takes ${d.served.join(', ')}`}`,
  },
  AUTHENTICATION_FAILED: {
    retriable: false,
    text: (d: { to: string; mechanism: string; reason: string }) =>
      `${d.to} was not logged in to by ${d.mechanism}: ${d.reason}; check the user name and the password, or where the token comes from`,
  },
  BAD_TOKEN: { retriable: false, text: (d: { reason: string }) => `there is no token to log in with: ${d.reason}` },
  CLOSED: { retriable: false, text: (d: { what: string }) => `${d.what} is closed` },
  TOPIC_NOT_FOUND: {
    retriable: false,
    text: (d: { topic: string }) => `no topic '${d.topic}'; 'millrace topic list' shows what there is`,
  },
  RECORD_TOO_LARGE: {
    retriable: false,
    text: (d: { topic: string; bytes: number; bytesMax: number; key?: string }) =>
      `a record for '${d.topic}'${d.key === undefined ? '' : ` with key ${d.key}`} has ${d.bytes} bytes, at most ${d.bytesMax} are taken; raise max.message.bytes of the topic or send less`,
  },
  BAD_TIMESTAMP: {
    retriable: false,
    text: (d: { where: string; timestampMs: number }) =>
      `timestamp ${d.timestampMs} at ${d.where} is not a time since 1970; extract another or choose an error policy`,
  },
  BAD_PARTITION: {
    retriable: false,
    text: (d: { topic: string; partition: number }) =>
      `a record for '${d.topic}' is for partition ${d.partition}; partitions are numbered from 0`,
  },
  BAD_SETTINGS: {
    retriable: false,
    text: (d: { of: string; problems: readonly string[] }) => `settings of ${d.of}: ${d.problems.join('; ')}`,
  },
  STORAGE_IN_USE: {
    retriable: false,
    text: (d: { path: string; by: string }) =>
      `${d.path} is in use by ${d.by}; stop it or choose another folder with --data`,
  },
  STORAGE_NEWER: {
    retriable: false,
    text: (d: { path: string; found: number; known: number }) =>
      `${d.path} has data of format ${d.found}, and this version reads up to ${d.known}; use a newer millrace`,
  },
  STORAGE_FAILED: {
    retriable: false,
    text: (d: { path: string; reason: string }) => `can't use ${d.path}: ${d.reason}`,
  },
  NOT_CO_PARTITIONED: {
    retriable: false,
    text: (d: { topics: string }) =>
      `topics that are joined must have the same number of partitions: ${d.topics}; make them equal, or rekey one with selectKey() so that it is repartitioned`,
  },
  PARTITIONS_DIFFER: {
    retriable: false,
    text: (d: { topic: string; expected: number; found: number }) =>
      `topic '${d.topic}' has ${d.found} partitions and the job says ${d.expected}; change the job, or make the topic anew`,
  },
  INTERNAL_TOPIC_MISMATCH: {
    retriable: false,
    text: (d: { topic: string; expected: number; found: number; job: string }) =>
      `the job's topic '${d.topic}' has ${d.found} partitions and needs ${d.expected}, because an input has changed; start afresh with --fresh, or run 'millrace reset' for job '${d.job}'`,
  },
  STATE_IN_USE: {
    retriable: false,
    text: (d: { job: string; path: string }) =>
      `the state of job '${d.job}' in ${d.path} is in use by another process; give each process of a job a folder of its own with --data`,
  },
  INTERNAL_TOPIC_SETTING: {
    retriable: false,
    text: (d: { topic: string; setting: string; expected: string; found: string }) =>
      `the job's topic '${d.topic}' has ${d.setting}=${d.found} and needs ${d.expected}, or it would lose what the job must find there; set it with 'millrace topic alter ${d.topic} --config ${d.setting}=${d.expected}', or start afresh with --fresh`,
  },
  NEEDS_CONFIRMATION: {
    retriable: false,
    text: (_: object) => 'standard input is no terminal to ask at; add --yes to go ahead',
  },
  NOTHING_TO_RESET: {
    retriable: false,
    text: (d: { group: string }) => `group '${d.group}' has no offsets; name topics with --topic`,
  },
  BAD_INPUT_LINE: {
    retriable: false,
    text: (d: { line: number; reason: string }) => `line ${d.line} of the input can't be used: ${d.reason}`,
  },
  STORE_UNKNOWN: {
    retriable: false,
    text: (d: { store: string; job: string; known: readonly string[] }) =>
      `job '${d.job}' has no state store '${d.store}'${d.known.length === 0 ? '; it has none' : `; it has ${d.known.join(', ')}`}`,
  },
  STORE_NOT_HERE: {
    retriable: true,
    text: (d: { store: string; partition: number }) =>
      `partition ${d.partition} of store '${d.store}' is not open in this process: the job has ended, the store is being restored, or another member has it`,
  },
  STORE_RESTORING: {
    retriable: true,
    text: (d: { store: string; partition: number; recordsDone: number; recordsTotal: number }) =>
      `partition ${d.partition} of store '${d.store}' is being restored, ${d.recordsDone} of ${d.recordsTotal} records; ask again in a moment`,
  },
  STORE_OUT_OF_REACH: {
    retriable: true,
    text: (d: { store: string; partition: number; address: string; reason: string }) =>
      `partition ${d.partition} of store '${d.store}' is at ${d.address}, which does not answer (${d.reason}); ask again once the group has noticed, or check that members reach each other`,
  },
  KEY_NOT_FOUND: {
    retriable: false,
    text: (d: { store: string; key: string }) => `store '${d.store}' has nothing for key '${d.key}'`,
  },
  BAD_QUERY: { retriable: false, text: (d: { reason: string }) => `the query can't be answered: ${d.reason}` },
  NO_JOB_THERE: {
    retriable: true,
    text: (d: { job: string; reason: string }) =>
      `nothing answers for '${d.job}': ${d.reason}; start the job with 'millrace run … --metrics :9464', or give the address that it said it answers at`,
  },
  NEEDS_ADVERTISED: {
    retriable: false,
    text: (d: { host: string }) =>
      `clients can't connect to ${d.host}; say with --advertise host:port where this node is reached`,
  },
  BAD_ADDRESS: {
    retriable: false,
    text: (d: { given: string }) => `'${d.given}' is no address; write host:port, for example 127.0.0.1:9092`,
  },
  NO_ANSWER: {
    retriable: true,
    text: (d: { bootstrap: string; reason: string }) =>
      `no answer from ${d.bootstrap}: ${d.reason}; check the address, or start a node there with 'millrace node'`,
  },
  CANNOT_LISTEN: {
    retriable: false,
    text: (d: { address: string; reason: string }) =>
      `can't listen on ${d.address}: ${d.reason}; stop what uses it, or choose another address`,
  },
  JOB_FILE: { retriable: false, text: (d: { file: string; reason: string }) => `can't run ${d.file}: ${d.reason}` },
  JOB_FAILED: { retriable: false, text: (d: { job: string; reason: string }) => `job '${d.job}' failed: ${d.reason}` },
  RECORD_FAILED: {
    retriable: false,
    text: (d: {
      operator: string;
      topic: string;
      partition: number;
      offset: number;
      stage: 'decode' | 'process' | 'produce';
      reason: string;
    }) =>
      `'${d.operator}' could not ${d.stage} ${d.topic === '' ? 'a record of its source' : `the record at ${d.topic}-${d.partition} offset ${d.offset}`}: ${d.reason}; correct it, or choose onError.${d.stage} 'skip' or 'deadLetter'`,
  },
  RX_ASYNC_EMISSION: {
    retriable: false,
    text: (d: { operator: string }) =>
      `'${d.operator}' emitted when no record was pushed, so its output belongs to none; use mapAsync() for what waits, and the scheduler that rx() hands in for time`,
  },
  RX_OVERFLOW: {
    retriable: false,
    text: (d: { topic: string; inFlightMax: number }) =>
      `more than ${d.inFlightMax} records for '${d.topic}' wait for their acknowledgement, and an Observable can't be slowed down; raise inFlightMax, or let the source wait, for example by concatMap()`,
  },
  RX_COMPLETED: {
    retriable: false,
    text: (d: { operator: string }) =>
      `'${d.operator}' completed, and a stream has no end; leave out operators that complete, such as take() and first()`,
  },
  API_NOT_SERVED: {
    retriable: false,
    text: (d: { api: string; to: string; served: string }) =>
      `${d.to} serves no version of ${d.api} that is known here (it serves: ${d.served}); use a newer node or client`,
  },
  PARTITION_NOT_FOUND: {
    retriable: false,
    text: (d: { topic: string; partition: number; partitions: number }) =>
      `topic '${d.topic}' has no partition ${d.partition}; it has ${d.partitions}, numbered from 0`,
  },
  NOT_ASSIGNED: {
    retriable: false,
    text: (d: { topic: string; partition: number }) =>
      `partition ${d.partition} of topic '${d.topic}' is not assigned to this consumer`,
  },
  OFFSET_OUT_OF_RANGE: {
    retriable: false,
    text: (d: { topic: string; partition: number; offset: number }) =>
      `offset ${d.offset} of ${d.topic}-${d.partition} is not in the log any more, or not yet; seek elsewhere or choose where to start with 'from'`,
  },
  LOG_TRUNCATED: {
    retriable: false,
    text: (d: { topic: string; partition: number; position: number; endOffset: number }) =>
      `${d.topic}-${d.partition} was read up to offset ${d.position}, and the log has what was read up to ${d.endOffset} only, because a leader was elected that had not got the rest; seek to ${d.endOffset}, or choose where to go on with 'from'`,
  },
  PRODUCER_FENCED: {
    retriable: false,
    text: (d: { transactionalId: string }) =>
      `another producer took over the transactional id '${d.transactionalId}', or its transaction timed out; close this one`,
  },
  TRANSACTION_STATE: {
    retriable: false,
    text: (d: { transactionalId: string; action: string; state: string }) =>
      `can't ${d.action} in the transaction of '${d.transactionalId}': it is ${d.state}`,
  },
  TRANSACTION_COMMITTED: {
    retriable: false,
    text: (d: { transactionalId: string }) =>
      `the transaction of '${d.transactionalId}' can't be aborted: the commit that had no answer was carried out, so don't write its records again`,
  },
  TRANSACTION_ABORTED: {
    retriable: false,
    text: (d: { transactionalId: string }) =>
      `the transaction of '${d.transactionalId}' was aborted before these records were sent`,
  },
  REBALANCED: {
    retriable: false,
    text: (d: { group: string; error: string }) =>
      `group '${d.group}' has moved on to another generation (${d.error}): what was processed since the last commit goes to another member`,
  },
  MEMBER_FENCED: {
    retriable: false,
    text: (d: { group: string; instance: string }) =>
      `another member with the instance id '${d.instance}' joined group '${d.group}'; give each member an instance id of its own`,
  },
  GROUP_NOT_FOUND: {
    retriable: false,
    text: (d: { group: string }) => `no group '${d.group}'; 'millrace group list' shows what there is`,
  },
  GROUP_NOT_EMPTY: {
    retriable: false,
    text: (d: { group: string; members: number }) =>
      `group '${d.group}' has ${d.members} active member${d.members === 1 ? '' : 's'}; stop them first`,
  },
  TOPIC_EXISTS: { retriable: false, text: (d: { topic: string }) => `topic '${d.topic}' exists already` },
  CANNOT_DECODE: {
    retriable: false,
    text: (d: { topic: string; partition: number; offset: number; part: string; reason: string }) =>
      `the ${d.part} of the record at offset ${d.offset} of ${d.topic}-${d.partition} can't be decoded: ${d.reason}; read it with another serde, or seek past it`,
  },
  CANNOT_SHOW: {
    retriable: false,
    text: (d: { topic: string; partition: number; offset: number; part: string; reason: string }) =>
      `the ${d.part} of the record at offset ${d.offset} of ${d.topic}-${d.partition} can't be shown so: ${d.reason}; choose another --key-as or --value-as`,
  },
  REMOTE_FAILED: {
    retriable: false,
    text: (d: { what: string; reason: string }) => `${d.what} failed where it was carried out: ${d.reason}`,
  },
  LOG_REFUSED: {
    retriable: false,
    text: (d: { partition: string; error: string; why: string }) => `${d.partition} refused: ${d.error} (${d.why})`,
  },
  PARTITION_DAMAGED: {
    retriable: false,
    text: (d: { partition: string; what: string }) =>
      `the data of partition ${d.partition} is damaged (${d.what}); restore its folder from a copy, or delete the topic`,
  },
  BATCH_DAMAGED: {
    retriable: false,
    text: (d: { offset: number; what: string }) => `the stored batch that ends at ${d.offset} is damaged: ${d.what}`,
  },
  BAD_TOPIC_CONFIG: { retriable: false, text: (d: { why: string }) => d.why },
  BAD_TOPIC: { retriable: false, text: (d: { topic: string; reason: string }) => `topic '${d.topic}': ${d.reason}` },
  BAD_WINDOW: { retriable: false, text: (d: { reason: string }) => `no such window: ${d.reason}` },
  BAD_OPERATOR: { retriable: false, text: (d: { operator: string; reason: string }) => `${d.operator}(): ${d.reason}` },
  FORWARD_OUTSIDE: {
    retriable: false,
    text: (d: { operator: string; what: string }) =>
      `'${d.operator}' called ${d.what} when none of its functions was at work; do it while a record or a timer is handled, and wait for a promise in a timer or with mapAsync()`,
  },
  BUFFER_FULL: {
    retriable: false,
    text: (d: { operator: string; records: number; bytes: number; limit: string }) =>
      `'${d.operator}' holds back ${d.records} changes (${d.bytes} bytes), more than ${d.limit} allows; allow more, or let it emit early`,
  },
  BAD_JOB: { retriable: false, text: (d: { job: string; reason: string }) => `job '${d.job}': ${d.reason}` },
  KEY_NEEDS_SERDE: {
    retriable: false,
    text: (d: { given: string }) =>
      `a key that is no string (${d.given}) needs a serde; write for example selectKey(f, { key: int64 })`,
  },
  STATE_CHANGED: {
    retriable: false,
    text: (d: { store: string; path: string; found: string; wanted: string }) =>
      `store '${d.store}' in ${d.path} was kept ${d.found} and the job wants it ${d.wanted}, so what is there would be misread; go back to how it was, give the store another name, or start afresh with --fresh`,
  },
  STATE_NOT_DECODED: {
    retriable: false,
    text: (d: { store: string; key: string; serde: string; reason: string }) =>
      `store '${d.store}' can't read its value of key ${d.key} as ${d.serde}: ${d.reason}; go back to the serde it was written with, or start afresh with --fresh`,
  },
  STATE_NOT_ENCODED: {
    retriable: false,
    text: (d: { store: string; key: string; serde: string; reason: string }) =>
      `store '${d.store}' can't encode its value of key ${d.key} as ${d.serde}: ${d.reason}; correct the function that makes it, or the serde`,
  },
  UNWRITABLE_VALUE: {
    retriable: false,
    text: (d: { serde: string; why: string }) => `a value can't be written as ${d.serde}: ${d.why}`,
  },
  UNREADABLE_BYTES: {
    retriable: false,
    text: (d: { serde: string; why: string }) => `bytes can't be read as ${d.serde}: ${d.why}`,
  },
  BAD_SCHEMA: { retriable: false, text: (d: { schema: string; why: string }) => `${d.schema} can't be used: ${d.why}` },
  BAD_MARBLES: {
    retriable: false,
    text: (d: { picture: string; reason: string }) => `can't read or draw the marbles '${d.picture}': ${d.reason}`,
  },
  NOT_IN_JOB: {
    retriable: false,
    text: (d: { what: string; name: string; known: readonly string[] }) =>
      `the job has no ${d.what} '${d.name}'; it has ${d.known.length === 0 ? 'none' : d.known.join(', ')}`,
  },
  FILE_FAILED: {
    retriable: false,
    text: (d: { path: string; reason: string }) => `can't use the file ${d.path}: ${d.reason}`,
  },
  FILE_REPLACED: {
    retriable: false,
    text: (d: { path: string; byte: number }) =>
      `the file ${d.path} is not the one that was read up to byte ${d.byte}; put that one back, give the source another name, or start afresh with --fresh`,
  },
  BAD_HEADER: {
    retriable: false,
    text: (d: { path: string; line: number; why: string; what: string }) =>
      `${d.path} line ${d.line} ${d.why}; ${d.what} in 'columns', or correct the file`,
  },
  BAD_LINE: {
    retriable: false,
    text: (d: { path: string; line: number; reason: string }) =>
      `${d.path} line ${d.line} ${d.reason}; correct it, or leave such lines out with onBadLine: 'skip'`,
  },
  SOURCE_OVERFLOW: {
    retriable: false,
    text: (d: { source: string; capacity: number }) =>
      `'${d.source}' is faster than the job: ${d.capacity} values wait; raise its capacity, or let it drop with onOverflow: 'drop'`,
  },
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
