// The consumer that people hold: records one at a time or in lists, alone or in a group. A rebalance waits for the turn
// under way: nothing that a person is working on is given to another member, as long as it doesn't take too long.
import { Fault, isFault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';
import { loadCompression } from '../protocol/compression/registry.ts';
import type { Cluster } from './cluster.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { createFetcher } from './fetcher.ts';
import type { GroupGeneration } from './group-generation.ts';
import { within } from './latch-within.ts';
import { listOffsets } from './list-offsets.ts';
import { type CommittedOffset, createOffsets, type OffsetToCommit } from './offsets.ts';
import { type ConsumerRecord, createRecordQueue } from './record-queue.ts';
import { type SubscriptionHandle, startSubscription } from './subscription.ts';

export type { ConsumerOptions } from './consumer-options.ts';

export interface Consumer<K = Uint8Array, V = Uint8Array> extends AsyncDisposable, AsyncIterable<ConsumerRecord<K, V>> {
  /** Joins the group. @throws Fault `TOPIC_NOT_FOUND` */
  subscribe(topics: readonly string[]): Promise<void>;
  /** Reads these without membership. Without an offset: from the committed one, or as `from` says. */
  assign(partitions: readonly (TopicPartition & { readonly offset?: number })[]): Promise<void>;
  /**
   * Some records, or none after `maxWaitMs`. With the call the records of the one before are done with.
   *
   * A `for await` loop does the same a record at a time. A record whose turn ends by `break` or `throw`, which look the
   * same, is not done with, unless `commit()` was called in it.
   *
   * @throws Fault `CANNOT_DECODE`, and what the fetcher or the group met
   */
  poll(maxWaitMs: number): Promise<ConsumerRecord<K, V>[]>;
  /** Without offsets: of all that was handed out. @throws Fault `REBALANCED` */
  commit(offsets?: readonly OffsetToCommit[]): Promise<void>;
  committed(partitions: readonly TopicPartition[]): Promise<Map<string, CommittedOffset>>;
  /** Offset of the next record to be handed out. */
  position(partition: TopicPartition): number | undefined;
  /** @throws Fault `NOT_ASSIGNED` */
  seek(partition: TopicPartition, offset: number): void;
  pause(partitions: readonly TopicPartition[]): void;
  resume(partitions: readonly TopicPartition[]): void;
  assignment(): readonly TopicPartition[];
  /** Of a member of a group, for `Producer.sendOffsets`: a passed one where records in hand are another's by now. */
  readonly generation: GroupGeneration | null;
  /**
   * Commits what is done with and leaves the group. Waits up to 5 s for the turn of a loop to end, so from within the
   * loop leave it first.
   */
  close(): Promise<void>;
}

const pollMs = 500;
const closeWaitMs = 5_000;
/** A rebalance waits for an automatic commit that is under way, and the next makes up for it. */
const autoCommitMs = 5_000;
const lastCommitMs = 15_000; // longer than another coordinator needs to take over

export function createConsumer<K = Uint8Array, V = Uint8Array>(
  cluster: Cluster,
  options: ConsumerOptions<K, V> = {},
): Consumer<K, V> {
  const { clock, logger } = cluster;
  const { groupId, from = 'latest', autoCommit = groupId !== undefined, autoCommitIntervalMs = 5_000 } = options;
  const {
    pollRecordsMax = 500,
    bufferBytesMax = 16 * 1_048_576,
    rebalanceTimeoutMs = 60_000,
    isolation = 'readCommitted',
  } = options;
  // Half of the memory is the fetcher's, half is what it has handed over.
  const fetcher = createFetcher(cluster, {
    ...{ isolation, from, bufferBytesMax: bufferBytesMax / 2 },
    ...(options.rackId !== undefined && { rackId: options.rackId }),
    ...(options.metadataMaxAgeMs !== undefined && { metadataMaxAgeMs: options.metadataMaxAgeMs }),
  });
  const queue = createRecordQueue<K, V>(options.key ?? null, options.value ?? null);
  const offsets = groupId === undefined ? null : createOffsets(cluster, groupId);
  const committedOffsets = new Map<string, number>();
  let assigned: readonly TopicPartition[] = [];
  let subscription: SubscriptionHandle | null = null;
  let failure: unknown;
  /** What is being worked on: one record of a loop, or the list of a poll; or one that a loop was left at. */
  let turn: 'loop' | 'poll' | 'left' | null = null;
  let inHand: readonly ConsumerRecord<K, V>[] = [];
  /** Set once something of the turn is gone to another member: when it was taken. Offsets of the turn are refused then. */
  let passed: GroupGeneration | null = null;
  let takenUnder: GroupGeneration | null = null;
  let turnEnd: Latch<void> | null = null;
  let hold: Latch<void> | null = null;
  let committing: Promise<void> | null = null;
  let committedAtMs = clock.monotonicMs();
  let isClosed = false;

  function needGroup() {
    if (offsets === null) throw new Fault('GROUP_NOT_FOUND', { group: '' });
    return offsets;
  }

  function endTurn(): void {
    turn = null;
    inHand = [];
    passed = null;
    turnEnd?.resolve();
    turnEnd = null;
  }

  /** What is done with and not committed: all that was handed out but for what is in hand. */
  function uncommitted(partitions: readonly TopicPartition[] = assigned): OffsetToCommit[] {
    const firstInHand = new Map<string, number>();
    for (const record of inHand) {
      const name = partitionName(record);
      if (!firstInHand.has(name)) firstInHand.set(name, record.offset);
    }
    return partitions.flatMap(({ topic, partition }) => {
      const name = partitionName({ topic, partition });
      const offset = firstInHand.get(name) ?? queue.position({ topic, partition });
      return offset === undefined || committedOffsets.get(name) === offset ? [] : [{ topic, partition, offset }];
    });
  }

  /** Without topics that are gone: a commit that names one fails, after a minute of trying. */
  const toCommit = (partitions = assigned) =>
    uncommitted(partitions).filter(({ topic }) => cluster.topicSeen(topic) !== undefined);

  async function commitNow(
    list: readonly OffsetToCommit[],
    generation = subscription?.generation ?? undefined,
    timeoutMs?: number,
  ): Promise<void> {
    if (list.length === 0) return;
    await needGroup().commit(list, generation, timeoutMs);
    for (const one of list) committedOffsets.set(partitionName(one), one.offset);
  }

  /** For what goes to others in any case: where its commit fails, they read again what was done since the last. */
  async function commitOrWarn(list: readonly OffsetToCommit[], generation: GroupGeneration): Promise<void> {
    try {
      await commitNow(list, generation);
    } catch (error) {
      if (isFault(error, 'REBALANCED')) throw error;
      logger.warn({ group: groupId, error }, 'a commit before a rebalance failed');
    }
  }

  /** In the background; one that a rebalance overtakes is made up for by the next. */
  function autoCommitWhenDue(): void {
    if (!autoCommit || committing !== null || clock.monotonicMs() - committedAtMs < autoCommitIntervalMs) return;
    committedAtMs = clock.monotonicMs();
    committing = commitNow(toCommit(), undefined, autoCommitMs)
      .catch((error: unknown) => {
        if (!isFault(error, 'REBALANCED')) logger.warn({ group: groupId, error }, 'an automatic commit failed');
      })
      .finally(() => {
        committing = null;
      });
  }

  /** Lets nothing be handed out, and resolves when nobody works on a record any more, or has done so for too long. */
  async function quiet(): Promise<void> {
    hold ??= createLatch();
    if (turn === null || turn === 'left') return;
    const limitMs = rebalanceTimeoutMs * 0.8;
    if (await endOfTurn(limitMs)) return;
    logger.warn(
      { group: groupId, afterMs: limitMs },
      'a rebalance did not wait any longer for the records that are being worked on',
    );
  }

  /** @returns whether it ended within that time */
  async function endOfTurn(limitMs: number): Promise<boolean> {
    turnEnd ??= createLatch();
    const ended = turnEnd;
    let isOver = false;
    const timer = clock.after(limitMs, () => {
      isOver = true;
      ended.resolve();
    });
    await ended.promise;
    timer.cancel();
    return !isOver;
  }

  function release(): void {
    hold?.resolve();
    hold = null;
  }

  function letGo(partitions: readonly TopicPartition[]): void {
    const names = new Set(partitions.map(partitionName));
    if (inHand.some((record) => names.has(partitionName(record)))) passed = takenUnder;
    assigned = assigned.filter((partition) => !names.has(partitionName(partition)));
    for (const partition of partitions) {
      const name = partitionName(partition);
      queue.stop(partition);
      committedOffsets.delete(name);
    }
    fetchAssigned();
  }

  function fetchAssigned(): void {
    fetcher.assign(
      assigned.map(({ topic, partition }) => ({
        topic,
        partition,
        offset: fetcher.position({ topic, partition }) ?? queue.position({ topic, partition })!,
      })),
    );
  }

  async function takeUp(added: readonly (TopicPartition & { readonly offset?: number })[]): Promise<void> {
    await loadCompression();
    const open = added.filter(({ offset }) => offset === undefined);
    const known = offsets === null ? new Map<string, CommittedOffset>() : await offsets.fetch(open);
    const unknown = open.filter((partition) => !known.has(partitionName(partition)));
    const listed = unknown.length === 0 ? [] : await listOffsets(cluster, unknown, from, isolation);
    const starts = new Map([...known.values(), ...listed].map((start) => [partitionName(start), start.offset]));
    for (const partition of added) {
      const name = partitionName(partition);
      queue.start(partition, partition.offset ?? starts.get(name)!);
      const before = known.get(name);
      if (before !== undefined) committedOffsets.set(name, before.offset);
    }
    assigned = [...assigned, ...added.map(({ topic, partition }) => ({ topic, partition }))];
    fetchAssigned();
  }

  const told = async (kind: 'assigned' | 'revoked' | 'lost', partitions: readonly TopicPartition[]) =>
    partitions.length > 0 ? options.onRebalance?.({ kind, partitions }) : undefined;

  async function fetchMore(waitMs: number): Promise<void> {
    try {
      for (const fetched of await fetcher.poll(waitMs)) queue.add(fetched);
    } catch (error) {
      if (!isClosed) throw error;
    }
  }

  /** At most `max` records, all of one turn; none when `waitMs` are over or the consumer is closed. */
  async function takeTurn(kind: 'loop' | 'poll', max: number, waitMs: number): Promise<ConsumerRecord<K, V>[]> {
    endTurn();
    let endMs: number | null = null;
    /** A loop that polls without waiting must let the network have its turn. */
    let isAsked = false;
    for (;;) {
      while (hold !== null && !isClosed) {
        endMs ??= clock.monotonicMs() + waitMs;
        const leftMs = endMs - clock.monotonicMs();
        if (leftMs <= 0 && isAsked) return [];
        await within(clock, hold.promise, Math.min(Math.max(leftMs, 0), pollMs));
        isAsked = true;
      }
      // Nothing is awaited until records are taken.
      if (failure !== undefined) throw failure;
      if (isClosed) return [];
      const records = takeUpTo(max);
      if (records.length > 0) {
        turn = kind;
        inHand = records;
        takenUnder = subscription?.generation ?? null;
      }
      autoCommitWhenDue();
      if (records.length > 0) return records;
      endMs ??= clock.monotonicMs() + waitMs;
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0 && isAsked) return records;
      if (leftMs <= 0) await clock.nextTurn();
      await fetchMore(Math.min(Math.max(leftMs, 0), pollMs));
      isAsked = true;
    }
  }

  /** A record that can't be decoded ends the list before it, and is told when it comes first. */
  function takeUpTo(max: number): ConsumerRecord<K, V>[] {
    const records: ConsumerRecord<K, V>[] = [];
    try {
      for (let record = queue.take(); record !== undefined; record = records.length < max ? queue.take() : undefined) {
        records.push(record);
      }
    } catch (error) {
      if (records.length === 0) throw error;
    }
    return records;
  }

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    release();
    if (turn === 'loop') await endOfTurn(closeWaitMs);
    if (turn === 'poll') endTurn();
    await committing;
    try {
      if (autoCommit && (subscription === null || subscription.generation !== null))
        await commitNow(toCommit(), undefined, lastCommitMs);
    } catch (error) {
      if (!isFault(error, 'REBALANCED')) throw error;
      logger.warn({ group: groupId, error }, 'the last commit came too late');
    } finally {
      fetcher.close();
      await subscription?.leave();
    }
  }

  const iterator: AsyncIterator<ConsumerRecord<K, V>> = {
    async next() {
      const [value] = await takeTurn('loop', 1, Number.POSITIVE_INFINITY);
      return value === undefined ? { done: true, value: undefined } : { done: false, value };
    },
    async return() {
      if (turn === 'loop') turn = 'left';
      turnEnd?.resolve();
      turnEnd = null;
      return { done: true, value: undefined };
    },
  };

  return {
    async subscribe(topics) {
      needGroup();
      await Promise.all(topics.map((topic) => cluster.topic(topic)));
      await subscription?.leave();
      letGo(assigned);
      subscription = startSubscription({
        cluster,
        groupId: groupId!,
        topics,
        assignorNames: options.assignors ?? ['cooperative-sticky'],
        groupInstanceId: options.groupInstanceId,
        sessionTimeoutMs: options.sessionTimeoutMs,
        rebalanceTimeoutMs,
        heartbeatIntervalMs: options.heartbeatIntervalMs,
        metadataMaxAgeMs: options.metadataMaxAgeMs ?? 30_000,
        async onRevoke(partitions, generation) {
          await quiet();
          await committing;
          if (autoCommit) await commitOrWarn(toCommit(partitions), generation);
          try {
            await told('revoked', partitions);
          } finally {
            letGo(partitions);
          }
        },
        async onAssign(added) {
          await takeUp(added);
          await told('assigned', added);
          release();
        },
        async onLost(partitions) {
          letGo(partitions);
          await told('lost', partitions);
        },
        onFailed(error) {
          failure = error;
          release();
        },
      });
    },
    async assign(partitions) {
      letGo(assigned);
      await takeUp(partitions);
    },
    async poll(maxWaitMs) {
      if (isClosed) throw new Fault('CLOSED', { what: 'the consumer' });
      return takeTurn('poll', pollRecordsMax, maxWaitMs);
    },
    async commit(list) {
      if (list === undefined) inHand = [];
      await committing;
      await (list === undefined ? commitNow(uncommitted()) : commitNow(list, passed ?? undefined));
    },
    committed: (partitions) => needGroup().fetch(partitions),
    position: (partition) => queue.position(partition),
    seek(partition, offset) {
      fetcher.seek(partition, offset);
      queue.start(partition, offset);
    },
    pause(partitions) {
      for (const partition of partitions) {
        const offset = queue.position(partition);
        if (offset === undefined)
          throw new Fault('NOT_ASSIGNED', { topic: partition.topic, partition: partition.partition });
        fetcher.pause(partition);
        fetcher.seek(partition, offset); // what was fetched ahead of it is fetched again
        queue.start(partition, offset);
      }
    },
    resume(partitions) {
      for (const partition of partitions) fetcher.resume(partition);
    },
    assignment: () => assigned,
    get generation() {
      return passed ?? subscription?.generation ?? null;
    },
    close,
    [Symbol.asyncIterator]: () => iterator,
    [Symbol.asyncDispose]: close,
  };
}
