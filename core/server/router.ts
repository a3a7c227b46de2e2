// From an API's name to its handler. What has no line here is not served and not advertised.
import { isFault } from '../kernel/fault.ts';
import { type ApiName, apis, type RequestOf, type ResponseOf } from '../protocol/api-table.ts';
import { codeOf } from './error-names.ts';
import { failedResponse } from './failed-response.ts';
import type { Caller, Handler, NodeParts } from './handler.ts';
import { produce } from './handlers/00-produce.ts';
import { fetch } from './handlers/01-fetch.ts';
import { listOffsets } from './handlers/02-list-offsets.ts';
import { metadata } from './handlers/03-metadata.ts';
import { offsetCommit } from './handlers/08-offset-commit.ts';
import { offsetFetch } from './handlers/09-offset-fetch.ts';
import { findCoordinator } from './handlers/10-find-coordinator.ts';
import { joinGroup } from './handlers/11-join-group.ts';
import { heartbeat } from './handlers/12-heartbeat.ts';
import { leaveGroup } from './handlers/13-leave-group.ts';
import { syncGroup } from './handlers/14-sync-group.ts';
import { describeGroups } from './handlers/15-describe-groups.ts';
import { listGroups } from './handlers/16-list-groups.ts';
import { saslHandshake } from './handlers/17-sasl-handshake.ts';
import { apiVersions } from './handlers/18-api-versions.ts';
import { createTopics } from './handlers/19-create-topics.ts';
import { deleteTopics } from './handlers/20-delete-topics.ts';
import { deleteRecords } from './handlers/21-delete-records.ts';
import { initProducerId } from './handlers/22-init-producer-id.ts';
import { offsetForLeaderEpoch } from './handlers/23-offset-for-leader-epoch.ts';
import { addPartitionsToTxn } from './handlers/24-add-partitions-to-txn.ts';
import { addOffsetsToTxn } from './handlers/25-add-offsets-to-txn.ts';
import { endTxn } from './handlers/26-end-txn.ts';
import { writeTxnMarkers } from './handlers/27-write-txn-markers.ts';
import { txnOffsetCommit } from './handlers/28-txn-offset-commit.ts';
import { describeConfigs } from './handlers/32-describe-configs.ts';
import { alterConfigs } from './handlers/33-alter-configs.ts';
import { describeLogDirs } from './handlers/35-describe-log-dirs.ts';
import { saslAuthenticate } from './handlers/36-sasl-authenticate.ts';
import { createPartitions } from './handlers/37-create-partitions.ts';
import { deleteGroups } from './handlers/42-delete-groups.ts';
import { electLeaders } from './handlers/43-elect-leaders.ts';
import { incrementalAlterConfigs } from './handlers/44-incremental-alter-configs.ts';
import { alterPartitionReassignments } from './handlers/45-alter-partition-reassignments.ts';
import { listPartitionReassignments } from './handlers/46-list-partition-reassignments.ts';
import { offsetDelete } from './handlers/47-offset-delete.ts';
import { describeQuorum } from './handlers/55-describe-quorum.ts';
import { describeCluster } from './handlers/60-describe-cluster.ts';
import { describeProducers } from './handlers/61-describe-producers.ts';
import { describeTransactions } from './handlers/65-describe-transactions.ts';
import { listTransactions } from './handlers/66-list-transactions.ts';
import { consumerGroupHeartbeat } from './handlers/68-consumer-group-heartbeat.ts';
import { consumerGroupDescribe } from './handlers/69-consumer-group-describe.ts';
import { listConfigResources } from './handlers/74-list-config-resources.ts';
import { describeTopicPartitions } from './handlers/75-describe-topic-partitions.ts';
import { addRaftVoter } from './handlers/80-add-raft-voter.ts';
import { removeRaftVoter } from './handlers/81-remove-raft-voter.ts';
import { inTime, isLimited } from './in-time.ts';

const nodeCall: Handler<'nodeCall'> = async ({ kind, body }, { parts: { cluster } }) =>
  apis.nodeCall.response.create(
    cluster === null ? { errorCode: codeOf('NOT_CONTROLLER') } : await cluster.serve(kind, body ?? new Uint8Array(0)),
  );

const handlers: { readonly [N in ApiName]?: Handler<N> } = {
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  saslHandshake,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  addPartitionsToTxn,
  addOffsetsToTxn,
  endTxn,
  writeTxnMarkers,
  txnOffsetCommit,
  describeConfigs,
  alterConfigs,
  describeLogDirs,
  saslAuthenticate,
  createPartitions,
  deleteGroups,
  electLeaders,
  incrementalAlterConfigs,
  alterPartitionReassignments,
  listPartitionReassignments,
  offsetDelete,
  describeQuorum,
  describeCluster,
  describeProducers,
  describeTransactions,
  listTransactions,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  listConfigResources,
  describeTopicPartitions,
  addRaftVoter,
  removeRaftVoter,
  nodeCall,
};

/** What only nodes ask of each other, where controllers listen. */
export const nodeApis: readonly ApiName[] = ['nodeCall'];
/** The APIs that are served to clients. */
export const servedApis = (Object.keys(handlers) as readonly ApiName[]).filter((api) => !nodeApis.includes(api));

/**
 * Carries out a request, however it came. A handler that fails in a way nobody foresaw gets a line in the node's log and
 * its client UNKNOWN_SERVER_ERROR. Rejects with Fault `CLOSED` when the node closes, `CONNECTION_LOST` when it is cut off
 * (cut-off.ts), and with the reason of the caller's signal.
 *
 * @param version one that the API's message has; a listener answers others by itself
 */
export type Router = <N extends ApiName>(
  api: N,
  version: number,
  request: RequestOf<N>,
  caller: Caller,
) => Promise<ResponseOf<N>>;

export function createRouter(parts: NodeParts): Router {
  return async (api, version, request, caller) => {
    const handler = handlers[api];
    if (handler === undefined) throw new Error(`this node does not serve ${api}`);
    try {
      const answering = handler(request, { version, parts, caller });
      if (!isLimited(api)) return await answering;
      const answer = await inTime(answering, parts.clock, parts.settings['offsets.commit.timeout.ms']);
      return answer ?? failedResponse(api, version, request, codeOf('COORDINATOR_NOT_AVAILABLE'));
    } catch (error) {
      if (caller.signal?.aborted === true || isFault(error, 'CLOSED') || isFault(error, 'CONNECTION_LOST')) throw error;
      // No controller could be asked: what wasn't foreseen about it is only where that happened.
      if (isFault(error, 'NOT_CONTROLLER')) return failedResponse(api, version, request, codeOf('NOT_CONTROLLER'));
      parts.logger.error({ err: error, api, version, clientId: caller.clientId }, 'a request failed unexpectedly');
      return failedResponse(api, version, request, codeOf('UNKNOWN_SERVER_ERROR'));
    }
  };
}
