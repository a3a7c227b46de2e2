// How what a worker has done becomes permanent. Both guarantees share one order, and it is the reason this file exists:
// outputs and changelogs are acknowledged, then input offsets are committed, then state is written with the changelog
// offset that it reaches. So state on disk is never ahead of the log, and a crash never wipes it (compare KIP-892).

import type { GroupGeneration, Offsets, Producer } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import { isFault } from '../../core/kernel/fault.ts';
import type { TaskStores } from '../state/task-stores.ts';
import type { TaskOutput } from '../task/task-output.ts';
import { createOutput, type TopicLimits } from './output.ts';

export interface CommitOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** What is committed together: of one or all tasks of a worker. */
export interface CommitWork {
  readonly offsets: readonly CommitOffset[];
  readonly generation: GroupGeneration;
  readonly stores: readonly {
    readonly stores: TaskStores;
    readonly partition: number;
    /** Changelog topics that the task writes. */
    readonly changelogs: readonly string[];
    /** Positions of stores whose changelog is their input topic. */
    readonly inputPositions: ReadonlyMap<string, number>;
  }[];
}

export interface Delivery {
  readonly output: TaskOutput;
  /** Waits while the producer's buffer is full. */
  ready(): Promise<void>;
  /** @throws Fault when nothing or not everything was committed: the tasks' state in memory must then be thrown away */
  commit(work: CommitWork): Promise<void>;
  /** Gives up what was written since the last commit, as far as the guarantee allows. When it rejects it may be tried again. */
  abort(): Promise<void>;
  close(): Promise<void>;
}

export interface TransactionalOptions extends DeliveryOptions {
  /** A producer that takes the transactional id over: for one that was fenced, because its transaction timed out. */
  readonly renew: () => Promise<Producer>;
}

export interface DeliveryOptions {
  readonly producer: Producer;
  readonly clock: Clock;
  readonly groupId: string;
  readonly limits: ReadonlyMap<string, TopicLimits>;
  /** See `createOutput`. */
  readonly onAged: (topic: string, timestampMs: number) => void;
}

/** Changelog records carry the time of writing, so that retention never takes state of old event times; event time is in the value. */
function writeChangelogs(work: CommitWork, output: TaskOutput, clock: Clock): void {
  for (const { stores, partition } of work.stores) {
    stores.drainChanges((topic, key, value) => output.write(topic, partition, key, value, clock.now(), []));
  }
}

/** State is written so often, where commits come faster: a key that changes in each of them is then written once. */
const writeStateMs = 1_000;
/** Of a task's changes that are not written: above, they are at once. */
const unwrittenBytesMax = 3 * 1024 * 1024;

function createStateWriter(clock: Clock): (work: CommitWork, producer: Producer) => Promise<void> {
  const writtenMs = new WeakMap<TaskStores, number>();
  return async (work, producer) => {
    for (const { stores, partition, changelogs, inputPositions } of work.stores) {
      const checkpoints = new Map(inputPositions);
      for (const topic of changelogs) {
        const last = producer.lastOffset(topic, partition);
        if (last !== undefined) checkpoints.set(topic, last + 1);
      }
      const isDue = clock.monotonicMs() - (writtenMs.get(stores) ?? Number.NEGATIVE_INFINITY) >= writeStateMs;
      const isNow = isDue || stores.dirtyBytes > unwrittenBytesMax;
      await stores.commit(checkpoints, isNow ? 'now' : 'later');
      if (isNow) writtenMs.set(stores, clock.monotonicMs());
    }
  };
}

/** After a crash between the flush and the commit, input is processed again: outputs may repeat, nothing is missing. */
export function createAtLeastOnce({
  producer,
  clock,
  offsets,
  limits,
  onAged,
}: DeliveryOptions & { readonly offsets: Offsets }): Delivery {
  const writeState = createStateWriter(clock);
  const output = createOutput(
    () => producer,
    limits,
    () => {},
    onAged,
  );
  return {
    output,
    ready: () => producer.ready(),
    async commit(work) {
      writeChangelogs(work, output, clock);
      await producer.flush();
      if (work.offsets.length > 0) await offsets.commit(work.offsets, work.generation);
      await writeState(work, producer);
    },
    abort: async () => {},
    close: () => producer.close(),
  };
}

/**
 * Outputs, changelogs and input offsets in one transaction per worker (KIP-447): a member of an old generation is refused
 * its offsets, and with them the transaction.
 */
export function createExactlyOnce(options: TransactionalOptions): Delivery {
  const { clock, groupId, limits, onAged } = options;
  let { producer } = options;
  let open = false;
  const begin = () => {
    if (open) return;
    producer.begin();
    open = true;
  };
  const output = createOutput(() => producer, limits, begin, onAged);
  const writeState = createStateWriter(clock);

  /** One that was fenced, or whose abort went through without a new epoch for it. @throws what says neither */
  async function replace(error: unknown): Promise<void> {
    if (!isFault(error, 'PRODUCER_FENCED') && !isFault(error, 'TRANSACTION_STATE')) throw error;
    await producer.close().catch(() => {}); // it has nothing that counts
    producer = await options.renew();
  }

  return {
    output,
    ready: () => producer.ready(),
    async commit(work) {
      writeChangelogs(work, output, clock);
      if (!open && work.offsets.length === 0) return;
      begin();
      if (work.offsets.length > 0) await producer.sendOffsets(groupId, work.offsets, work.generation);
      await producer.commit();
      open = false;
      await writeState(work, producer);
    },
    async abort() {
      if (!open) return;
      try {
        await producer.abort();
      } catch (error) {
        // Where it was committed, tasks begin again behind it.
        if (!isFault(error, 'TRANSACTION_COMMITTED')) await replace(error);
      }
      open = false;
    },
    close: () => producer.close(),
  };
}
