// The contract of an event-sourced coordinator: one shard is the state kept in one partition of an internal topic. A
// command makes records and changes nothing; memory changes only when the records are replayed, which happens in the
// same turn as their append is accepted; the reply is sent when they are committed. (Shape: Kafka's coordinator-common.)

/** A record of an internal topic, in Kafka's own key and value formats. A null value is a tombstone. */
export interface CoordinatorRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** The producer in whose transaction records are written: they count only once its commit marker is there. */
export interface TransactionOwner {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** The end of a producer's transaction in this partition. */
export interface TransactionMarker extends TransactionOwner {
  readonly coordinatorEpoch: number;
  readonly commit: boolean;
}

export interface CommandResult<Reply> {
  /** Written as one batch: all or nothing. May be empty. */
  readonly records: readonly CoordinatorRecord[];
  /** May be a promise (a join that waits for the others): it is awaited after the commit and holds up no other command. */
  readonly reply: Reply;
  /** Writes the records inside that producer's transaction. */
  readonly transaction?: TransactionOwner;
  /**
   * The command changed memory itself and the records only say so: they are not replayed. For state that is partly
   * not in records, as the members of a classic group that rebalances (Kafka's `replayRecords = false`).
   */
  readonly applied?: boolean;
  /**
   * Called once: 'committed' when the records and all before them are, 'failed' when they never will be. The place to
   * answer other requests that waited for this command.
   */
  readonly settle?: (outcome: 'committed' | 'failed') => void;
}

/** The state of one partition. Everything is synchronous and in memory. */
export interface Shard {
  /** Brings memory to where `record` says, while loading and after each append. `transaction` is null outside of one. */
  replay(record: CoordinatorRecord, transaction: TransactionOwner | null): void;
  /** The end of a transaction: what its records said counts from here, or never. */
  replayMarker?(marker: TransactionMarker): void;
  /** All records have been replayed: the time to set timers. */
  loaded?(): void;
  /** The shard is dropped: after a failed append, for memory is ahead of the log then, or when the node stops. Answers what waits. */
  unloaded?(): void;
}

/** Where a shard's records go: wired by the server to the partition's log. */
export interface ShardLog {
  /** The leader epoch under which it is written. */
  readonly epoch: number;
  /** @throws Fault `LOG_REFUSED` with NOT_COORDINATOR where another may write it by now, and what is known here be old */
  assertCurrent(): void;
  /** Resolves once the records are committed. The order of calls is the order in the log. @throws Fault `CLOSED`, `STORAGE_FAILED` */
  append(records: readonly CoordinatorRecord[], transaction?: TransactionOwner): Promise<void>;
  appendMarker(marker: TransactionMarker): Promise<void>;
  /** Every record from the log start, in order; for loading. */
  replay(target: {
    record(record: CoordinatorRecord, transaction: TransactionOwner | null): void;
    marker(marker: TransactionMarker): void;
  }): Promise<void>;
}
