// Everything an administrator asks or changes, as one object. The work is in topic-admin.ts, group-admin.ts,
// transaction-admin.ts and cluster-admin.ts.
import type { TopicPartition } from '../kernel/ids.ts';
import { createAdminCalls } from './admin-call.ts';
import type { Cluster, NodeAddress } from './cluster.ts';
import { type ClusterAdmin, createClusterAdmin } from './cluster-admin.ts';
import { createGroupAdmin, type GroupAdmin } from './group-admin.ts';
import { type Isolation, type ListedOffset, listOffsets, type OffsetSpec } from './list-offsets.ts';
import { createTopicAdmin, type TopicAdmin } from './topic-admin.ts';
import { createTransactionAdmin, type TransactionAdmin } from './transaction-admin.ts';

export interface ClusterDescription {
  readonly clusterId: string | null;
  readonly controllerId: number;
  readonly nodes: readonly NodeAddress[];
}

export interface Admin extends TopicAdmin, GroupAdmin, TransactionAdmin, ClusterAdmin {
  /** In the order asked for. @param isolation in 'readCommitted' the latest offset is the last stable one. Default 'readUncommitted' */
  listOffsets(partitions: readonly TopicPartition[], spec: OffsetSpec, isolation?: Isolation): Promise<ListedOffset[]>;
  describeCluster(): Promise<ClusterDescription>;
}

export function createAdmin(cluster: Cluster): Admin {
  const calls = createAdminCalls(cluster);
  return {
    ...createTopicAdmin(calls),
    ...createGroupAdmin(calls),
    ...createTransactionAdmin(calls),
    ...createClusterAdmin(calls),
    listOffsets: (partitions, spec, isolation) =>
      partitions.length === 0 ? Promise.resolve([]) : listOffsets(cluster, partitions, spec, isolation),
    async describeCluster() {
      const { clusterId, controllerId, nodes } = await cluster.metadata([]);
      return { clusterId, controllerId, nodes };
    },
  };
}
