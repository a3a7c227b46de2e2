// What an administrator asks of a cluster's nodes: who leads what and should, where replicas are and go. All of it is
// Kafka's, and any cluster that speaks its protocol answers.
import { Fault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { apis } from '../protocol/api-table.ts';
import { errorOf } from '../protocol/error-code.ts';
import type { AdminCalls } from './admin-call.ts';
import { byTopic } from './offsets.ts';
import { refusal } from './retry.ts';

export interface Reassignment extends TopicPartition {
  /** Nodes that are to have it, the preferred leader first; null takes back a move that is under way. */
  readonly replicas: readonly number[] | null;
}

export interface OngoingReassignment extends TopicPartition {
  readonly replicas: readonly number[];
  readonly adding: readonly number[];
  readonly removing: readonly number[];
}

export interface NodeStatus {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
  /** Not heard of: it leads nothing. */
  readonly fenced: boolean;
}

/** Where a partition is. */
export interface PartitionPlace extends TopicPartition {
  /** -1 while there is none. */
  readonly leader: number;
  /** The preferred leader first. */
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
}

/** A node that has the metadata log, or a part of it. */
export interface QuorumMember {
  readonly nodeId: number;
  /** After the last entry that its leader knows it to have; -1 where it knows of none. */
  readonly endOffset: number;
  /** Where other nodes ask it, where the cluster tells. */
  readonly address: { readonly host: string; readonly port: number } | null;
}

export interface QuorumStatus {
  readonly leader: number;
  readonly epoch: number;
  /** What is before it is committed. */
  readonly highWatermark: number;
  readonly voters: readonly QuorumMember[];
  readonly observers: readonly QuorumMember[];
}

export interface ClusterAdmin {
  /** Who keeps the metadata, as its leader knows it. */
  describeQuorum(): Promise<QuorumStatus>;
  /** Resolves when the moves have begun. @throws Fault `BROKER_ERROR` with the node's sentence */
  reassign(moves: readonly Reassignment[]): Promise<void>;
  listReassignments(): Promise<OngoingReassignment[]>;
  /** 'preferred': the first replica, where it is in sync. 'unclean': any that is up, and records may be lost. Null for all partitions. */
  electLeaders(election: 'preferred' | 'unclean', partitions: readonly TopicPartition[] | null): Promise<void>;
  /** Nodes that are not up too, where the cluster tells of them. */
  listNodes(): Promise<NodeStatus[]>;
  /** Of every topic, the cluster's own as well. */
  listPlaces(): Promise<PartitionPlace[]>;
  /** End offsets of a node's own copies, led there or not, by partition name; those it doesn't have are missing. */
  replicaEnds(nodeId: number, partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>>;
  /**
   * One more that votes on the metadata (KIP-853): where a node that runs listens for other nodes. Resolves once it is
   * committed. @throws Fault `BROKER_ERROR` with the node's sentence
   */
  addVoter(voter: { readonly nodeId: number; readonly host: string; readonly port: number }): Promise<void>;
  /** One less; it goes on following. @throws Fault `BROKER_ERROR` */
  removeVoter(nodeId: number): Promise<void>;
  /** The node that coordinates a group. */
  coordinatorOf(groupId: string): Promise<number>;
}

const timeoutMs = 30_000;
const metadataTopic = '__cluster_metadata';
/** What Kafka's tools for replicas say they are: they may ask followers. */
const anyReplica = -2;
const latest = -1;
const electionTypes = { preferred: 0, unclean: 1 } as const;

export function createClusterAdmin({ ask, cluster }: AdminCalls): ClusterAdmin {
  return {
    async reassign(moves) {
      const request = apis.alterPartitionReassignments.request.create({
        timeoutMs,
        topics: byTopic(moves).map(([name, own]) => ({
          name,
          partitions: own.map(({ partition, replicas }) => ({
            partitionIndex: partition,
            replicas: replicas === null ? null : [...replicas],
          })),
        })),
      });
      await ask('controller', 'alterPartitionReassignments', request, (answer) => {
        if (answer.errorCode !== 0)
          throw refusal('alterPartitionReassignments', answer.errorCode, 'the cluster', answer.errorMessage);
        for (const { name, partitions } of answer.responses)
          for (const { partitionIndex, errorCode, errorMessage } of partitions)
            if (errorCode !== 0)
              throw refusal(
                'alterPartitionReassignments',
                errorCode,
                partitionName({ topic: name, partition: partitionIndex }),
                errorMessage,
              );
      });
    },
    listReassignments: () =>
      ask(
        'controller',
        'listPartitionReassignments',
        apis.listPartitionReassignments.request.create({ timeoutMs }),
        (answer) => {
          if (answer.errorCode !== 0)
            throw refusal('listPartitionReassignments', answer.errorCode, 'the cluster', answer.errorMessage);
          return answer.topics.flatMap(({ name, partitions }) =>
            partitions.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) => ({
              ...{
                topic: name,
                partition: partitionIndex,
                replicas,
                adding: addingReplicas,
                removing: removingReplicas,
              },
            })),
          );
        },
      ),
    async electLeaders(election, partitions) {
      const request = apis.electLeaders.request.create({
        electionType: electionTypes[election],
        timeoutMs,
        topicPartitions:
          partitions === null
            ? null
            : byTopic(partitions).map(([topic, own]) => ({ topic, partitions: own.map(({ partition }) => partition) })),
      });
      await ask('controller', 'electLeaders', request, (answer) => {
        for (const { topic, partitionResult } of answer.replicaElectionResults)
          for (const { partitionId, errorCode, errorMessage } of partitionResult)
            if (errorCode !== 0 && errorOf(errorCode).name !== 'ELECTION_NOT_NEEDED')
              throw refusal('electLeaders', errorCode, partitionName({ topic, partition: partitionId }), errorMessage);
      });
    },
    listNodes: () =>
      ask(
        'any',
        'describeCluster',
        (version) => apis.describeCluster.request.create(version >= 2 ? { includeFencedBrokers: true } : {}),
        ({ errorCode, errorMessage, brokers }) => {
          if (errorCode !== 0) throw refusal('describeCluster', errorCode, 'the cluster', errorMessage);
          return brokers
            .map(({ brokerId, isFenced, ...node }) => ({ nodeId: brokerId, ...node, fenced: isFenced }))
            .sort((a, b) => a.nodeId - b.nodeId);
        },
      ),
    async listPlaces() {
      const { topics } = await cluster.metadata(null);
      return topics.flatMap(({ name: topic, partitions }) =>
        partitions.map(({ partition, leader, replicas, inSyncReplicas: inSync }) => ({
          ...{ topic, partition, leader, replicas, inSync },
        })),
      );
    },
    replicaEnds: (nodeId, partitions) =>
      ask(
        nodeId,
        'listOffsets',
        apis.listOffsets.request.create({
          replicaId: anyReplica,
          topics: byTopic(partitions).map(([name, own]) => ({
            name,
            partitions: own.map(({ partition }) => ({ partitionIndex: partition, timestamp: latest })),
          })),
        }),
        ({ topics }) =>
          new Map(
            topics.flatMap(({ name: topic, partitions: own }) =>
              own.flatMap(({ partitionIndex: partition, errorCode, offset }) =>
                errorCode === 0 ? [[partitionName({ topic, partition }), offset] as const] : [],
              ),
            ),
          ),
      ),
    describeQuorum: () =>
      ask(
        'any',
        'describeQuorum',
        apis.describeQuorum.request.create({
          topics: [{ topicName: metadataTopic, partitions: [{ partitionIndex: 0 }] }],
        }),
        ({ errorCode, errorMessage, topics, nodes }) => {
          const found = topics[0]?.partitions[0];
          const code = errorCode !== 0 ? errorCode : (found?.errorCode ?? 0);
          if (code !== 0 || found === undefined)
            throw refusal('describeQuorum', code, 'the cluster', errorMessage ?? found?.errorMessage);
          const member = ({ replicaId, logEndOffset }: (typeof found.currentVoters)[number]): QuorumMember => {
            const [listener] = nodes.find(({ nodeId }) => nodeId === replicaId)?.listeners ?? [];
            const address = listener === undefined ? null : { host: listener.host, port: listener.port };
            return { nodeId: replicaId, endOffset: logEndOffset, address };
          };
          return {
            ...{ leader: found.leaderId, epoch: found.leaderEpoch, highWatermark: found.highWatermark },
            ...{ voters: found.currentVoters.map(member), observers: found.observers.map(member) },
          };
        },
      ),
    async addVoter({ nodeId, host, port }) {
      const listeners = [{ name: 'CONTROLLER', host, port }];
      const request = apis.addRaftVoter.request.create({ clusterId: null, timeoutMs, voterId: nodeId, listeners });
      await ask('controller', 'addRaftVoter', request, ({ errorCode, errorMessage }) => {
        if (errorCode !== 0) throw refusal('addRaftVoter', errorCode, `node ${nodeId}`, errorMessage);
      });
    },
    async removeVoter(nodeId) {
      const request = apis.removeRaftVoter.request.create({ clusterId: null, voterId: nodeId });
      await ask('controller', 'removeRaftVoter', request, ({ errorCode, errorMessage }) => {
        if (errorCode !== 0) throw refusal('removeRaftVoter', errorCode, `node ${nodeId}`, errorMessage);
      });
    },
    coordinatorOf: (groupId) =>
      ask(
        'any',
        'findCoordinator',
        (version) =>
          apis.findCoordinator.request.create(version >= 4 ? { coordinatorKeys: [groupId] } : { key: groupId }),
        (answer) => {
          const { errorCode, nodeId } = answer.coordinators[0] ?? answer;
          if (errorCode !== 0) throw refusal('findCoordinator', errorCode, `group '${groupId}'`);
          if (nodeId < 0) throw new Fault('GROUP_NOT_FOUND', { group: groupId });
          return nodeId;
        },
      ),
  };
}
