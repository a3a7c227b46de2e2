// The transaction coordinator: shards over `__transaction_state`, and the two-step end of a transaction. What is decided
// (prepare) is on disk before the first marker is written, and once decided it is carried out, by this life of the node
// or the next.

import { setMaxListeners } from 'node:events';
import { backoffMs } from '../../kernel/backoff.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Fault } from '../../kernel/fault.ts';
import { createLatch } from '../../kernel/latch.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Random } from '../../kernel/random.ts';
import { createCoordinatorRuntime, type ShardContext } from '../runtime.ts';
import type { CommandResult, Shard, ShardLog, TransactionMarker } from '../shard.ts';
import {
  forgottenRecord,
  readTransactionRecord,
  type Transaction,
  type TransactionTopic,
  transactionRecord,
} from './record.ts';
import {
  addPartitions,
  begin,
  complete,
  type Decision,
  end,
  fence,
  type ProducerIdentity,
  type TransactionRefusal,
} from './state.ts';

export interface TransactionSettings {
  /** transaction.max.timeout.ms */
  readonly timeoutMsMax: number;
  /** transactional.id.expiration.ms */
  readonly expirationMs: number;
}

export interface TransactionCoordinatorOptions {
  readonly topic: string;
  readonly partitions: () => number;
  readonly openLog: (topic: string, partition: number) => Promise<ShardLog>;
  readonly existing: () => Promise<readonly number[]>;
  /** As the runtime's: transactions time out and end without being asked, once their shard is read again by `load`. */
  readonly onDropped?: (partition: number) => void;
  /** Writes the end of a transaction into one partition. A partition that is gone resolves. */
  readonly writeMarker: (topic: string, partition: number, marker: TransactionMarker) => Promise<void>;
  readonly allocateProducerId: () => Promise<number>;
  readonly settings: TransactionSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export type Refusable<T> = ({ readonly error: 'NONE' } & T) | { readonly error: TransactionRefusal };

/** Calls reject with Fault `STORAGE_FAILED` or `CLOSED` as the runtime's do; what is not allowed is an error in the reply. */
export interface TransactionCoordinator {
  partitionFor(transactionalId: string): number;
  begin(request: {
    readonly transactionalId: string;
    readonly timeoutMs: number;
    readonly expected: ProducerIdentity | null;
  }): Promise<Refusable<ProducerIdentity>>;
  addPartitions(
    transactionalId: string,
    producer: ProducerIdentity,
    topics: readonly TransactionTopic[],
  ): Promise<Refusable<object>>;
  /** Whether the partition is in the producer's ongoing transaction, TRANSACTION_ABORTABLE where it isn't (KIP-890). */
  verify(
    transactionalId: string,
    producer: ProducerIdentity,
    topic: string,
    partition: number,
  ): Promise<Refusable<object>>;
  /** Resolves when every marker is written, so whoever reads after it reads the outcome. */
  end(transactionalId: string, producer: ProducerIdentity, commit: boolean): Promise<Refusable<object>>;
  describe(transactionalId: string): Promise<Transaction | null>;
  list(): Promise<readonly Transaction[]>;
  /** Forgets ids that nobody has used for transactional.id.expiration.ms. */
  expire(): Promise<void>;
  /** The partition is this node's now: transactions whose end was decided are ended. */
  load(partition: number): Promise<void>;
  /** The partition is another node's now. */
  unload(partition: number): void;
  close(): Promise<void>;
}

interface TransactionShard extends Shard {
  /** Of the markers that it writes. */
  readonly epoch: number;
  /** Aborted once another node coordinates, or this one anew from its log: what it had begun is that one's to end. */
  readonly over: AbortSignal;
  readonly transactions: ReadonlyMap<string, Transaction>;
  /**
   * What producers had when they asked to have their epoch raised, so that the same request again gets the same answer.
   * Not in the log, as in Kafka: after a restart such a producer is fenced, which is safe.
   */
  readonly raisedFrom: Map<string, ProducerIdentity>;
}

const closed = () => new Fault('CLOSED', { what: 'the transaction coordinator' });
const markerRetry = { firstMs: 50, maxMs: 5_000 } as const;

export function createTransactionCoordinator(options: TransactionCoordinatorOptions): TransactionCoordinator {
  const { clock, settings, logger, writeMarker } = options;
  const closing = new AbortController();
  const endings = new Set<Promise<void>>();

  function makeShard({ timers, epoch }: ShardContext<TransactionShard>): TransactionShard {
    const transactions = new Map<string, Transaction>();
    const dropped = new AbortController();
    const over = AbortSignal.any([closing.signal, dropped.signal]);
    setMaxListeners(0, over); // as many as there are transactions whose end is tried again
    let live = false;
    const follow = (transaction: Transaction) => {
      const { transactionalId, state } = transaction;
      if (state === 'ongoing') {
        const dueMs = transaction.startedAtMs + transaction.timeoutMs - clock.now();
        if (!timers.has(transactionalId))
          timers.schedule(transactionalId, Math.max(0, dueMs), (shard) => timeOut(shard, transactionalId));
        return;
      }
      timers.cancel(transactionalId);
      if (state === 'prepareCommit' || state === 'prepareAbort') carryOut(shard, transaction);
    };
    const shard: TransactionShard = {
      transactions,
      epoch,
      over,
      raisedFrom: new Map(),
      replay(record) {
        const read = readTransactionRecord(record);
        if (read === null) return;
        if (read.transaction === null) transactions.delete(read.transactionalId);
        else transactions.set(read.transactionalId, read.transaction);
        if (live && read.transaction?.state === 'ongoing') follow(read.transaction);
        else if (live) timers.cancel(read.transactionalId);
      },
      loaded() {
        live = true;
        for (const transaction of transactions.values()) follow(transaction);
      },
      unloaded: () => dropped.abort(),
    };
    return shard;
  }

  const runtime = createCoordinatorRuntime<TransactionShard>({ ...options, makeShard });

  function settle<T extends object>(
    decision: Decision,
    reply: (transaction: Transaction) => Refusable<T> | Promise<Refusable<T>>,
  ): CommandResult<Refusable<T> | Promise<Refusable<T>>> {
    if (decision.kind === 'refuse') return { records: [], reply: { error: decision.error } };
    if (decision.kind === 'accept') return { records: [], reply: reply(decision.transaction) };
    return { records: [transactionRecord(decision.transaction)], reply: reply(decision.transaction) };
  }

  function timeOut(shard: TransactionShard, transactionalId: string): CommandResult<null> {
    const transaction = shard.transactions.get(transactionalId);
    if (transaction?.state !== 'ongoing') return { records: [], reply: null };
    const aborted = fence(transaction, clock.now());
    logger.warn(
      { transactionalId, timeoutMs: transaction.timeoutMs },
      'a transaction took longer than its timeout and is aborted',
    );
    return {
      records: [transactionRecord(aborted)],
      reply: null,
      settle: (outcome) => void (outcome === 'committed' && carryOut(shard, aborted)),
    };
  }

  /** Once a transaction and shard. Rejects with `CLOSED` when the shard is over. */
  function carryOut(shard: TransactionShard, transaction: Transaction): Promise<void> {
    const work = writeEnd(shard, transaction).finally(() => endings.delete(work));
    endings.add(work);
    work.catch(() => {});
    return work;
  }

  /**
   * Writes the markers, trying again until they are there, then says that it is done. The producer's next transaction has
   * the same epoch, so that a marker of this one which came late would end that one: they bear the epoch of the
   * coordinator, by which a log knows those of one that has been replaced.
   */
  async function writeEnd(shard: TransactionShard, transaction: Transaction): Promise<void> {
    const { transactionalId, producerId, producerEpoch } = transaction;
    const commit = transaction.state === 'prepareCommit';
    const marker: TransactionMarker = { producerId, producerEpoch, coordinatorEpoch: shard.epoch, commit };
    for (let attempt = 0; ; attempt++) {
      if (shard.over.aborted) throw closed();
      try {
        await Promise.all(
          transaction.topics.flatMap(({ topic, partitions }) =>
            partitions.map((partition) => writeMarker(topic, partition, marker)),
          ),
        );
        await runtime.run(transactionalId, (current) => {
          const now = current === shard ? shard.transactions.get(transactionalId) : undefined;
          if (now === undefined || now.state !== transaction.state || now.producerEpoch !== producerEpoch)
            return { records: [], reply: null };
          return { records: [transactionRecord(complete(now, clock.now()))], reply: null };
        });
        // Whoever coordinates it by now says whether it is done.
        if (shard.over.aborted) throw closed();
        return;
      } catch (error) {
        if (shard.over.aborted) throw closed();
        logger.warn(
          { err: error, transactionalId },
          'the end of a transaction could not be written everywhere; trying again',
        );
        await clock.sleep(backoffMs(attempt, markerRetry, options.random), shard.over).catch(() => {
          throw closed();
        });
      }
    }
  }

  return {
    partitionFor: runtime.partitionFor,
    async begin({ transactionalId, timeoutMs, expected }) {
      const freshProducerId = await options.allocateProducerId();
      return await runtime.run(transactionalId, (shard) => {
        const request = {
          transactionalId,
          timeoutMs,
          timeoutMsMax: settings.timeoutMsMax,
          nowMs: clock.now(),
          freshProducerId,
          expected,
          raisedFrom: shard.raisedFrom.get(transactionalId) ?? null,
        };
        const decision = begin(shard.transactions.get(transactionalId), request);
        if (decision.kind === 'become') {
          if (expected === null) shard.raisedFrom.delete(transactionalId);
          else shard.raisedFrom.set(transactionalId, expected);
        }
        if (decision.kind !== 'become' || decision.transaction.state !== 'prepareAbort') {
          return settle<ProducerIdentity>(decision, ({ producerId, producerEpoch }) => ({
            error: 'NONE',
            producerId,
            producerEpoch,
          }));
        }
        const { transaction } = decision;
        return {
          records: [transactionRecord(transaction)],
          reply: { error: 'CONCURRENT_TRANSACTIONS' } as Refusable<ProducerIdentity>,
          settle: (outcome) => void (outcome === 'committed' && carryOut(shard, transaction)),
        };
      });
    },
    addPartitions: (transactionalId, producer, topics) =>
      runtime.run(transactionalId, (shard) =>
        settle<object>(addPartitions(shard.transactions.get(transactionalId), producer, topics, clock.now()), () => ({
          error: 'NONE',
        })),
      ),
    verify: (transactionalId, producer, topic, partition) =>
      runtime.run(transactionalId, (shard) => {
        const decision = addPartitions(
          shard.transactions.get(transactionalId),
          producer,
          [{ topic, partitions: [partition] }],
          clock.now(),
        );
        if (decision.kind === 'refuse') return { records: [], reply: { error: decision.error } as Refusable<object> };
        return {
          records: [],
          reply: (decision.kind === 'accept'
            ? { error: 'NONE' }
            : { error: 'TRANSACTION_ABORTABLE' }) as Refusable<object>,
        };
      }),
    async end(transactionalId, producer, commit) {
      return await runtime.run(transactionalId, (shard) => {
        const decision = end(shard.transactions.get(transactionalId), producer, commit, clock.now());
        if (decision.kind !== 'become') return settle<object>(decision, () => ({ error: 'NONE' }));
        const done = createLatch<Refusable<object>>();
        const { transaction } = decision;
        return {
          records: [transactionRecord(transaction)],
          reply: done.promise,
          settle: (outcome) => {
            if (outcome === 'failed') return;
            carryOut(shard, transaction).then(() => done.resolve({ error: 'NONE' }), done.reject);
          },
        };
      });
    },
    describe: (transactionalId) =>
      runtime.run(transactionalId, (shard) => ({
        records: [],
        reply: shard.transactions.get(transactionalId) ?? null,
      })),
    async list() {
      const lists = await runtime.runOnAll((shard) => ({ records: [], reply: [...shard.transactions.values()] }));
      return lists.flat();
    },
    async expire() {
      const before = clock.now() - settings.expirationMs;
      await runtime.runOnAll((shard) => {
        const old = [...shard.transactions.values()].filter(
          ({ state, updatedAtMs }) =>
            (state === 'empty' || state === 'completeCommit' || state === 'completeAbort') && updatedAtMs < before,
        );
        return { records: old.map(({ transactionalId }) => forgottenRecord(transactionalId)), reply: null };
      });
    },
    async load(partition) {
      await runtime.runOn(partition, () => ({ records: [], reply: null }));
    },
    unload: runtime.unload,
    async close() {
      closing.abort();
      await runtime.close();
      await Promise.allSettled(endings);
    },
  };
}
