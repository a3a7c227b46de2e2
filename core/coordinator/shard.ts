// The contract of an event-sourced coordinator: one shard is the state kept in one partition of an internal topic. A
// command makes records and changes nothing; memory changes only when the records are replayed, which happens in the
// same turn as their append is accepted; the reply is sent when they are committed. (Shape: Kafka's coordinator-common.)

/** A record of an internal topic, in Kafka's own key and value formats. A null value is a tombstone. */
export interface CoordinatorRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

export interface CommandResult<Reply> {
  readonly records: readonly CoordinatorRecord[];
  readonly reply: Reply;
}

/** Where a shard's records go: wired by the server to the partition's log. */
export interface ShardLog {
  /** Resolves once the records are committed. @throws Fault `CLOSED`, `STORAGE_FAILED` */
  append(records: readonly CoordinatorRecord[]): Promise<void>;
  /** Every record from the log start, in order; for loading. */
  replay(onRecord: (record: CoordinatorRecord) => void): Promise<void>;
}
