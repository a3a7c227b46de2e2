// `millrace/client`: producers, consumers and administration of any cluster that speaks Kafka's protocol.
export { BatchBuilder } from '../protocol/batch-builder.ts';
export { loadCompression } from '../protocol/compression/registry.ts';
export { RecordCursor, type RecordHeaders } from '../protocol/record-cursor.ts';
export type { Network, Records, Transport } from '../protocol/transport.ts';
export { parseBootstrap } from './address.ts';
export type { Admin, ClusterDescription } from './admin.ts';
export type { FetchedPartition, FetchPosition } from './assigned-partition.ts';
export {
  type Assignor,
  type AssignorMember,
  type AssignorName,
  assignors,
} from './assignors.ts';
export { type Client, type ClientOptions, createClient } from './client.ts';
export type { Cluster, ClusterMetadata, NodeAddress, PartitionMetadata, TopicMetadata } from './cluster.ts';
export type { NodeStatus, OngoingReassignment, PartitionPlace, Reassignment } from './cluster-admin.ts';
export type { Consumer, ConsumerOptions } from './consumer.ts';
export {
  type Assignment,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type Subscription,
  type TopicPartitions,
} from './consumer-protocol.ts';
export type { Fetcher, FetcherOptions } from './fetcher.ts';
export type { GroupDescription, GroupMemberDescription, GroupOffset, GroupSummary, ResetTo } from './group-admin.ts';
export type { GroupGeneration } from './group-generation.ts';
export type { GroupMember, GroupMemberOptions, MemberMetadata } from './group-member.ts';
export { inProcess } from './in-process.ts';
export type { Isolation, ListedOffset, OffsetSpec } from './list-offsets.ts';
export type { CommittedOffset, Offsets, OffsetToCommit } from './offsets.ts';
export { portNetwork, servePort } from './port.ts';
export type { Producer, ProducerOptions, RecordToSend, SentRecord } from './producer.ts';
export type { ConsumerRecord } from './record-queue.ts';
export { isRetriable, refusedWith } from './retry.ts';
export type { BearerToken, SaslOptions, SecurityOptions, TlsOptions } from './security.ts';
export { type TcpOptions, tcpNetwork } from './tcp.ts';
export type {
  ConfigEntry,
  ConfigResource,
  NewTopic,
  PartitionDescription,
  TopicDescription,
  TopicSummary,
} from './topic-admin.ts';
export type { TransactionSummary } from './transaction-admin.ts';
