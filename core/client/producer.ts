// The producer that people and the runtime hold: chooses partitions, and joins the accumulator, the sender and, given a
// transactional id, the transactions. Idempotent always: a retry is never a second record.
import { Fault } from '../kernel/fault.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';
import { partitionForKey } from '../kernel/murmur2.ts';
import { apis } from '../protocol/api-table.ts';
import type { CompressionName } from '../protocol/compression/registry.ts';
import type { RecordHeaders } from '../protocol/record-cursor.ts';
import { createAccumulator } from './accumulator.ts';
import type { Cluster } from './cluster.ts';
import type { GroupGeneration } from './group-generation.ts';
import type { OffsetToCommit } from './offsets.ts';
import { isRetriable, refusal, retrying } from './retry.ts';
import { createSender, type FailedBatch, type ProducerIdentity, type SendGate } from './sender.ts';
import { createTransactions, type Transactions } from './transactions.ts';

export interface ProducerOptions {
  /** Size at which a batch is closed, before compression. Default 64 KiB: Kafka's 16 KiB cost a quarter of the speed. */
  readonly batchBytes?: number;
  /** How long a record waits for others to fill its batch. Default 5 ms; `flush` sends at once. */
  readonly lingerMs?: number;
  /** Memory for what is not acknowledged. Default 32 MiB. */
  readonly bufferBytesMax?: number;
  /** Default 'none'. */
  readonly compression?: CompressionName;
  /** Size of one record, and of one request where it isn't a single batch. Default 1 MiB, as Kafka's `max.request.size`. */
  readonly requestBytesMax?: number;
  /** Batches of one partition on their way at once; Kafka remembers 5. Default 5. */
  readonly inFlightMax?: number;
  /** How long a record is tried. Default 120 s. */
  readonly deliveryTimeoutMs?: number;
  /** Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Makes the producer transactional. At most one producer of an id is alive: a newer one fences the older. */
  readonly transactionalId?: string;
  /** After which the cluster aborts a transaction that doesn't end. Default 60 s. */
  readonly transactionTimeoutMs?: number;
  /** Whether a topic that isn't there is made by writing to it. Default false: a typo makes no topic. */
  readonly createTopics?: boolean;
}

export interface RecordToSend {
  readonly topic: string;
  /** Default by key as every Kafka client does (murmur2), without a key the one that the batch under way goes to (KIP-480). */
  readonly partition?: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Default the clock's. */
  readonly timestampMs?: number;
  readonly headers?: RecordHeaders;
}

export interface SentRecord {
  readonly topic: string;
  readonly partition: number;
  /** -1 where the cluster has forgotten it: the record was acknowledged, but only to a repeated request. */
  readonly offset: number;
  readonly timestampMs: number;
}

export interface Producer extends AsyncDisposable {
  /**
   * Puts one record into the open batch of its partition; makes no promise.
   *
   * @param value a text is written as UTF-8
   * @returns false when the buffer is full: the record was taken, await `ready()` before the next
   * @throws Fault `RECORD_TOO_LARGE`, and in a transactional producer `TRANSACTION_STATE` or what broke the transaction
   */
  write(
    topic: string,
    partition: number,
    timestampMs: number,
    key: Uint8Array | null,
    value: Uint8Array | string | null,
    headers?: RecordHeaders,
  ): boolean;
  /** Resolves when the buffer has room. */
  ready(): Promise<void>;
  /** Everything written so far is acknowledged. Rejects with the first failure since the last flush. */
  flush(): Promise<void>;
  /** @throws Fault `TOPIC_NOT_FOUND` */
  partitionsOf(topic: string): Promise<number>;
  /** Needs `partitionsOf(topic)` to have resolved before. */
  partitionFor(topic: string, key: Uint8Array | null): number;
  /** Writes one record and resolves once it is acknowledged. */
  send(record: RecordToSend): Promise<SentRecord>;
  /** Offset of the last acknowledged record there; undefined before the first. */
  lastOffset(topic: string, partition: number): number | undefined;
  /** Once, before the first transaction: takes the id over from whoever had it. */
  initTransactions(): Promise<void>;
  begin(): void;
  /** Commits the offsets with the transaction. @throws Fault `REBALANCED` when the group has moved on */
  sendOffsets(groupId: string, offsets: readonly OffsetToCommit[], generation?: GroupGeneration): Promise<void>;
  /** Flushes, then commits; nothing can be written meanwhile. When it rejects, `abort()`; after Fault `PRODUCER_FENCED`, `close()`. */
  commit(): Promise<void>;
  /** @throws Fault `TRANSACTION_COMMITTED` when a `commit()` that rejected was carried out after all: its records are there */
  abort(): Promise<void>;
  /** Sends what was written and aborts an open transaction. Rejects as `flush` does; a second call only waits for the first. */
  close(): Promise<void>;
}

export function createProducer(cluster: Cluster, options: ProducerOptions = {}): Producer {
  const { clock, random, logger } = cluster;
  const { transactionalId, requestBytesMax = 1_048_576, createTopics = false } = options;
  let failure: Fault | null = null;
  /** `close` was called: what was written before is sent, and nothing is taken any more. */
  let isClosing = false;
  let closing: Promise<void> | null = null;
  let identity: ProducerIdentity | null = null;
  let isAsking = false;
  let identitySeen = 0;
  let aborts = 0;
  /** Of each `send` that has not put its record into a batch yet: it was called before whatever is called now. */
  const arriving = new Set<Promise<void>>();
  const lastArrivals = new Map<string, Promise<void>>();
  const sticky = new Map<string, { partition: number; sealed: number }>();

  const { inFlightMax = 5 } = options;
  const accumulator = createAccumulator({
    clock,
    batchBytes: options.batchBytes ?? 65_536,
    lingerMs: options.lingerMs ?? 5,
    inFlightMax,
    bufferBytesMax: options.bufferBytesMax ?? 32 * 1_048_576,
    recordBytesMax: requestBytesMax,
    compression: options.compression ?? 'none',
    isTransactional: transactionalId !== undefined,
    onSealed: (queue) => sender.pump(queue),
  });

  const transactions: Transactions | null =
    transactionalId === undefined
      ? null
      : createTransactions({
          cluster,
          transactionalId,
          transactionTimeoutMs: options.transactionTimeoutMs ?? 60_000,
          apiTimeoutMs: 60_000,
          onProgress: () => sender.pump(),
          onFailed: (error) => sender.giveUp(error),
        });

  const gate: SendGate = {
    transactionalId: transactionalId ?? null,
    identity: () => (transactions === null ? ownIdentity() : transactions.identity()),
    renewIdentity: () => (identity = null),
    admits: (queue) => transactions === null || transactions.admits(queue),
  };

  const sender = createSender({
    cluster,
    accumulator,
    gate,
    isIdempotent: true,
    acks: -1,
    inFlightMax,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
    requestBytesMax,
    createTopics,
    onFailed,
  });

  function onFailed({ error, isReported, wasSent }: FailedBatch): void {
    if (!isReported) failure ??= error;
    transactions?.fail(error, wasSent);
  }

  /** Asked for with the first batch; while it can't be had, batches wait until their delivery time is over. */
  function ownIdentity(): ProducerIdentity | null {
    if (identity !== null || isAsking) return identity;
    isAsking = true;
    const request = apis.initProducerId.request.create({ transactionalId: null, transactionTimeoutMs: 0 });
    retrying({ clock, random, timeoutMs: 60_000 }, async () => {
      const answer = await cluster.call('any', 'initProducerId', request);
      if (answer.errorCode !== 0) throw refusal('initProducerId', answer.errorCode);
      return answer;
    })
      .then(
        ({ producerId, producerEpoch }) => (identity = { producerId, producerEpoch }),
        (error: unknown) => {
          logger.error({ error }, 'no producer id');
          if (!(error instanceof Fault) || isRetriable(error)) return;
          sender.giveUp(error);
          sender.resume();
        },
      )
      .finally(() => {
        isAsking = false;
        sender.pump();
      });
    return null;
  }

  function assertNotClosed(): void {
    if (isClosing) throw new Fault('CLOSED', { what: 'the producer' });
  }

  function assertWritable(): void {
    assertNotClosed();
    transactions?.assertOpen('write');
  }

  async function flush(): Promise<void> {
    while (arriving.size > 0) await Promise.all(arriving);
    await accumulator.flush();
    if (failure === null) return;
    const first = failure;
    failure = null;
    throw first;
  }

  function countSeen(topic: string): number {
    const count = cluster.topicSeen(topic)?.partitions.length;
    if (count === undefined || count === 0) throw new Fault('TOPIC_NOT_FOUND', { topic });
    return count;
  }

  /** Without a key, one partition until a batch is closed, then another at random. */
  function stickyPartition(topic: string): number {
    const held = sticky.get(topic);
    const sealedOf = (partition: number) => accumulator.queue(topic, partition)?.sealed ?? 0;
    if (held !== undefined && held.sealed === sealedOf(held.partition)) return held.partition;
    const count = countSeen(topic);
    let partition = random.integer(count);
    if (held !== undefined && partition === held.partition) partition = (partition + 1) % count;
    sticky.set(topic, { partition, sealed: sealedOf(partition) });
    return partition;
  }

  function partitionFor(topic: string, key: Uint8Array | null): number {
    const count = countSeen(topic);
    if (count === 1) return 0;
    return key === null ? stickyPartition(topic) : partitionForKey(key, count);
  }

  function needTransactions(): Transactions {
    if (transactions === null)
      throw new Fault('TRANSACTION_STATE', {
        transactionalId: '',
        action: 'take part',
        state: 'a producer without transactionalId',
      });
    return transactions;
  }

  async function abort(): Promise<void> {
    const own = needTransactions();
    own.beginEnd(false);
    aborts += 1;
    const reason = new Fault('TRANSACTION_ABORTED', { transactionalId: transactionalId! });
    accumulator.dropOpen(reason);
    sender.giveUp(reason);
    await accumulator.flush();
    failure = null;
    const outcome = await own.end(false);
    afterEnd(own);
    if (outcome === 'committed') throw new Fault('TRANSACTION_COMMITTED', { transactionalId: transactionalId! });
  }

  async function commit(): Promise<void> {
    const own = needTransactions();
    own.beginEnd(true);
    try {
      await flush();
    } catch (error) {
      own.fail(error as Fault, false);
      throw error;
    }
    await own.end(true);
    afterEnd(own);
  }

  /** Records of one topic go into their batches in the order of the calls, however long each had to wait for metadata. */
  async function arrive(
    { topic, key, value, headers, ...record }: RecordToSend,
    before: Promise<void> | undefined,
  ): Promise<{ readonly partition: number; readonly sent: Promise<Pick<SentRecord, 'offset' | 'timestampMs'>> }> {
    const abortsBefore = aborts;
    try {
      if (record.partition === undefined) await cluster.topic(topic, { createTopics });
      await accumulator.ready();
      await before;
      if (aborts > abortsBefore) throw new Fault('TRANSACTION_ABORTED', { transactionalId: transactionalId! });
      transactions?.assertUnbroken();
      const partition = record.partition ?? partitionFor(topic, key);
      const timestampMs = record.timestampMs ?? clock.now();
      const sent = accumulator.writeAcknowledged(topic, partition, timestampMs, key, value, headers);
      return { partition, sent };
    } catch (error) {
      // A transaction is not committed without a record that was handed in for it.
      if (aborts === abortsBefore) transactions?.fail(error as Fault, false);
      throw error;
    }
  }

  /** Queues count from 0 under a new producer epoch. */
  function afterEnd(own: Transactions): void {
    if (own.identityCount !== identitySeen) {
      identitySeen = own.identityCount;
      for (const queue of accumulator.queues()) queue.producerId = -1;
    }
    failure = null;
    sender.resume();
  }

  async function finish(): Promise<void> {
    try {
      if (transactions?.isOpen) await abort();
      else await flush();
    } finally {
      accumulator.close();
      sender.close();
    }
  }

  function arrived(topic: string, { promise, resolve }: Latch<void>): void {
    arriving.delete(promise);
    if (lastArrivals.get(topic) === promise) lastArrivals.delete(topic);
    resolve();
  }

  return {
    write(topic, partition, timestampMs, key, value, headers) {
      assertWritable();
      return accumulator.write(topic, partition, timestampMs, key, value, headers);
    },
    ready: accumulator.ready,
    flush,
    async partitionsOf(topic) {
      return (await cluster.topic(topic, { createTopics })).partitions.length;
    },
    partitionFor,
    async send(record) {
      assertWritable();
      const { topic } = record;
      const arrival = createLatch();
      const before = lastArrivals.get(topic);
      arriving.add(arrival.promise);
      lastArrivals.set(topic, arrival.promise);
      try {
        const { partition, sent } = await arrive(record, before);
        arrived(topic, arrival);
        return { topic, partition, ...(await sent) };
      } finally {
        arrived(topic, arrival);
      }
    },
    lastOffset: (topic, partition) => accumulator.queue(topic, partition)?.lastOffset,
    async initTransactions() {
      const own = needTransactions();
      await own.init();
      afterEnd(own);
    },
    begin() {
      assertNotClosed();
      needTransactions().begin();
    },
    sendOffsets: (groupId, offsets, generation) => needTransactions().sendOffsets(groupId, offsets, generation),
    commit,
    abort,
    async close() {
      // What fails is said once.
      if (closing !== null) return await closing.catch(() => {});
      isClosing = true;
      closing = finish();
      await closing;
    },
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
}
