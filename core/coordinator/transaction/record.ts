// A transactional id as `__transaction_state` keeps it, to and from Kafka's record format. Data only.
import {
  decodeInternalValue,
  decodeTransactionLogKey,
  encodeInternalValue,
  encodeTransactionLogKey,
  transactionLogValue,
} from '../../protocol/messages/internal-records.ts';
import type { CoordinatorRecord } from '../shard.ts';

const status = {
  empty: 0,
  ongoing: 1,
  prepareCommit: 2,
  prepareAbort: 3,
  completeCommit: 4,
  completeAbort: 5,
} as const;

export type TransactionState = keyof typeof status;

/** As Kafka's tools print it. */
export const stateNames: Readonly<Record<TransactionState, string>> = {
  empty: 'Empty',
  ongoing: 'Ongoing',
  prepareCommit: 'PrepareCommit',
  prepareAbort: 'PrepareAbort',
  completeCommit: 'CompleteCommit',
  completeAbort: 'CompleteAbort',
};

export interface TransactionTopic {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface Transaction {
  readonly transactionalId: string;
  readonly producerId: number;
  /** Of the producer that may write; raised to fence it. */
  readonly producerEpoch: number;
  readonly timeoutMs: number;
  readonly state: TransactionState;
  /** Partitions that have records of it, or may have; empty unless it is ongoing or being ended. */
  readonly topics: readonly TransactionTopic[];
  /** -1 unless ongoing or being ended. */
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
}

/** Version 0, as Kafka writes it where transaction.version is below 2. */
const valueVersion = 0;

export function transactionRecord(transaction: Transaction): CoordinatorRecord {
  const { transactionalId, producerId, producerEpoch, timeoutMs, state, topics, startedAtMs, updatedAtMs } =
    transaction;
  const value = transactionLogValue.create({
    producerId,
    producerEpoch,
    transactionTimeoutMs: timeoutMs,
    transactionStatus: status[state],
    transactionPartitions:
      state === 'empty' ? null : topics.map(({ topic, partitions }) => ({ topic, partitionIds: [...partitions] })),
    transactionLastUpdateTimestampMs: updatedAtMs,
    transactionStartTimestampMs: startedAtMs,
  });
  return {
    key: encodeTransactionLogKey({ transactionalId }),
    value: encodeInternalValue(transactionLogValue, value, valueVersion),
  };
}

export const forgottenRecord = (transactionalId: string): CoordinatorRecord => ({
  key: encodeTransactionLogKey({ transactionalId }),
  value: null,
});

/** Null for a record of a kind that we don't know. */
export function readTransactionRecord(
  record: CoordinatorRecord,
): { readonly transactionalId: string; readonly transaction: Transaction | null } | null {
  const key = decodeTransactionLogKey(record.key);
  if (key === null) return null;
  const { transactionalId } = key;
  if (record.value === null) return { transactionalId, transaction: null };
  const value = decodeInternalValue(transactionLogValue, record.value);
  const state = (Object.keys(status) as TransactionState[]).find((name) => status[name] === value.transactionStatus);
  // Dead, and what later versions add: nothing may go on under it.
  if (state === undefined) return { transactionalId, transaction: null };
  return {
    transactionalId,
    transaction: {
      transactionalId,
      producerId: value.producerId,
      producerEpoch: value.producerEpoch,
      timeoutMs: value.transactionTimeoutMs,
      state,
      topics: (value.transactionPartitions ?? []).map(({ topic, partitionIds }) => ({
        topic,
        partitions: partitionIds,
      })),
      startedAtMs: value.transactionStartTimestampMs,
      updatedAtMs: value.transactionLastUpdateTimestampMs,
    },
  };
}
