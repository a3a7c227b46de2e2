// Every API we speak: its key, its messages and the versions that we serve. An API that isn't here is neither served
// nor called. What is done with a request is in the server's handlers, nowhere here.
import { produceRequest, produceResponse } from './messages/00-produce.ts';
import { fetchRequest, fetchResponse } from './messages/01-fetch.ts';
import { listOffsetsRequest, listOffsetsResponse } from './messages/02-list-offsets.ts';
import { metadataRequest, metadataResponse } from './messages/03-metadata.ts';
import { offsetCommitRequest, offsetCommitResponse } from './messages/08-offset-commit.ts';
import { offsetFetchRequest, offsetFetchResponse } from './messages/09-offset-fetch.ts';
import { findCoordinatorRequest, findCoordinatorResponse } from './messages/10-find-coordinator.ts';
import { joinGroupRequest, joinGroupResponse } from './messages/11-join-group.ts';
import { heartbeatRequest, heartbeatResponse } from './messages/12-heartbeat.ts';
import { leaveGroupRequest, leaveGroupResponse } from './messages/13-leave-group.ts';
import { syncGroupRequest, syncGroupResponse } from './messages/14-sync-group.ts';
import { describeGroupsRequest, describeGroupsResponse } from './messages/15-describe-groups.ts';
import { listGroupsRequest, listGroupsResponse } from './messages/16-list-groups.ts';
import { saslHandshakeRequest, saslHandshakeResponse } from './messages/17-sasl-handshake.ts';
import { apiVersionsRequest, apiVersionsResponse } from './messages/18-api-versions.ts';
import { createTopicsRequest, createTopicsResponse } from './messages/19-create-topics.ts';
import { deleteTopicsRequest, deleteTopicsResponse } from './messages/20-delete-topics.ts';
import { deleteRecordsRequest, deleteRecordsResponse } from './messages/21-delete-records.ts';
import { initProducerIdRequest, initProducerIdResponse } from './messages/22-init-producer-id.ts';
import { offsetForLeaderEpochRequest, offsetForLeaderEpochResponse } from './messages/23-offset-for-leader-epoch.ts';
import { addPartitionsToTxnRequest, addPartitionsToTxnResponse } from './messages/24-add-partitions-to-txn.ts';
import { addOffsetsToTxnRequest, addOffsetsToTxnResponse } from './messages/25-add-offsets-to-txn.ts';
import { endTxnRequest, endTxnResponse } from './messages/26-end-txn.ts';
import { writeTxnMarkersRequest, writeTxnMarkersResponse } from './messages/27-write-txn-markers.ts';
import { txnOffsetCommitRequest, txnOffsetCommitResponse } from './messages/28-txn-offset-commit.ts';
import { describeConfigsRequest, describeConfigsResponse } from './messages/32-describe-configs.ts';
import { alterConfigsRequest, alterConfigsResponse } from './messages/33-alter-configs.ts';
import { describeLogDirsRequest, describeLogDirsResponse } from './messages/35-describe-log-dirs.ts';
import { saslAuthenticateRequest, saslAuthenticateResponse } from './messages/36-sasl-authenticate.ts';
import { createPartitionsRequest, createPartitionsResponse } from './messages/37-create-partitions.ts';
import { deleteGroupsRequest, deleteGroupsResponse } from './messages/42-delete-groups.ts';
import { electLeadersRequest, electLeadersResponse } from './messages/43-elect-leaders.ts';
import {
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
} from './messages/44-incremental-alter-configs.ts';
import {
  alterPartitionReassignmentsRequest,
  alterPartitionReassignmentsResponse,
} from './messages/45-alter-partition-reassignments.ts';
import {
  listPartitionReassignmentsRequest,
  listPartitionReassignmentsResponse,
} from './messages/46-list-partition-reassignments.ts';
import { offsetDeleteRequest, offsetDeleteResponse } from './messages/47-offset-delete.ts';
import { describeQuorumRequest, describeQuorumResponse } from './messages/55-describe-quorum.ts';
import { describeClusterRequest, describeClusterResponse } from './messages/60-describe-cluster.ts';
import { describeProducersRequest, describeProducersResponse } from './messages/61-describe-producers.ts';
import { describeTransactionsRequest, describeTransactionsResponse } from './messages/65-describe-transactions.ts';
import { listTransactionsRequest, listTransactionsResponse } from './messages/66-list-transactions.ts';
import {
  consumerGroupHeartbeatRequest,
  consumerGroupHeartbeatResponse,
} from './messages/68-consumer-group-heartbeat.ts';
import { consumerGroupDescribeRequest, consumerGroupDescribeResponse } from './messages/69-consumer-group-describe.ts';
import { listConfigResourcesRequest, listConfigResourcesResponse } from './messages/74-list-config-resources.ts';
import {
  describeTopicPartitionsRequest,
  describeTopicPartitionsResponse,
} from './messages/75-describe-topic-partitions.ts';
import { addRaftVoterRequest, addRaftVoterResponse } from './messages/80-add-raft-voter.ts';
import { removeRaftVoterRequest, removeRaftVoterResponse } from './messages/81-remove-raft-voter.ts';
import { nodeCallRequest, nodeCallResponse } from './node-call.ts';
import type { Infer, InitOf, Message } from './schema.ts';

interface Api {
  readonly key: number;
  readonly request: Message;
  readonly response: Message;
  /**
   * What ApiVersions answers: the range with which every client worked that was tried. A request of a version in here
   * that its message lacks (old Produce) gets UNSUPPORTED_VERSION.
   */
  readonly served: readonly [lowest: number, highest: number];
}

export const apis = {
  produce: { key: 0, request: produceRequest, response: produceResponse, served: [0, 13] },
  fetch: { key: 1, request: fetchRequest, response: fetchResponse, served: [4, 18] },
  listOffsets: { key: 2, request: listOffsetsRequest, response: listOffsetsResponse, served: [1, 11] },
  metadata: { key: 3, request: metadataRequest, response: metadataResponse, served: [0, 13] },
  offsetCommit: { key: 8, request: offsetCommitRequest, response: offsetCommitResponse, served: [2, 10] },
  offsetFetch: { key: 9, request: offsetFetchRequest, response: offsetFetchResponse, served: [1, 10] },
  findCoordinator: { key: 10, request: findCoordinatorRequest, response: findCoordinatorResponse, served: [0, 6] },
  joinGroup: { key: 11, request: joinGroupRequest, response: joinGroupResponse, served: [0, 9] },
  heartbeat: { key: 12, request: heartbeatRequest, response: heartbeatResponse, served: [0, 4] },
  leaveGroup: { key: 13, request: leaveGroupRequest, response: leaveGroupResponse, served: [0, 5] },
  syncGroup: { key: 14, request: syncGroupRequest, response: syncGroupResponse, served: [0, 5] },
  describeGroups: { key: 15, request: describeGroupsRequest, response: describeGroupsResponse, served: [0, 6] },
  listGroups: { key: 16, request: listGroupsRequest, response: listGroupsResponse, served: [0, 5] },
  saslHandshake: { key: 17, request: saslHandshakeRequest, response: saslHandshakeResponse, served: [0, 1] },
  apiVersions: { key: 18, request: apiVersionsRequest, response: apiVersionsResponse, served: [0, 4] },
  createTopics: { key: 19, request: createTopicsRequest, response: createTopicsResponse, served: [2, 7] },
  deleteTopics: { key: 20, request: deleteTopicsRequest, response: deleteTopicsResponse, served: [1, 6] },
  deleteRecords: { key: 21, request: deleteRecordsRequest, response: deleteRecordsResponse, served: [0, 2] },
  initProducerId: { key: 22, request: initProducerIdRequest, response: initProducerIdResponse, served: [0, 5] },
  offsetForLeaderEpoch: {
    key: 23,
    request: offsetForLeaderEpochRequest,
    response: offsetForLeaderEpochResponse,
    served: [2, 4],
  },
  addPartitionsToTxn: {
    key: 24,
    request: addPartitionsToTxnRequest,
    response: addPartitionsToTxnResponse,
    served: [0, 5],
  },
  addOffsetsToTxn: { key: 25, request: addOffsetsToTxnRequest, response: addOffsetsToTxnResponse, served: [0, 4] },
  endTxn: { key: 26, request: endTxnRequest, response: endTxnResponse, served: [0, 4] },
  writeTxnMarkers: { key: 27, request: writeTxnMarkersRequest, response: writeTxnMarkersResponse, served: [1, 2] },
  txnOffsetCommit: { key: 28, request: txnOffsetCommitRequest, response: txnOffsetCommitResponse, served: [0, 4] },
  describeConfigs: { key: 32, request: describeConfigsRequest, response: describeConfigsResponse, served: [1, 4] },
  alterConfigs: { key: 33, request: alterConfigsRequest, response: alterConfigsResponse, served: [0, 2] },
  describeLogDirs: { key: 35, request: describeLogDirsRequest, response: describeLogDirsResponse, served: [1, 4] },
  saslAuthenticate: { key: 36, request: saslAuthenticateRequest, response: saslAuthenticateResponse, served: [0, 2] },
  createPartitions: { key: 37, request: createPartitionsRequest, response: createPartitionsResponse, served: [0, 3] },
  deleteGroups: { key: 42, request: deleteGroupsRequest, response: deleteGroupsResponse, served: [0, 2] },
  electLeaders: { key: 43, request: electLeadersRequest, response: electLeadersResponse, served: [0, 2] },
  incrementalAlterConfigs: {
    key: 44,
    request: incrementalAlterConfigsRequest,
    response: incrementalAlterConfigsResponse,
    served: [0, 1],
  },
  alterPartitionReassignments: {
    key: 45,
    request: alterPartitionReassignmentsRequest,
    response: alterPartitionReassignmentsResponse,
    served: [0, 1],
  },
  listPartitionReassignments: {
    key: 46,
    request: listPartitionReassignmentsRequest,
    response: listPartitionReassignmentsResponse,
    served: [0, 0],
  },
  offsetDelete: { key: 47, request: offsetDeleteRequest, response: offsetDeleteResponse, served: [0, 0] },
  describeQuorum: { key: 55, request: describeQuorumRequest, response: describeQuorumResponse, served: [0, 2] },
  describeCluster: { key: 60, request: describeClusterRequest, response: describeClusterResponse, served: [0, 2] },
  describeProducers: {
    key: 61,
    request: describeProducersRequest,
    response: describeProducersResponse,
    served: [0, 0],
  },
  describeTransactions: {
    key: 65,
    request: describeTransactionsRequest,
    response: describeTransactionsResponse,
    served: [0, 0],
  },
  listTransactions: { key: 66, request: listTransactionsRequest, response: listTransactionsResponse, served: [0, 2] },
  consumerGroupHeartbeat: {
    key: 68,
    request: consumerGroupHeartbeatRequest,
    response: consumerGroupHeartbeatResponse,
    served: [0, 1],
  },
  consumerGroupDescribe: {
    key: 69,
    request: consumerGroupDescribeRequest,
    response: consumerGroupDescribeResponse,
    served: [0, 1],
  },
  listConfigResources: {
    key: 74,
    request: listConfigResourcesRequest,
    response: listConfigResourcesResponse,
    served: [0, 1],
  },
  describeTopicPartitions: {
    key: 75,
    request: describeTopicPartitionsRequest,
    response: describeTopicPartitionsResponse,
    served: [0, 0],
  },
  addRaftVoter: { key: 80, request: addRaftVoterRequest, response: addRaftVoterResponse, served: [0, 1] },
  removeRaftVoter: { key: 81, request: removeRaftVoterRequest, response: removeRaftVoterResponse, served: [0, 0] },
  nodeCall: { key: 20_000, request: nodeCallRequest, response: nodeCallResponse, served: [0, 0] },
} as const satisfies Record<string, Api>;

export type ApiName = keyof typeof apis;
export type RequestOf<N extends ApiName> = Infer<(typeof apis)[N]['request']>;
export type ResponseOf<N extends ApiName> = Infer<(typeof apis)[N]['response']>;
/** Any part of a request: what `apis[name].request.create` takes. */
export type RequestInit<N extends ApiName> = InitOf<(typeof apis)[N]['request']>;
export type ResponseInit<N extends ApiName> = InitOf<(typeof apis)[N]['response']>;

export const apiNames = Object.keys(apis) as readonly ApiName[];

const nameByKey: ReadonlyMap<number, ApiName> = new Map(apiNames.map((name) => [apis[name].key, name]));

/** The API of a key that a peer sent, or undefined where we don't speak it. */
export const apiOfKey = (key: number): ApiName | undefined => nameByKey.get(key);

/** Whether a request of that version can be decoded and answered in its own version. */
export function speaks(name: ApiName, version: number): boolean {
  const [lowest, highest] = apis[name].request.versions;
  return version >= lowest && version <= highest;
}

/** The rows of an ApiVersions answer, by key. @param names which of them the node serves; default all */
export const servedVersions = (names: readonly ApiName[] = apiNames) =>
  names
    .map((name) => apis[name])
    .map(({ key, served: [lowest, highest] }) => ({ apiKey: key, minVersion: lowest, maxVersion: highest }))
    .sort((a, b) => a.apiKey - b.apiKey);
