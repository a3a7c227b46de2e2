// Repartition topics keep everything by time, because only the job knows what it still needs: what is committed is
// deleted here, now and then (Kafka Streams' repartition.purge.interval.ms, 30 s).
import type { Admin } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import { partitionName } from '../../core/kernel/ids.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import type { CommitOffset } from '../delivery/delivery.ts';

export interface RepartitionPurge {
  /** After a commit. Starts a deletion where one is due; never waits for it. */
  committed(offsets: readonly CommitOffset[]): void;
  /** Resolves when no deletion is under way. */
  settle(): Promise<void>;
}

const purgeEveryMs = 30_000;

export function createRepartitionPurge(parts: {
  readonly topology: Topology;
  readonly admin: Admin;
  readonly clock: Clock;
  readonly logger: Logger;
}): RepartitionPurge {
  const { topology, admin, clock, logger } = parts;
  const repartition = new Set(
    topology.internalTopics.filter(({ purpose }) => purpose === 'repartition').map(({ name }) => name),
  );
  const waiting = new Map<string, CommitOffset>();
  let purgedAtMs = clock.monotonicMs();
  let running: Promise<void> | null = null;

  async function purge(offsets: readonly CommitOffset[]): Promise<void> {
    try {
      await admin.deleteRecords(offsets);
    } catch (error) {
      // Nothing is lost by keeping them: the next time takes these along.
      logger.debug({ error }, 'processed records of repartition topics could not be deleted');
    }
  }

  return {
    committed(offsets) {
      for (const offset of offsets) if (repartition.has(offset.topic)) waiting.set(partitionName(offset), offset);
      if (waiting.size === 0 || running !== null || clock.monotonicMs() - purgedAtMs < purgeEveryMs) return;
      purgedAtMs = clock.monotonicMs();
      const taken = [...waiting.values()];
      waiting.clear();
      running = purge(taken).finally(() => {
        running = null;
      });
    },
    async settle() {
      await running;
    },
  };
}
