// From an API's name to its handler. What has no line here is not served and not advertised.
import type { ApiName, RequestOf, ResponseOf } from '../protocol/api-table.ts';
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
import { apiVersions } from './handlers/18-api-versions.ts';
import { createTopics } from './handlers/19-create-topics.ts';
import { deleteTopics } from './handlers/20-delete-topics.ts';
import { deleteRecords } from './handlers/21-delete-records.ts';
import { initProducerId } from './handlers/22-init-producer-id.ts';
import { offsetForLeaderEpoch } from './handlers/23-offset-for-leader-epoch.ts';
import { addPartitionsToTxn } from './handlers/24-add-partitions-to-txn.ts';
import { addOffsetsToTxn } from './handlers/25-add-offsets-to-txn.ts';
import { endTxn } from './handlers/26-end-txn.ts';
import { txnOffsetCommit } from './handlers/28-txn-offset-commit.ts';
import { describeConfigs } from './handlers/32-describe-configs.ts';
import { createPartitions } from './handlers/37-create-partitions.ts';
import { deleteGroups } from './handlers/42-delete-groups.ts';
import { incrementalAlterConfigs } from './handlers/44-incremental-alter-configs.ts';
import { offsetDelete } from './handlers/47-offset-delete.ts';
import { describeCluster } from './handlers/60-describe-cluster.ts';
import { describeProducers } from './handlers/61-describe-producers.ts';
import { describeTransactions } from './handlers/65-describe-transactions.ts';
import { listTransactions } from './handlers/66-list-transactions.ts';
import { consumerGroupHeartbeat } from './handlers/68-consumer-group-heartbeat.ts';
import { consumerGroupDescribe } from './handlers/69-consumer-group-describe.ts';

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
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  addPartitionsToTxn,
  addOffsetsToTxn,
  endTxn,
  txnOffsetCommit,
  describeConfigs,
  createPartitions,
  deleteGroups,
  incrementalAlterConfigs,
  offsetDelete,
  describeCluster,
  describeProducers,
  describeTransactions,
  listTransactions,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
};

/** The APIs that are served. */
export const servedApis = Object.keys(handlers) as readonly ApiName[];

/**
 * Carries out a request, however it came. Rejects for what nobody foresaw, and with the reason of the caller's signal.
 * @param version one that the API's message has; a listener answers others by itself
 */
export type Router = <N extends ApiName>(
  api: N,
  version: number,
  request: RequestOf<N>,
  caller: Caller,
) => Promise<ResponseOf<N>>;

export const createRouter =
  (parts: NodeParts): Router =>
  (api, version, request, caller) => {
    const handler = handlers[api];
    if (handler === undefined) return Promise.reject(new Error(`this node does not serve ${api}`));
    return handler(request, { version, parts, caller });
  };
