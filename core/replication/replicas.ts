// The replicas of this node: takes up what the cluster's image says of each, as leader or as follower, and says which of
// them may be written to. Roles of one partition change one after another, and a leader that is none any more takes
// nothing from the moment the image says so. Nothing here decides who leads.
import type { Clock } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import { partitionName } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { isDamaged } from '../log/stored-batch.ts';
import type { Transport } from '../protocol/transport.ts';
import { createFetcher, type Fetcher } from './fetcher.ts';
import type { Followed } from './follower.ts';
import { createInSyncSet } from './in-sync-set.ts';
import { createLedPartition, type LedPartition } from './led-partition.ts';
import type { Place, PlacedTopic } from './place.ts';
import { beginTenure, type RunningTenure, type Tenure } from './tenure.ts';
import type { Throttle } from './throttle.ts';

export interface ReplicasOptions {
  readonly nodeId: number;
  readonly nodeEpoch: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly open: (topic: PlacedTopic, partition: number) => Promise<PartitionLog>;
  /** Deletes the log of a partition that has moved away. */
  readonly remove: (topic: PlacedTopic, partition: number) => Promise<void>;
  /** To another node. */
  readonly peer: (nodeId: number) => Transport['call'];
  /** Whether consumers may be sent to this node for what it follows: it is in a rack. */
  readonly servesConsumers: boolean;
  /** Of what comes to this node's replicas. */
  readonly throttle: Throttle;
  /** `replica.lag.time.max.ms` */
  readonly lagMsMax: number;
  /** `replica.fetch.wait.max.ms` */
  readonly fetchWaitMsMax: number;
  /** `replica.fetch.backoff.ms` */
  readonly backoffMs: number;
  /** A partition is led here from now on. */
  readonly onLeading?: (topic: PlacedTopic, partition: number) => void;
  /** A partition isn't led here any more. */
  readonly onResigned?: (topic: PlacedTopic, partition: number) => void;
  /**
   * The controller is asked to take this node's damaged copy out of sync, in a new leader epoch. False where it is the only
   * one. Resolves when the image says so.
   */
  readonly dropDamaged: (topic: PlacedTopic, partition: number) => Promise<boolean>;
}

export interface Replicas {
  /** The image of these topics has changed, or they are new. */
  apply(topics: Iterable<PlacedTopic>): void;
  /** A topic that is gone: resolves when its roles are given up. From the call on its logs are the caller's. */
  forget(topic: PlacedTopic): Promise<void>;
  /** Null where this node isn't the leader, or isn't ready to be. */
  leading(topicId: string, partition: number): LedPartition | null;
  /** Settles once this node has tried to lead a partition that is its to lead; null where it leads already, or another is to. */
  aboutToLead(topicId: string, partition: number): Promise<unknown> | null;
  /** What this node follows; null where it leads, or has no role yet or no more. */
  following(topicId: string, partition: number): Following | null;
  led(): Iterable<readonly [{ readonly topicId: string; readonly partition: number }, LedPartition]>;
  /** Resolves when every role is as the image had it at the call. */
  settled(): Promise<void>;
  /** Nothing is led any more, and no new role taken up: whoever waits for copies is told so at once. */
  resign(): void;
  close(): Promise<void>;
}

/** As it is in one epoch of one leader. */
export interface Following {
  readonly log: PartitionLog;
  readonly leaderEpoch: number;
  readonly tenure: Tenure;
}

type Role =
  | { readonly kind: 'idle' }
  | { readonly kind: 'leader'; readonly led: LedPartition }
  | {
      readonly kind: 'follower';
      readonly followed: Followed;
      readonly fetcher: Fetcher;
      readonly tenure: RunningTenure;
    };

interface Replica {
  topic: PlacedTopic;
  readonly partition: number;
  /** As the image has it; null where it isn't here any more. */
  wanted: Place | null;
  /** What the role was taken up for. */
  taken: Place | null;
  role: Role;
  /** What is watched for damage. */
  log: PartitionLog | null;
  /** An offset in its first damaged batch; null where none is known. */
  damagedAt: number | null;
  isMending: boolean;
  /** Its topic is gone: no role is taken up, and its log isn't touched any more. */
  forgotten: boolean;
  turning: Promise<void> | null;
  /** The attempt at a role that is on, which settles well or not. */
  attempt: Promise<unknown>;
}

const diskBackoffMs = 500;
const mendBackoffMs = 2_000;

/** Of which the disk has spoken for all partitions. */
const isStorageFailure = (error: unknown): boolean =>
  isFault(error, 'STORAGE_FAILED') || (isFault(error, 'LOG_REFUSED') && error.detail.error === 'KAFKA_STORAGE_ERROR');

const idle: Role = { kind: 'idle' };

export function createReplicas(options: ReplicasOptions): Replicas {
  const { nodeId, clock, logger } = options;
  const replicas = new Map<string, Replica>();
  const fetchers = new Map<number, Fetcher>();
  let closed = false;

  const keyOf = (topicId: string, partition: number) => `${topicId} ${partition}`;

  function fetcherOf(leader: number): Fetcher {
    let fetcher = fetchers.get(leader);
    if (fetcher === undefined) {
      const { nodeEpoch, servesConsumers, throttle, backoffMs, fetchWaitMsMax } = options;
      fetcher = createFetcher({
        ...{ nodeId, nodeEpoch, leader, servesConsumers, throttle, clock, logger, backoffMs },
        ...{ call: options.peer(leader), waitMsMax: fetchWaitMsMax },
      });
      fetchers.set(leader, fetcher);
    }
    return fetcher;
  }

  function resign(replica: Replica): void {
    if (replica.role.kind === 'follower') replica.role.tenure.end();
    if (replica.role.kind !== 'leader' || replica.role.led.resigned) return;
    replica.role.led.resign();
    options.onResigned?.(replica.topic, replica.partition);
  }

  async function giveUp(replica: Replica): Promise<void> {
    resign(replica);
    if (replica.role.kind === 'follower') await replica.role.fetcher.unfollow(replica.role.followed);
    replica.role = idle;
  }

  const nameOf = ({ topic, partition }: Replica) => partitionName({ topic: topic.name, partition });

  function damaged(replica: Replica, offset: number): void {
    replica.damagedAt = Math.min(replica.damagedAt ?? offset, offset);
    if (replica.isMending) return;
    replica.isMending = true;
    mend(replica)
      .catch((error: unknown) => {
        if (!closed) logger.error({ err: error, partition: nameOf(replica) }, 'a damaged copy could not be replaced');
      })
      .finally(() => {
        replica.isMending = false;
      });
  }

  /** Until the copy is out of sync and was cut: then it is fetched anew, as that of any follower that is behind. */
  async function mend(replica: Replica): Promise<void> {
    for (let isTold = false; replica.damagedAt !== null && !closed && !replica.forgotten && replica.wanted !== null; ) {
      const isDropped = await options.dropDamaged(replica.topic, replica.partition).catch(() => null);
      if (isDropped === true) await replica.turning;
      else if (isDropped === false && !isTold) {
        isTold = true;
        const told = 'the only copy in sync is damaged: it stays as it is until another node has all there is';
        logger.warn({ partition: nameOf(replica), offset: replica.damagedAt }, told);
      }
      if (replica.damagedAt !== null) await clock.sleep(mendBackoffMs);
    }
  }

  /** From `forget` on its log waits for its erasure, which waits for this replica: who asked for it would wait for ever. */
  function assertKept(replica: Replica): void {
    if (replica.forgotten) throw new Fault('CLOSED', { what: `the replica ${nameOf(replica)}` });
  }

  /** The copy counts for nothing at this place. */
  const isOutOfSync = ({ leader, inSync }: Place) => leader >= 0 && leader !== nodeId && !inSync.includes(nodeId);

  /** Its log; where it is damaged and counts for nothing, without what is damaged and all behind that. */
  async function openFor(replica: Replica, place: Place): Promise<PartitionLog> {
    const { topic, partition } = replica;
    try {
      const log = await options.open(topic, partition);
      if (replica.log !== log) log.onDamage((offset) => damaged(replica, offset));
      replica.log = log;
      if (replica.damagedAt === null || !isOutOfSync(place)) return log;
      await log.truncateBefore(replica.damagedAt);
      logger.info(
        { partition: nameOf(replica) },
        'what was damaged of a copy was cut off and is fetched from its leader',
      );
      replica.damagedAt = null;
      return log;
    } catch (error) {
      if (!isDamaged(error)) throw error;
      if (!isOutOfSync(place)) {
        const told = 'a copy is damaged so that it can not be opened';
        if (replica.damagedAt === null) logger.warn({ partition: nameOf(replica), reason: String(error) }, told);
        damaged(replica, 0);
        throw error;
      }
      const told = 'a damaged copy was erased and is fetched from its leader';
      assertKept(replica);
      logger.warn({ partition: nameOf(replica), reason: String(error) }, told);
      await options.remove(topic, partition);
      replica.damagedAt = null;
      assertKept(replica);
      const log = await options.open(topic, partition);
      log.onDamage((offset) => damaged(replica, offset));
      replica.log = log;
      return log;
    }
  }

  async function takeUp(replica: Replica, place: Place): Promise<void> {
    const { topic, partition } = replica;
    const log = await openFor(replica, place);
    const { leaderEpoch } = place;
    if (place.leader === nodeId) {
      await log.beginEpoch(leaderEpoch);
      if (isPassed(replica, place)) return;
      const inSyncSet = createInSyncSet({
        ...{ nodeId, replicas: place.replicas, inSync: place.inSync, partitionEpoch: place.partitionEpoch },
        ...{ epochStartOffset: log.logEndOffset, nowMs: clock.monotonicMs(), lagMsMax: options.lagMsMax },
      });
      replica.role = { kind: 'leader', led: createLedPartition(log, leaderEpoch, inSyncSet) };
      options.onLeading?.(topic, partition);
    } else if (place.leader >= 0) {
      // What was appended under an epoch before is part of what the leader compares, also where it is still to be written.
      await log.drained();
      if (isPassed(replica, place)) return;
      const followed: Followed = { topicId: topic.id, partition, leaderEpoch, log };
      const fetcher = fetcherOf(place.leader);
      replica.role = { kind: 'follower', followed, fetcher, tenure: beginTenure() };
      fetcher.follow(followed);
    }
  }

  const isTurned = ({ wanted, taken, forgotten }: Replica) =>
    forgotten || (wanted === null || taken === null ? wanted === taken : wanted.leaderEpoch === taken.leaderEpoch);

  /** Another role is wanted by now than the one that is being taken up, or none. */
  const isPassed = ({ wanted, forgotten }: Replica, place: Place) =>
    forgotten || wanted?.leaderEpoch !== place.leaderEpoch;

  async function turnOnce(replica: Replica): Promise<void> {
    const { wanted } = replica;
    await giveUp(replica);
    assertKept(replica);
    replica.taken = null;
    if (wanted === null) {
      await options.remove(replica.topic, replica.partition);
      if (replica.wanted === null) replicas.delete(keyOf(replica.topic.id, replica.partition));
    } else await takeUp(replica, wanted);
    replica.taken = wanted;
    freshen(replica);
  }

  async function turn(replica: Replica): Promise<void> {
    while (!closed && !isTurned(replica)) {
      const attempt = turnOnce(replica);
      replica.attempt = attempt.catch(() => {});
      try {
        await attempt;
      } catch (error) {
        if (closed || replica.forgotten) return;
        const partition = nameOf(replica);
        const isDisk = isStorageFailure(error) || isDamaged(error);
        const told = 'a replica could not take up its role; it is tried again';
        if (isDisk) logger.debug({ err: error, partition }, told);
        else logger.error({ err: error, partition }, told);
        await clock.sleep(isDisk ? Math.max(options.backoffMs, diskBackoffMs) : options.backoffMs);
      }
    }
  }

  function start(replica: Replica): void {
    replica.turning ??= turn(replica).finally(() => {
      replica.turning = null;
      if (!closed && !isTurned(replica)) start(replica);
    });
  }

  /** The same leader in the same epoch, with what else has changed about the place. */
  function freshen({ role, wanted, taken }: Replica): void {
    if (role.kind !== 'leader' || wanted === null || wanted.leaderEpoch !== taken?.leaderEpoch) return;
    role.led.inSyncSet.replicasAre(wanted.replicas, clock.monotonicMs());
    role.led.inSyncSet.settle(wanted);
    role.led.advance();
  }

  function want(topic: PlacedTopic, partition: number, place: Place | null): void {
    const key = keyOf(topic.id, partition);
    let replica = replicas.get(key);
    if (replica === undefined) {
      if (place === null) return;
      replica = {
        ...{ topic, partition, wanted: place, taken: null, role: idle },
        ...{ log: null, damagedAt: null, isMending: false },
        ...{ forgotten: false, turning: null, attempt: Promise.resolve() },
      };
      replicas.set(key, replica);
    }
    replica.topic = topic;
    replica.wanted = place;
    if (isTurned(replica)) return freshen(replica);
    resign(replica);
    start(replica);
  }

  return {
    apply(topics) {
      for (const topic of topics) {
        for (const [partition, place] of topic.places.entries())
          want(topic, partition, place.replicas.includes(nodeId) ? place : null);
      }
    },
    async forget(topic) {
      const gone = [...replicas].filter(([, replica]) => replica.topic.id === topic.id);
      for (const [key, replica] of gone) {
        replicas.delete(key);
        replica.forgotten = true;
        resign(replica);
      }
      for (const [, replica] of gone) {
        await replica.turning;
        await giveUp(replica);
      }
    },
    leading(topicId, partition) {
      const role = replicas.get(keyOf(topicId, partition))?.role;
      return role?.kind === 'leader' && !role.led.resigned ? role.led : null;
    },
    aboutToLead(topicId, partition) {
      const replica = replicas.get(keyOf(topicId, partition));
      if (replica?.wanted?.leader !== nodeId || isTurned(replica) || closed) return null;
      return replica.attempt;
    },
    following(topicId, partition) {
      const role = replicas.get(keyOf(topicId, partition))?.role;
      if (role?.kind !== 'follower' || role.tenure.isOver) return null;
      const { followed, tenure } = role;
      return { log: followed.log, leaderEpoch: followed.leaderEpoch, tenure };
    },
    *led() {
      for (const { topic, partition, role } of replicas.values())
        if (role.kind === 'leader' && !role.led.resigned) yield [{ topicId: topic.id, partition }, role.led] as const;
    },
    async settled() {
      await Promise.all([...replicas.values()].map(({ turning }) => turning));
    },
    resign() {
      closed = true;
      for (const replica of replicas.values()) resign(replica);
    },
    async close() {
      closed = true;
      for (const replica of replicas.values()) resign(replica);
      await Promise.all([...fetchers.values()].map((fetcher) => fetcher.close()));
      await Promise.all([...replicas.values()].map(({ turning }) => turning));
    },
  };
}
