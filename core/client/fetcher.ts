// Fetches the partitions it is assigned ahead of their reader, bounded in bytes, one request a node with all of its
// partitions. Knows no groups and decodes no records. A partition whose buffer is full, or that is paused, holds up no other.
import { backoffMs } from '../kernel/backoff.ts';
import type { Timer } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';
import type { ResponseOf } from '../protocol/api-table.ts';
import { loadCompression } from '../protocol/compression/registry.ts';
import { errorOf, errors } from '../protocol/error-code.ts';
import {
  type Assigned,
  answersOf,
  createAssigned,
  type FetchedPartition,
  type FetchPosition,
  fetchRequest,
  type PartitionAnswer,
} from './assigned-partition.ts';
import type { Cluster } from './cluster.ts';
import type { FetcherOptions } from './fetcher-options.ts';
import { latchWithin } from './latch-within.ts';
import { createLeaders } from './leaders.ts';
import { positionAfterLoss, skipTo } from './lost-position.ts';
import { leaveReplica, replicaOf } from './read-replica.ts';
import { isRetriable, refusal, retryBackoff } from './retry.ts';
import { selectBatches } from './select-batches.ts';

export type { FetcherOptions } from './fetcher-options.ts';

export interface Fetcher {
  /** Fetches these and no others. One that is assigned already and stands at that offset keeps what was fetched ahead. */
  assign(positions: readonly FetchPosition[]): void;
  /** Keeps what was fetched, hands nothing out, fetches no more. */
  pause(partition: TopicPartition): void;
  resume(partition: TopicPartition): void;
  /** @throws Fault `NOT_ASSIGNED` */
  seek(partition: TopicPartition, offset: number): void;
  /** What was fetched since; waits at most `maxWaitMs` where there is nothing, and then is empty. Rejects with what can't be retried. */
  poll(maxWaitMs: number, signal?: AbortSignal): Promise<FetchedPartition[]>;
  /** Offset of the next record to be polled; undefined where it isn't assigned. */
  position(partition: TopicPartition): number | undefined;
  /** End of the partition as last seen: its last stable offset in read committed, else its high watermark. */
  endOffset(partition: TopicPartition): number | undefined;
  close(): void;
}

interface NodeState {
  long: boolean;
  short: boolean;
}

/** A request that leaves out partitions, because they are full or asked for by another, may not hold them up for long. */
const shortWaitMs = 10;
const requestBytesMin = 65_536;

export function createFetcher(cluster: Cluster, options: FetcherOptions = {}): Fetcher {
  const { clock, random, logger } = cluster;
  const { isolation = 'readCommitted', from = 'error', maxWaitMs = 500, minBytes = 1, checkCrcs = true } = options;
  const { bufferBytesMax = 16 * 1_048_576, partitionBytesMax = 1_048_576, rackId = '' } = options;
  const { metadataMaxAgeMs = 300_000 } = options;
  const assigned = new Map<string, Assigned>();
  const nodes = new Map<number, NodeState>();
  /** Why partitions are fetched no more; not yet told. */
  const failures = new Map<Assigned, unknown>();
  const stopping = new AbortController();
  const leaders = createLeaders({
    cluster,
    createTopics: false,
    missingMsMax: options.missingTopicMsMax ?? 30_000,
    onAnswer: () => schedule(),
  });
  /** Without those of paused partitions, which would hold up the others. */
  let bufferedBytes = 0;
  let reservedBytes = 0;
  let isScheduled = false;
  let arrival: Latch<void> | null = null;
  let timer: Timer | null = null;
  let firstInTurn = 0;
  /** Whoever reads the batches does so at once. */
  let areCodecsLoaded = false;

  function schedule(): void {
    if (isScheduled || stopping.signal.aborted) return;
    isScheduled = true;
    queueMicrotask(pump);
  }

  const shareBytes = () => Math.max(bufferBytesMax / Math.max(assigned.size, 1), requestBytesMin);

  function pump(): void {
    isScheduled = false;
    if (stopping.signal.aborted) return;
    const nowMs = clock.monotonicMs();
    const share = shareBytes();
    const wanted = new Map<number, { free: Assigned[]; isWhole: boolean }>();
    let retryAtMs = Number.POSITIVE_INFINITY;
    for (const one of assigned.values()) {
      if (one.paused || one.failed) continue;
      if (one.retryAtMs > nowMs) {
        retryAtMs = Math.min(retryAtMs, one.retryAtMs);
        continue;
      }
      const leader = leaders.of(one.topic, one.partition);
      if (leader instanceof Fault) fail(one, leader);
      if (typeof leader !== 'number') continue;
      const node = replicaOf(one, nowMs) ?? leader;
      let entry = wanted.get(node);
      if (entry === undefined) wanted.set(node, (entry = { free: [], isWhole: true }));
      if (!one.busy && one.bufferedBytes < share / 2) entry.free.push(one);
      else entry.isWhole = false;
    }
    for (const [nodeId, { free, isWhole }] of wanted) if (free.length > 0) ask(nodeId, free, isWhole, share);
    if (retryAtMs < Number.POSITIVE_INFINITY) wakeIn(retryAtMs - nowMs);
  }

  function wakeIn(delayMs: number): void {
    timer?.cancel();
    timer = clock.after(Math.ceil(delayMs), schedule);
  }

  /** At most one long and one short request a node: a node that answers in order must not be held up by several. */
  function ask(nodeId: number, free: Assigned[], isWhole: boolean, share: number): void {
    let node = nodes.get(nodeId);
    if (node === undefined) nodes.set(nodeId, (node = { long: false, short: false }));
    const room = bufferBytesMax - bufferedBytes - reservedBytes;
    if (node.short || room <= 0) return;
    const isLong = isWhole && !node.long;
    firstInTurn = (firstInTurn + 1) % free.length; // the first gets at least one batch, however large: all take turns
    const inTurn = [...free.slice(firstInTurn), ...free.slice(0, firstInTurn)];
    const maxBytes = Math.max(Math.min(room / 2, inTurn.length * partitionBytesMax), requestBytesMin) | 0;
    const seeks = inTurn.map((one) => one.seeks);
    for (const one of inTurn) one.busy = true;
    reservedBytes += maxBytes;
    if (isLong) node.long = true;
    else node.short = true;
    const limits = {
      ...{ minBytes, maxBytes, isolation, partitionBytesMax, rackId },
      maxWaitMs: isLong ? maxWaitMs : Math.min(shortWaitMs, maxWaitMs),
      shareBytes: Math.max(share, requestBytesMin),
    };
    const request = fetchRequest(inTurn, limits, cluster.epochSeen);
    const landed = () => {
      reservedBytes -= maxBytes;
      for (const one of inTurn) one.busy = false;
      if (isLong) node.long = false;
      else node.short = false;
    };
    cluster.call(nodeId, 'fetch', request, { signal: stopping.signal }).then(
      (answer) => {
        landed();
        receive(inTurn, seeks, answer);
        schedule();
      },
      (error: unknown) => {
        landed();
        if (stopping.signal.aborted) return;
        // Said once: it is tried again until it succeeds.
        const isNews = inTurn.some((one) => one.tries === 0);
        logger[isNews ? 'warn' : 'debug']({ error, node: nodeId }, 'a fetch failed');
        for (const one of inTurn) {
          leaveReplica(one);
          leaders.forget(one.topic); // it may be somewhere else by now
          setBack(one, error);
        }
        schedule();
      },
    );
  }

  function receive(asked: readonly Assigned[], seeks: readonly number[], answer: ResponseOf<'fetch'>): void {
    if (answer.errorCode !== 0) {
      const error = refusal('fetch', answer.errorCode);
      for (const one of asked) setBack(one, error);
      return;
    }
    const answers = answersOf(answer);
    for (const [i, one] of asked.entries()) {
      const name = partitionName(one);
      const found = answers.get(name);
      if (found === undefined || assigned.get(name) !== one || one.seeks !== seeks[i]) continue;
      if (found.errorCode === 0) take(one, found);
      else refused(one, found.errorCode);
    }
  }

  function take(one: Assigned, answer: PartitionAnswer): void {
    const { topic, partition, position } = one;
    const { highWatermark, lastStableOffset, logStartOffset, abortedTransactions } = answer;
    if (answer.preferredReadReplica >= 0) {
      one.replica = { nodeId: answer.preferredReadReplica, untilMs: clock.monotonicMs() + metadataMaxAgeMs };
      return;
    }
    one.tries = 0;
    one.topicId ??= cluster.topicSeen(topic)?.topicId;
    if (answer.divergingEpoch.epoch >= 0)
      return leaveReplica(one) ? undefined : truncated(one, answer.divergingEpoch.endOffset);
    one.end = isolation === 'readCommitted' && lastStableOffset >= 0 ? lastStableOffset : highWatermark;
    if (answer.records === null || answer.records.length === 0) return;
    let selected: ReturnType<typeof selectBatches>;
    try {
      const aborted = isolation === 'readCommitted' ? abortedTransactions : null;
      selected = selectBatches(answer.records, { fetchOffset: position, abortedTransactions: aborted, checkCrcs });
    } catch (error) {
      const what = `${topic}-${partition} from offset ${position}: ${error instanceof Error ? error.message : error}`;
      fail(one, new Fault('CORRUPT_BATCH', { what }, error));
      return;
    }
    const { batches, nextOffset, lastEpoch, sizeBytes } = selected;
    if (nextOffset === position) return;
    one.position = nextOffset;
    one.lastEpoch = lastEpoch;
    one.fetched.push({
      ...{ topic, partition, fetchOffset: position, batches, nextOffset, sizeBytes },
      ...{ highWatermark, lastStableOffset, logStartOffset },
    });
    one.bufferedBytes += sizeBytes;
    if (!one.paused) bufferedBytes += sizeBytes;
    arrived();
  }

  function refused(one: Assigned, errorCode: number): void {
    const error = errorOf(errorCode);
    const wasCopy = leaveReplica(one);
    if (error.code === errors.OFFSET_OUT_OF_RANGE.code) {
      if (wasCopy) return; // the leader knows better
      // A node says so too where it doesn't know the epoch any more: asked without, it looks at the offset alone.
      if (one.lastEpoch >= 0) return void (one.lastEpoch = -1);
      const { topic, partition, position: offset } = one;
      if (from === 'error') fail(one, new Fault('OFFSET_OUT_OF_RANGE', { topic, partition, offset }));
      else void reset(one, from);
    } else if (error.retriable || error.code === errors.UNKNOWN_TOPIC_ID.code) {
      leaders.forget(one.topic);
      postpone(one);
    } else fail(one, refusal('fetch', errorCode, partitionName(one)));
  }

  /** The log has what was read up to `endOffset` only, as after an unclean election; as Kafka's consumer goes on there. */
  function truncated(one: Assigned, endOffset: number): void {
    const { topic, partition, position } = one;
    if (endOffset >= position) one.lastEpoch = -1;
    else if (from !== 'error') void reset(one, from, endOffset);
    else fail(one, new Fault('LOG_TRUNCATED', { topic, partition, position, endOffset }));
  }

  /** Its offset was removed by retention, or the log was truncated: goes on where the options say. */
  async function reset(one: Assigned, spec: 'earliest' | 'latest', truncatedTo?: number): Promise<void> {
    const { topic, partition, position, seeks } = one;
    one.busy = true;
    try {
      const to = await positionAfterLoss(cluster, one, truncatedTo, { from: spec, isolation, signal: stopping.signal });
      if (one.seeks === seeks) {
        const why = truncatedTo === undefined ? 'offset out of range' : 'the log lost records that were read';
        logger.warn({ topic, partition, from: position, to }, why);
        // What retention took was behind what is fetched already; what a leader lost may be among it.
        if (truncatedTo !== undefined) moveTo(one, one.handedOut);
        if (to < one.handedOut || truncatedTo !== to) {
          skipTo(one, to);
          arrived();
        }
      }
    } catch (error) {
      if (stopping.signal.aborted) return;
      setBack(one, error);
    } finally {
      one.busy = false;
      schedule();
    }
  }

  const setBack = (one: Assigned, error: unknown) => (isRetriable(error) ? postpone(one) : fail(one, error));

  function postpone(one: Assigned): void {
    one.retryAtMs = clock.monotonicMs() + backoffMs(one.tries++, retryBackoff, random);
  }

  function fail(one: Assigned, error: unknown): void {
    one.failed = true;
    failures.set(one, error);
    arrived();
  }

  function arrived(): void {
    arrival?.resolve();
    arrival = null;
  }

  /** Drops what was fetched ahead. */
  function moveTo(one: Assigned, offset: number): void {
    one.seeks += 1;
    if (!one.paused) bufferedBytes -= one.bufferedBytes;
    one.bufferedBytes = 0;
    one.fetched = [];
    one.position = offset;
    one.lastEpoch = -1;
    one.handedOut = offset;
    one.failed = false;
    failures.delete(one);
    one.retryAtMs = 0;
    one.tries = 0;
  }

  function drain(): FetchedPartition[] {
    const all: FetchedPartition[] = [];
    for (const one of assigned.values()) {
      if (one.paused || one.fetched.length === 0) continue;
      all.push(...one.fetched);
      one.handedOut = one.position;
      one.fetched = [];
      bufferedBytes -= one.bufferedBytes;
      one.bufferedBytes = 0;
    }
    if (all.length > 0) schedule();
    return all;
  }

  const find = (partition: TopicPartition): Assigned => {
    const one = assigned.get(partitionName(partition));
    if (one === undefined) throw new Fault('NOT_ASSIGNED', { topic: partition.topic, partition: partition.partition });
    return one;
  };

  return {
    assign(positions) {
      const before = new Map(assigned);
      assigned.clear();
      for (const { topic, partition, offset } of positions) {
        const name = partitionName({ topic, partition });
        const known = before.get(name);
        before.delete(name);
        const one = known ?? createAssigned(topic, partition, offset);
        if (one.handedOut !== offset || one.failed) moveTo(one, offset);
        assigned.set(name, one);
      }
      for (const one of before.values()) moveTo(one, one.handedOut);
      schedule();
    },
    pause(partition) {
      const one = find(partition);
      if (one.paused) return;
      one.paused = true;
      bufferedBytes -= one.bufferedBytes;
      schedule();
    },
    resume(partition) {
      const one = find(partition);
      if (!one.paused) return;
      one.paused = false;
      bufferedBytes += one.bufferedBytes;
      if (one.fetched.length > 0) arrived();
      schedule();
    },
    seek(partition, offset) {
      const one = find(partition);
      if (one.handedOut !== offset || one.failed) moveTo(one, offset);
      schedule();
    },
    async poll(waitMs, signal) {
      const startedMs = clock.monotonicMs();
      if (!areCodecsLoaded) await loadCompression();
      areCodecsLoaded = true;
      for (;;) {
        if (stopping.signal.aborted) throw new Fault('CLOSED', { what: 'the fetcher' });
        signal?.throwIfAborted();
        for (const [one, error] of failures) {
          failures.delete(one);
          throw error;
        }
        const fetched = drain();
        const leftMs = waitMs - (clock.monotonicMs() - startedMs);
        if (fetched.length > 0 || leftMs <= 0) return fetched;
        arrival ??= createLatch();
        const latch = arrival;
        await latchWithin(clock, latch, leftMs, signal);
        if (arrival === latch) arrival = null;
      }
    },
    position: (partition) => assigned.get(partitionName(partition))?.handedOut,
    endOffset: (partition) => assigned.get(partitionName(partition))?.end,
    close() {
      if (stopping.signal.aborted) return;
      stopping.abort(new Fault('CLOSED', { what: 'the fetcher' }));
      leaders.close();
      timer?.cancel();
      arrived();
    },
  };
}
