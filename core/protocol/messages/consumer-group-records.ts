// Keys and values in `__consumer_offsets` of the groups of KIP-848, byte for byte as Kafka writes them. As with the
// older kinds (internal-records.ts, whose functions write and read the values), a key begins with the number of its
// kind and a value with its version, which is 0 throughout. Kind 4, partition metadata, is left out: Kafka writes none
// since 4.0. What the records mean is the coordinator's.
import { ByteReader } from '../../kernel/byte-reader.ts';
import { ByteWriter } from '../../kernel/byte-writer.ts';
import { array, bigint64, bytes, int8, int32, int64, string, struct, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

const groupKey = { groupId: string() };
const memberKey = { groupId: string(), memberId: string() };
const partitions = { topicId: uuid(), partitions: array(int32()) };

export const consumerGroupMetadataKey = message({ name: 'ConsumerGroupMetadataKey', versions: [0, 0] }, groupKey);

export const consumerGroupMetadataValue = message(
  { name: 'ConsumerGroupMetadataValue', versions: [0, 0], flexibleFrom: 0 },
  {
    epoch: int32(),
    /** A hash of 64 bits over the topics that the group reads. */
    metadataHash: bigint64({ tag: 0 }),
  },
);
export type ConsumerGroupMetadataValue = Infer<typeof consumerGroupMetadataValue>;

export const consumerGroupMemberMetadataKey = message(
  { name: 'ConsumerGroupMemberMetadataKey', versions: [0, 0] },
  memberKey,
);

/** What is nullable has '' and an empty struct as its default, as in Kafka's classes: say null where that is meant. */
export const consumerGroupMemberMetadataValue = message(
  { name: 'ConsumerGroupMemberMetadataValue', versions: [0, 0], flexibleFrom: 0 },
  {
    instanceId: string({ nullableFrom: 0 }),
    rackId: string({ nullableFrom: 0 }),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: array(string()),
    subscribedTopicRegex: string({ nullableFrom: 0 }),
    rebalanceTimeoutMs: int32({ fallback: -1 }),
    serverAssignor: string({ nullableFrom: 0 }),
    classicMemberMetadata: struct(
      { sessionTimeoutMs: int32(), supportedProtocols: array({ name: string(), metadata: bytes() }) },
      { tag: 0, nullableFrom: 0 },
    ),
  },
);
export type ConsumerGroupMemberMetadataValue = Infer<typeof consumerGroupMemberMetadataValue>;

export const consumerGroupTargetAssignmentMetadataKey = message(
  { name: 'ConsumerGroupTargetAssignmentMetadataKey', versions: [0, 0] },
  groupKey,
);

export const consumerGroupTargetAssignmentMetadataValue = message(
  { name: 'ConsumerGroupTargetAssignmentMetadataValue', versions: [0, 0], flexibleFrom: 0 },
  { assignmentEpoch: int32(), assignmentTimestamp: int64({ tag: 0 }) },
);
export type ConsumerGroupTargetAssignmentMetadataValue = Infer<typeof consumerGroupTargetAssignmentMetadataValue>;

export const consumerGroupTargetAssignmentMemberKey = message(
  { name: 'ConsumerGroupTargetAssignmentMemberKey', versions: [0, 0] },
  memberKey,
);

export const consumerGroupTargetAssignmentMemberValue = message(
  { name: 'ConsumerGroupTargetAssignmentMemberValue', versions: [0, 0], flexibleFrom: 0 },
  { topicPartitions: array(partitions) },
);
export type ConsumerGroupTargetAssignmentMemberValue = Infer<typeof consumerGroupTargetAssignmentMemberValue>;

export const consumerGroupCurrentMemberAssignmentKey = message(
  { name: 'ConsumerGroupCurrentMemberAssignmentKey', versions: [0, 0] },
  memberKey,
);

/** When each partition was assigned, as many as there are partitions; null where that wasn't kept. */
const epochs = { assignmentEpochs: array(int32(), { tag: 0, nullableFrom: 0 }) };

export const consumerGroupCurrentMemberAssignmentValue = message(
  { name: 'ConsumerGroupCurrentMemberAssignmentValue', versions: [0, 0], flexibleFrom: 0 },
  {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    /** 0 stable, 1 unrevoked partitions, 2 unreleased partitions, 127 unknown. */
    state: int8(),
    assignedPartitions: array({ ...partitions, ...epochs }),
    partitionsPendingRevocation: array({ ...partitions, ...epochs }),
  },
);
export type ConsumerGroupCurrentMemberAssignmentValue = Infer<typeof consumerGroupCurrentMemberAssignmentValue>;

export const consumerGroupRegularExpressionKey = message(
  { name: 'ConsumerGroupRegularExpressionKey', versions: [0, 0] },
  { groupId: string(), regularExpression: string() },
);

export const consumerGroupRegularExpressionValue = message(
  { name: 'ConsumerGroupRegularExpressionValue', versions: [0, 0], flexibleFrom: 0 },
  { topics: array(string()), version: int64(), timestamp: int64() },
);
export type ConsumerGroupRegularExpressionValue = Infer<typeof consumerGroupRegularExpressionValue>;

const kinds = {
  metadata: { type: 3, key: consumerGroupMetadataKey },
  memberMetadata: { type: 5, key: consumerGroupMemberMetadataKey },
  targetAssignmentMetadata: { type: 6, key: consumerGroupTargetAssignmentMetadataKey },
  targetAssignmentMember: { type: 7, key: consumerGroupTargetAssignmentMemberKey },
  currentMemberAssignment: { type: 8, key: consumerGroupCurrentMemberAssignmentKey },
  regularExpression: { type: 16, key: consumerGroupRegularExpressionKey },
} as const;

type Kind = keyof typeof kinds;
/** What a record of KIP-848 is about. */
export type ConsumerGroupKey = { [K in Kind]: { readonly kind: K } & Infer<(typeof kinds)[K]['key']> }[Kind];

const kindByType: ReadonlyMap<number, Kind> = new Map(
  (Object.keys(kinds) as Kind[]).map((kind) => [kinds[kind].type, kind]),
);

export function encodeConsumerGroupKey(key: ConsumerGroupKey): Uint8Array {
  const writer = new ByteWriter(128);
  writer.int16(kinds[key.kind].type);
  kinds[key.kind].key.encode(key as never, 0, writer);
  return writer.take();
}

/** @returns null for a key of another kind @throws Fault `MALFORMED_BYTES` */
export function decodeConsumerGroupKey(key: Uint8Array): ConsumerGroupKey | null {
  const reader = new ByteReader(key);
  const kind = kindByType.get(reader.int16());
  return kind === undefined ? null : ({ kind, ...kinds[kind].key.decode(reader, 0) } as ConsumerGroupKey);
}
