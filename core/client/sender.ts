// Sends sealed batches to the leaders of their partitions and deals with every answer. Keeps order: of the batches of one
// partition a repeated one goes alone and first. Event-driven: `pump` runs when a batch was sealed, an answer came, or a
// timer is due; nothing here runs once a record.
import { backoffMs } from '../kernel/backoff.ts';
import type { Timer } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { apis, type ResponseOf } from '../protocol/api-table.ts';
import { errors } from '../protocol/error-code.ts';
import type { Accumulator } from './accumulator.ts';
import type { Cluster } from './cluster.ts';
import { createLeaders } from './leaders.ts';
import {
  adoptProducer,
  type PartitionQueue,
  removeFailed,
  removeWritten,
  replaceBatch,
  type SealedBatch,
  stamp,
} from './partition-queue.ts';
import { mayBeWritten, type PartitionAnswer, verdictOn } from './produce-verdict.ts';
import { isRetriable, retryBackoff } from './retry.ts';
import { printableKey, splitBatch } from './split-batch.ts';
import { topicBytesMax } from './topic-limit.ts';

export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** What decides under which producer id batches go, and whether a partition may be written to. */
export interface SendGate {
  /** Null while it isn't known: whoever provides it calls `pump` later. */
  identity(): ProducerIdentity | null;
  /** The identity is used up (epochs end at 32,767): another is needed. */
  renewIdentity(): void;
  /** Whether a batch may go to that partition. Where not, `pump` is called once it may. */
  admits(queue: PartitionQueue): boolean;
  /** Batches that are given up in a transaction break it. Null where there is none. */
  readonly transactionalId: string | null;
}

export interface SenderOptions {
  readonly cluster: Cluster;
  readonly accumulator: Accumulator;
  readonly gate: SendGate;
  readonly isIdempotent: boolean;
  readonly acks: -1 | 1;
  readonly inFlightMax: number;
  readonly requestTimeoutMs: number;
  readonly deliveryTimeoutMs: number;
  readonly requestBytesMax: number;
  /** Whether a topic that isn't there is made by asking for it. */
  readonly createTopics: boolean;
  readonly onFailed: (failed: FailedBatch) => void;
}

export interface FailedBatch {
  readonly error: Fault;
  /** Everyone who wrote a record of it was told. */
  readonly isReported: boolean;
  /** It went out at least once, so the log's count of sequences may differ from ours. */
  readonly wasSent: boolean;
}

export interface Sender {
  /** Sends what can be sent, at the end of this turn. */
  pump(queue?: PartitionQueue): void;
  /** Until `resume`, gives up everything that isn't in flight, and what is in flight unless it turns out to be written. */
  giveUp(reason: Fault): void;
  resume(): void;
  close(): void;
}

const epochMax = 32_767;
const missingTopicMs = 5_000;

export function createSender(options: SenderOptions): Sender {
  const { cluster, accumulator, gate, isIdempotent, inFlightMax, deliveryTimeoutMs } = options;
  const { clock, random, logger } = cluster;
  const waiting = new Set<PartitionQueue>();
  const leaders = createLeaders({
    cluster,
    createTopics: options.createTopics,
    missingMsMax: missingTopicMs,
    onAnswer: () => schedule(),
  });
  let isScheduled = false;
  let timer: Timer | null = null;
  let timerMs = Number.POSITIVE_INFINITY;
  let givenUp: Fault | null = null;
  let closed = false;

  function schedule(queue?: PartitionQueue): void {
    if (queue !== undefined) waiting.add(queue);
    if (isScheduled || closed) return;
    isScheduled = true;
    queueMicrotask(pump);
  }

  function pump(): void {
    isScheduled = false;
    if (givenUp !== null) {
      giveUpPending(givenUp);
      return;
    }
    const nowMs = clock.monotonicMs();
    for (let sent = true; sent; ) {
      sent = false;
      const drafts = new Map<number, { batches: SealedBatch[]; bytes: number }>();
      for (const queue of waiting) {
        const batch = nextBatch(queue, nowMs);
        if (batch === undefined) continue;
        const leader = leaderOf(queue);
        if (leader === undefined) continue;
        if (!gate.admits(queue)) continue;
        let draft = drafts.get(leader);
        if (draft !== undefined && draft.bytes + batch.bytes.length > options.requestBytesMax) continue;
        if (draft === undefined) drafts.set(leader, (draft = { batches: [], bytes: 0 }));
        draft.batches.push(batch);
        draft.bytes += batch.bytes.length;
      }
      // One that expired meanwhile breaks a transaction, and what was to go with it was given up.
      if (givenUp !== null) return;
      for (const [leader, { batches }] of drafts) {
        sent = true;
        send(leader, batches);
      }
    }
  }

  /** The batch that may go next, or undefined: nothing waits, or something must be over first. */
  function nextBatch(queue: PartitionQueue, nowMs: number): SealedBatch | undefined {
    if (queue.pending.length === 0) {
      waiting.delete(queue);
      return undefined;
    }
    if (queue.retryAtMs > nowMs) return wakeAt(queue.retryAtMs, nowMs);
    expire(queue, nowMs);
    if (isIdempotent && !prepareIdentity(queue)) return undefined;
    const limit = isIdempotent && !queue.settled ? 1 : inFlightMax;
    if (queue.inFlight >= limit) return undefined;
    const index = queue.pending.findIndex((batch) => !batch.inFlight);
    const batch = queue.pending[index];
    if (batch === undefined) {
      if (queue.pending.length === 0) waiting.delete(queue);
      return undefined;
    }
    const isRepeated = batch.sends > 0;
    if (isRepeated) return index > 0 || (!isIdempotent && queue.inFlight > 0) ? undefined : batch;
    // A log knows a repeated batch only among the last few, so a lost one may not be overtaken by more than these.
    const oldest = queue.pending[0]!.number;
    return oldest >= 0 && queue.numbered - oldest >= inFlightMax ? undefined : batch;
  }

  /** Whether the queue's batches count under a producer epoch; starts a new one where the log has lost the count. */
  function prepareIdentity(queue: PartitionQueue): boolean {
    if (queue.restart && queue.inFlight > 0) return false;
    if (queue.producerId >= 0 && !queue.restart) return true;
    const identity = gate.identity();
    if (identity === null) return false;
    if (queue.restart && queue.producerId === identity.producerId && queue.producerEpoch >= epochMax) {
      queue.producerId = -1;
      gate.renewIdentity();
      return false;
    }
    const isSame = queue.producerId === identity.producerId;
    adoptProducer(queue, identity.producerId, isSame ? queue.producerEpoch + 1 : identity.producerEpoch);
    return true;
  }

  function expire(queue: PartitionQueue, nowMs: number): void {
    for (let batch = queue.pending[0]; batch !== undefined; batch = queue.pending[0]) {
      if (batch.inFlight || nowMs - batch.sealedMs < deliveryTimeoutMs) return;
      const what = `delivery of ${batch.recordCount} records to ${queue.topic}-${queue.partition}`;
      fail(batch, new Fault('TIMED_OUT', { what, afterMs: deliveryTimeoutMs }));
    }
  }

  /**
   * Undefined while there is none, or the topic doesn't exist and the queue has failed for it, but for what may be in the log:
   * whoever wrote it would write it again, and a node that was cut off does not know of every topic.
   */
  function leaderOf(queue: PartitionQueue): number | undefined {
    const leader = leaders.of(queue.topic, queue.partition);
    if (typeof leader === 'number' || leader === undefined) return leader;
    for (const batch of queue.pending.filter((one) => !one.inFlight && !one.uncertain).reverse()) fail(batch, leader);
    return undefined;
  }

  function wakeAt(dueMs: number, nowMs: number): undefined {
    if (dueMs >= timerMs) return;
    timer?.cancel();
    timerMs = dueMs;
    timer = clock.after(Math.ceil(dueMs - nowMs), () => {
      timerMs = Number.POSITIVE_INFINITY;
      schedule();
    });
  }

  function send(nodeId: number, batches: readonly SealedBatch[]): void {
    const topics = new Map<string, { index: number; records: Uint8Array[] }[]>();
    for (const batch of batches) {
      const { queue } = batch;
      stamp(batch);
      if (batch.sends === 0) batch.number = queue.numbered++;
      batch.sends += 1;
      batch.inFlight = true;
      queue.inFlight += 1;
      let partitions = topics.get(queue.topic);
      if (partitions === undefined) topics.set(queue.topic, (partitions = []));
      partitions.push({ index: queue.partition, records: [batch.bytes] });
    }
    const request = apis.produce.request.create({
      transactionalId: gate.transactionalId,
      acks: options.acks,
      timeoutMs: options.requestTimeoutMs,
      topicData: [...topics].map(([name, partitionData]) => ({ name, partitionData })),
    });
    cluster.call(nodeId, 'produce', request).then(
      (answer) => receive(batches, answer),
      (error: unknown) => lose(batches, error),
    );
  }

  function receive(batches: readonly SealedBatch[], answer: ResponseOf<'produce'>): void {
    const answers = new Map<string, PartitionAnswer>();
    for (const { name, partitionResponses } of answer.responses) {
      for (const partition of partitionResponses) answers.set(`${name}-${partition.index}`, partition);
    }
    for (const batch of batches) {
      const { queue } = batch;
      land(batch);
      const found = answers.get(`${queue.topic}-${queue.partition}`);
      if (found === undefined) retry(batch, true);
      else if (found.errorCode === 0) written(batch, found.baseOffset, found.logAppendTimeMs);
      else if (found.errorCode === errors.DUPLICATE_SEQUENCE_NUMBER.code) written(batch, -1, -1);
      else refused(batch, found);
      schedule(queue);
    }
  }

  function lose(batches: readonly SealedBatch[], error: unknown): void {
    const fault =
      error instanceof Fault ? error : new Fault('REMOTE_FAILED', { what: 'produce', reason: String(error) }, error);
    const isLost = isRetriable(fault);
    if (!isLost) logger.warn({ error }, 'a produce request failed');
    for (const batch of batches) {
      land(batch);
      batch.uncertain = true;
      if (isLost) {
        leaders.forget(batch.queue.topic);
        retry(batch, false);
      } else fail(batch, fault);
      schedule(batch.queue);
    }
  }

  function land(batch: SealedBatch): void {
    batch.inFlight = false;
    batch.queue.inFlight -= 1;
  }

  function written(batch: SealedBatch, baseOffset: number, logAppendTimeMs: number): void {
    const { queue } = batch;
    removeWritten(batch);
    queue.retryAtMs = 0;
    if (baseOffset >= 0 && batch.number > queue.lastNumber) {
      queue.lastNumber = batch.number;
      queue.lastOffset = baseOffset + batch.recordCount - 1;
    }
    for (const { index, timestampMs, latch } of batch.replies ?? []) {
      const offset = baseOffset < 0 ? -1 : baseOffset + index;
      latch.resolve({ offset, timestampMs: logAppendTimeMs >= 0 ? logAppendTimeMs : timestampMs });
    }
    settle(batch);
  }

  function refused(batch: SealedBatch, answer: PartitionAnswer): void {
    const verdict = verdictOn(batch, answer, gate.transactionalId);
    if (mayBeWritten(answer)) batch.uncertain = true;
    if (verdict instanceof Fault) fail(batch, verdict);
    else if (verdict === 'split') replace(batch);
    else if (verdict === 'tooLarge') void recordTooLarge(batch);
    else {
      if (verdict === 'restart') batch.queue.restart = true;
      if (verdict === 'refresh') leaders.forget(batch.queue.topic);
      retry(batch, true);
    }
  }

  function replace(batch: SealedBatch): void {
    const parts = splitBatch(batch);
    replaceBatch(batch, parts);
    accumulator.release(batch.bufferedBytes - parts.reduce((sum, part) => sum + part.bufferedBytes, 0), batch.queue);
  }

  /** Counts as in flight while the topic's limit is asked for. */
  async function recordTooLarge(batch: SealedBatch): Promise<void> {
    const { topic } = batch.queue;
    batch.inFlight = true;
    batch.queue.inFlight += 1;
    const key = printableKey(batch);
    const bytesMax = await topicBytesMax(cluster, topic);
    const detail = { topic, bytes: batch.bytes.length, bytesMax, ...(key === undefined ? {} : { key }) };
    land(batch);
    fail(batch, new Fault('RECORD_TOO_LARGE', detail));
    schedule(batch.queue);
  }

  function retry(batch: SealedBatch, isAnswered: boolean): void {
    const { queue } = batch;
    if (givenUp !== null) {
      fail(batch, givenUp);
      return;
    }
    const nowMs = clock.monotonicMs();
    if (nowMs - batch.sealedMs >= deliveryTimeoutMs) return; // expires when its queue is looked at
    const delayMs = backoffMs(batch.sends - 1, retryBackoff, random);
    queue.retryAtMs = Math.max(queue.retryAtMs, nowMs + delayMs);
    logger.debug(
      { topic: queue.topic, partition: queue.partition, sends: batch.sends, isAnswered },
      'a batch is sent again',
    );
  }

  /** Told once: in a transaction the first failure gives up all others while it is told. */
  function fail(batch: SealedBatch, error: Fault): void {
    if (!batch.queue.pending.includes(batch)) return;
    removeFailed(batch);
    for (const { latch } of batch.replies ?? []) latch.reject(error);
    const isReported = batch.replies !== null && batch.replies.length === batch.recordCount;
    options.onFailed({ error, isReported, wasSent: batch.sends > 0 });
    settle(batch);
  }

  function settle(batch: SealedBatch): void {
    accumulator.release(batch.bufferedBytes, batch.queue);
    for (const waiter of batch.flushes ?? []) {
      waiter.left -= 1;
      if (waiter.left === 0) waiter.latch.resolve();
    }
  }

  /** From the last to the first, so that what was never sent leaves no hole in the sequence. */
  function giveUpPending(reason: Fault): void {
    for (const queue of accumulator.queues()) {
      for (const batch of queue.pending.filter((one) => !one.inFlight).reverse()) fail(batch, reason);
    }
  }

  return {
    pump: schedule,
    giveUp(reason) {
      givenUp = reason;
      giveUpPending(reason);
    },
    resume() {
      givenUp = null;
    },
    close() {
      closed = true;
      leaders.close();
      timer?.cancel();
    },
  };
}
