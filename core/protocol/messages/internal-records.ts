// Keys and values of the records in `__consumer_offsets` and `__transaction_state`, byte for byte as Kafka writes them,
// so that its tools can read ours. Each begins with an int16: in a key it says which kind of record this is, in a value
// it is the value's version. A null value is a tombstone, which is the log's affair and not seen here.
//
// Offset commit: values 0-4. Version 1 alone has an expiry time, 3 adds leader epochs, 4 is flexible, with topic ids.
// Group metadata: values 0-4. Version 1 adds rebalance timeouts, 2 the time of the last change, 3 static members, 4 is
// flexible.
// Transaction: values 0-1. Version 1 is flexible and adds the producer ids before and after and the client's
// transaction version.
import { ByteReader } from '../../kernel/byte-reader.ts';
import { ByteWriter } from '../../kernel/byte-writer.ts';
import { array, bytes, int8, int16, int32, int64, string, uuid } from '../fields.ts';
import { type Infer, type Message, message } from '../schema.ts';

export const offsetCommitKey = message(
  { name: 'OffsetCommitKey', versions: [0, 0] },
  { group: string(), topic: string(), partition: int32() },
);
export type OffsetCommitKey = Infer<typeof offsetCommitKey>;

export const groupMetadataKey = message({ name: 'GroupMetadataKey', versions: [0, 0] }, { group: string() });
export type GroupMetadataKey = Infer<typeof groupMetadataKey>;

export const offsetCommitValue = message(
  { name: 'OffsetCommitValue', versions: [0, 4], flexibleFrom: 4 },
  {
    offset: int64(),
    leaderEpoch: int32({ since: 3, fallback: -1, ignorable: true }),
    metadata: string(),
    commitTimestamp: int64(),
    expireTimestamp: int64({ since: 1, until: 1, fallback: -1, ignorable: true }),
    topicId: uuid({ since: 4, tag: 0, ignorable: true }),
  },
);
export type OffsetCommitValue = Infer<typeof offsetCommitValue>;

export const groupMetadataValue = message(
  { name: 'GroupMetadataValue', versions: [0, 4], flexibleFrom: 4 },
  {
    protocolType: string(),
    generation: int32(),
    protocol: string({ nullableFrom: 0 }),
    leader: string({ nullableFrom: 0 }),
    currentStateTimestamp: int64({ since: 2, fallback: -1, ignorable: true }),
    members: array({
      memberId: string(),
      groupInstanceId: string({ since: 3, nullableFrom: 3, fallback: null, ignorable: true }),
      clientId: string(),
      clientHost: string(),
      rebalanceTimeout: int32({ since: 1, fallback: -1, ignorable: true }),
      sessionTimeout: int32(),
      subscription: bytes(),
      assignment: bytes(),
    }),
  },
);
export type GroupMetadataValue = Infer<typeof groupMetadataValue>;

export const transactionLogKey = message(
  { name: 'TransactionLogKey', versions: [0, 0] },
  { transactionalId: string() },
);
export type TransactionLogKey = Infer<typeof transactionLogKey>;

export const transactionLogValue = message(
  { name: 'TransactionLogValue', versions: [0, 1], flexibleFrom: 1 },
  {
    producerId: int64(),
    previousProducerId: int64({ since: 1, tag: 0, fallback: -1 }),
    nextProducerId: int64({ since: 1, tag: 1, fallback: -1 }),
    producerEpoch: int16(),
    nextProducerEpoch: int16({ since: 1, tag: 3, fallback: -1 }),
    transactionTimeoutMs: int32(),
    /**
     * 0 empty, 1 ongoing, 2 prepare commit, 3 prepare abort, 4 complete commit, 5 complete abort, 6 dead, 7 prepare
     * epoch fence.
     */
    transactionStatus: int8(),
    transactionPartitions: array({ topic: string(), partitionIds: array(int32()) }, { nullableFrom: 0 }),
    transactionLastUpdateTimestampMs: int64(),
    transactionStartTimestampMs: int64(),
    clientTransactionVersion: int16({ since: 1, tag: 2 }),
  },
);
export type TransactionLogValue = Infer<typeof transactionLogValue>;

/** A key of `__consumer_offsets`; `other` is one of a newer kind (KIP-848 and later), to be left alone. */
export type ConsumerOffsetsKey =
  | ({ readonly kind: 'offsetCommit' } & OffsetCommitKey)
  | ({ readonly kind: 'groupMetadata' } & GroupMetadataKey)
  | { readonly kind: 'other'; readonly type: number };

/** Kind 0 is an offset commit too, of the same form, which Kafka no longer writes. */
const offsetCommitKinds = [0, 1];
const groupMetadataKind = 2;
const transactionKind = 0;

export const encodeOffsetCommitKey = (key: OffsetCommitKey): Uint8Array => prefixed(1, offsetCommitKey, key, 0);
export const encodeGroupMetadataKey = (key: GroupMetadataKey): Uint8Array =>
  prefixed(groupMetadataKind, groupMetadataKey, key, 0);

/** @throws Fault `MALFORMED_BYTES` */
export function decodeConsumerOffsetsKey(key: Uint8Array): ConsumerOffsetsKey {
  const reader = new ByteReader(key);
  const type = reader.int16();
  if (offsetCommitKinds.includes(type)) return { kind: 'offsetCommit', ...offsetCommitKey.decode(reader, 0) };
  if (type === groupMetadataKind) return { kind: 'groupMetadata', ...groupMetadataKey.decode(reader, 0) };
  return { kind: 'other', type };
}

export const encodeTransactionLogKey = (key: TransactionLogKey): Uint8Array =>
  prefixed(transactionKind, transactionLogKey, key, 0);

/** @returns null for a key of a kind that we don't know, to be left alone @throws Fault `MALFORMED_BYTES` */
export function decodeTransactionLogKey(key: Uint8Array): TransactionLogKey | null {
  const reader = new ByteReader(key);
  return reader.int16() === transactionKind ? transactionLogKey.decode(reader, 0) : null;
}

/**
 * @param version the newest that Kafka writes unless its newer features are on: offset commit 3, group metadata 3,
 * transaction 0
 */
export const encodeInternalValue = <T, I>(schema: Message<T, I>, value: T, version: number): Uint8Array =>
  prefixed(version, schema, value, version);

/** @throws Fault `MALFORMED_BYTES`, also for a version that is newer than we know */
export function decodeInternalValue<T, I>(schema: Message<T, I>, value: Uint8Array): T {
  const reader = new ByteReader(value);
  return schema.decode(reader, reader.int16());
}

function prefixed<T, I>(prefix: number, schema: Message<T, I>, value: T, version: number): Uint8Array {
  const writer = new ByteWriter(128);
  writer.int16(prefix);
  schema.encode(value, version, writer);
  return writer.take();
}
