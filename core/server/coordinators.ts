// The coordinators of a node put on its partitions: of groups, of transactions, and what goes between the two and the logs.
// What belongs to a partition that another node leads is asked of that node.
import type { TopicImage } from '../controller/catalog.ts';
import { createGroupShard, type GroupShard } from '../coordinator/group/group-shard.ts';
import { type CoordinatorRuntime, createCoordinatorRuntime, passedBy } from '../coordinator/runtime.ts';
import type { ShardLog, TransactionMarker } from '../coordinator/shard.ts';
import {
  createTransactionCoordinator,
  type Refusable,
  type TransactionCoordinator,
} from '../coordinator/transaction/coordinator.ts';
import { isFault } from '../kernel/fault.ts';
import { partitionName } from '../kernel/ids.ts';
import { refusal } from '../log/refusal.ts';
import { apis, type ResponseOf } from '../protocol/api-table.ts';
import { type ErrorName, errorOf } from '../protocol/error-code.ts';
import { isCutOff } from './cut-off.ts';
import type { NodeParts } from './handler.ts';
import type { NodeSettings } from './node-config.ts';
import type { Partitions } from './partitions.ts';
import { createShardLog, markerBatch } from './shard-log.ts';
import { offsetsTopic, transactionsTopic } from './topic-rules.ts';
import { createTransactionCheck } from './transaction-check.ts';

export type Coordinators = Pick<NodeParts, 'groups' | 'transactions' | 'transactionCheck' | 'writeMarker'>;

export interface CoordinatorParts
  extends Pick<
    NodeParts,
    'topics' | 'partitions' | 'catalog' | 'cluster' | 'settings' | 'clock' | 'random' | 'logger'
  > {
  /** Partitions of a topic that this node leads and that have a log. */
  readonly ledOf: (topic: string) => Promise<readonly number[]>;
  readonly onTransactionsDropped: (partition: number) => void;
}

const markersVersion = 1;
const verifyVersion = 5;

export function createCoordinators(parts: CoordinatorParts): Coordinators {
  const { topics, partitions, catalog, settings, clock, random, logger, cluster } = parts;
  const peer = cluster?.peer ?? null;

  async function openLog(name: string, partition: number): Promise<ShardLog> {
    const topic = await topics.internal(name);
    try {
      const led = await partitions.led(topic, partition);
      return createShardLog(led, clock, () => isCutOff(parts, led));
    } catch (error) {
      if (!isFault(error, 'LOG_REFUSED') || error.detail.error !== 'NOT_LEADER_OR_FOLLOWER') throw error;
      throw refusal(partitionName({ topic: name, partition }), {
        error: 'NOT_COORDINATOR',
        why: 'another node leads it',
      });
    }
  }

  // The topic may have been made by an earlier life of the node, whose setting was another.
  const wiring = (topic: string, setting: number) => ({
    topic,
    partitions: () => catalog.image.topics.get(topic)?.partitions ?? setting,
    openLog,
    existing: () => parts.ledOf(topic),
    clock,
    logger,
  });
  const groups: CoordinatorRuntime<GroupShard> = createCoordinatorRuntime<GroupShard>({
    ...wiring(offsetsTopic, settings['offsets.topic.num.partitions']),
    makeShard: (context) =>
      createGroupShard(context, {
        settings: groupSettings(settings),
        random,
        consumerSettings: consumerGroupSettings(settings),
        directory: catalog.image,
      }),
  });

  async function writeMarker(topic: TopicImage, partition: number, marker: TransactionMarker): Promise<void> {
    const led = await partitions.led(topic, partition);
    const { log } = led;
    transactionCheck.ended(log, marker.producerId);
    if (topic.name === offsetsTopic) return groups.endTransaction(partition, marker);
    const { lastOffset } = await led.append([markerBatch(marker, clock.now())], { origin: 'coordinator' });
    const replicated = led.replicated(lastOffset + 1);
    if (replicated !== true && !(await replicated))
      throw refusal(partitionName(log), { error: 'NOT_LEADER_OR_FOLLOWER', why: 'another node leads it' });
  }

  async function writeMarkerWhereItIs(topic: TopicImage, partition: number, marker: TransactionMarker): Promise<void> {
    const leader = elsewhere(topic, partition, partitions, settings.nodeId);
    if (leader === null || peer === null) return writeMarker(topic, partition, marker);
    const { producerId, producerEpoch, coordinatorEpoch, commit } = marker;
    const request = apis.writeTxnMarkers.request.create({
      markers: [
        {
          ...{ producerId, producerEpoch, coordinatorEpoch, transactionResult: commit },
          topics: [{ name: topic.name, partitionIndexes: [partition] }],
        },
      ],
    });
    const answer = await peer(leader)('writeTxnMarkers', markersVersion, request);
    const errorCode = answer.markers[0]?.topics[0]?.partitions[0]?.errorCode ?? -1;
    if (errorCode === 0) return;
    const error = errorOf(errorCode).name;
    throw refusal(partitionName({ topic: topic.name, partition }), {
      error: passedBy.includes(error) ? (error as 'INVALID_PRODUCER_EPOCH') : 'NOT_LEADER_OR_FOLLOWER',
      why: `node ${leader} answers ${error}`,
    });
  }

  /** Asked of whoever coordinates the transaction. */
  async function verify(...asked: Parameters<TransactionCoordinator['verify']>): Promise<Refusable<object>> {
    const [transactionalId, { producerId, producerEpoch }, name, partition] = asked;
    const topic = catalog.image.topics.get(transactionsTopic);
    const at = transactions.partitionFor(transactionalId);
    const leader = topic === undefined ? null : elsewhere(topic, at, partitions, settings.nodeId);
    if (leader === null || peer === null) return transactions.verify(...asked);
    const request = apis.addPartitionsToTxn.request.create({
      transactions: [
        {
          ...{ transactionalId, producerId, producerEpoch, verifyOnly: true },
          topics: [{ name, partitions: [partition] }],
        },
      ],
    });
    let answer: ResponseOf<'addPartitionsToTxn'>;
    try {
      answer = await peer(leader)('addPartitionsToTxn', verifyVersion, request);
    } catch (error) {
      if (!isFault(error, 'CONNECTION_LOST')) throw error;
      throw refusal(transactionalId, { error: 'NOT_COORDINATOR', why: error.message });
    }
    const result = answer.resultsByTransaction[0]?.topicResults[0]?.resultsByPartition[0];
    const error: ErrorName = errorOf(result?.partitionErrorCode ?? -1).name;
    return { error } as Refusable<object>;
  }

  const transactionCheck = createTransactionCheck({ verify });
  const transactions = createTransactionCoordinator({
    ...wiring(transactionsTopic, settings['transaction.state.log.num.partitions']),
    onDropped: parts.onTransactionsDropped,
    async writeMarker(name, partition, marker) {
      const topic = catalog.image.topics.get(name);
      if (topic === undefined || partition >= topic.partitions) return;
      try {
        await writeMarkerWhereItIs(topic, partition, marker);
      } catch (error) {
        // Someone else's marker, of a later epoch, has ended it here already: for ever trying again would help nobody.
        if (!isFault(error, 'LOG_REFUSED') || !passedBy.includes(error.detail.error)) throw error;
        logger.warn(
          { err: error, topic: name, partition },
          'a transaction had been ended in a partition by someone else',
        );
      }
    },
    allocateProducerId: () => catalog.producerId(),
    settings: {
      timeoutMsMax: settings['transaction.max.timeout.ms'],
      expirationMs: settings['transactional.id.expiration.ms'],
    },
    random,
  });
  return { groups, transactions, transactionCheck, writeMarker };
}

/** The node that leads a partition, where it is another one; null where it is this one, or nobody does. */
function elsewhere(topic: TopicImage, partition: number, partitions: Partitions, nodeId: number): number | null {
  const { leaderId } = partitions.place(topic, partition);
  return leaderId < 0 || leaderId === nodeId ? null : leaderId;
}

const groupSettings = (settings: NodeSettings) => ({
  initialRebalanceDelayMs: settings['group.initial.rebalance.delay.ms'],
  sessionTimeoutMsMin: settings['group.min.session.timeout.ms'],
  sessionTimeoutMsMax: settings['group.max.session.timeout.ms'],
  membersMax: settings['group.max.size'],
  offsetsRetentionMs: settings['offsets.retention.minutes'] * 60_000,
  offsetMetadataBytesMax: settings['offset.metadata.max.bytes'],
});

const consumerGroupSettings = (settings: NodeSettings) => ({
  sessionTimeoutMs: settings['group.consumer.session.timeout.ms'],
  heartbeatIntervalMs: settings['group.consumer.heartbeat.interval.ms'],
  membersMax: settings['group.consumer.max.size'],
});
