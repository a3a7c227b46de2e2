// Which partitions this node may be written to and read from, and who leads the others: the door between handlers and
// logs. On a node alone it leads everything; in a cluster the replicas say. Nobody above asks a log for its leader epoch,
// which says only who wrote last.
import type { TopicImage } from '../controller/catalog.ts';
import { partitionName } from '../kernel/ids.ts';
import type { AppendOptions, AppendResult, PartitionLog } from '../log/partition-log.ts';
import { refusal } from '../log/refusal.ts';
import type { Records } from '../protocol/transport.ts';
import type { FollowerFetch, FollowerProgress } from '../replication/in-sync-set.ts';
import { endless, type Tenure } from '../replication/tenure.ts';
import type { Topics } from './topics.ts';

export interface Readable {
  readonly log: PartitionLog;
  readonly leaderEpoch: number;
  /** Where this leader's epoch began; 0 on a follower. While the high watermark is below, clients may have been told more (KIP-207). */
  readonly epochStartOffset: number;
  readonly isLeader: boolean;
  /** Who has waited says nothing of the log once it is over. */
  readonly tenure: Tenure;
}

export interface Led extends Readable {
  /** @throws Fault `LOG_REFUSED` with NOT_LEADER_OR_FOLLOWER when it is led no more, and what the log throws */
  append(records: Records, options: Pick<AppendOptions, 'origin'>): Promise<AppendResult>;
  /** Replicas in sync, this one among them. */
  readonly inSyncCount: number;
  inSyncFollowers(): FollowerProgress[];
  isInSync(nodeId: number): boolean;
  /** True at once or later when all below `endOffset` is on every replica in sync; false when another leads by then. */
  replicated(endOffset: number): true | Promise<boolean>;
  /** A follower asked for more. False where it is no replica. */
  fetched(fetch: Omit<FollowerFetch, 'leaderEndOffset'>): boolean;
}

/** As Metadata shows it. */
export interface ShownPlace {
  readonly leaderId: number;
  readonly leaderEpoch: number;
  readonly replicaNodes: number[];
  readonly isrNodes: number[];
  readonly offlineReplicas: number[];
}

/** `led` and `readable` reject with Fault `LOG_REFUSED` NOT_LEADER_OR_FOLLOWER, and with what opening a log throws. */
export interface Partitions {
  led(topic: TopicImage, partition: number): Promise<Led>;
  /** Followers may be read from as well, up to their high watermark. */
  readable(topic: TopicImage, partition: number): Promise<Readable>;
  place(topic: TopicImage, partition: number): ShownPlace;
}

export const notLeader = (topic: string, partition: number) =>
  refusal(partitionName({ topic, partition }), { error: 'NOT_LEADER_OR_FOLLOWER', why: 'another node leads it' });

/** Of a node that has all there is. */
export function alonePartitions(topics: Topics, nodeId: number): Partitions {
  const known = new WeakMap<TopicImage, Promise<Led>[]>();

  /** One promise a partition, so that its writers go on in the order in which they came. */
  function led(topic: TopicImage, partition: number): Promise<Led> {
    let partitions = known.get(topic);
    if (partitions === undefined) known.set(topic, (partitions = []));
    let opening = partitions[partition];
    if (opening === undefined) {
      opening = topics.log(topic, partition).then(
        (log): Led => ({
          log,
          leaderEpoch: log.leaderEpoch,
          epochStartOffset: 0,
          isLeader: true,
          tenure: endless,
          append: log.append,
          inSyncCount: 1,
          inSyncFollowers: () => [],
          isInSync: () => false,
          replicated: () => true,
          fetched: () => false,
        }),
      );
      partitions[partition] = opening;
      opening.catch(() => delete partitions[partition]); // the next one tries again
    }
    return opening;
  }

  return {
    led,
    readable: led,
    place: () => ({
      leaderId: nodeId,
      leaderEpoch: 0,
      replicaNodes: [nodeId],
      isrNodes: [nodeId],
      offlineReplicas: [],
    }),
  };
}
