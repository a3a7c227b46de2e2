// Looks after the in-sync sets of what this node leads: from time to time asks the controller to take in who has caught up
// and to leave out who lags. One request at a time for all partitions, as Kafka's AlterPartitionManager; what isn't
// answered is asked again. The sets change only by what the controller decides.
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { InSyncAnswer, InSyncNode } from './in-sync-set.ts';
import type { LedPartition } from './led-partition.ts';

export interface InSyncChange {
  readonly topicId: string;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly inSync: readonly InSyncNode[];
}

export interface InSyncChangesOptions {
  readonly led: () => Iterable<readonly [{ readonly topicId: string; readonly partition: number }, LedPartition]>;
  /** Asks the active controller. One answer for each change, in their order; rejects where it isn't known what it did. */
  readonly ask: (changes: readonly InSyncChange[]) => Promise<readonly InSyncAnswer[]>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly everyMs: number;
}

export interface InSyncChanges {
  close(): Promise<void>;
}

export function startInSyncChanges({ led, ask, clock, logger, everyMs }: InSyncChangesOptions): InSyncChanges {
  let closed = false;
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    const proposals: { partition: LedPartition; change: InSyncChange }[] = [];
    const nowMs = clock.monotonicMs();
    for (const [place, partition] of led()) {
      const { log, inSyncSet, leaderEpoch } = partition;
      const inSync =
        inSyncSet.unanswered ??
        inSyncSet.wanted({ endOffset: log.logEndOffset, highWatermark: log.highWatermark, nowMs });
      if (inSync === null) continue;
      inSyncSet.propose(inSync);
      const { partitionEpoch } = inSyncSet;
      proposals.push({ partition, change: { ...place, leaderEpoch, partitionEpoch, inSync } });
    }
    if (proposals.length === 0) return;
    const answers = await ask(proposals.map(({ change }) => change)).catch((error: unknown) => {
      if (!closed) logger.debug({ err: error }, 'the controller could not be asked about in-sync replicas');
      return [];
    });
    for (const [i, { partition }] of proposals.entries()) {
      partition.inSyncSet.answered(answers[i] ?? 'unknown');
      partition.advance();
    }
  }

  function next(): void {
    if (closed) return;
    timer = clock.after(everyMs, () => {
      running = look()
        .catch((error: unknown) => logger.error({ err: error }, 'looking after in-sync replicas failed'))
        .then(next);
    });
  }
  next();
  return {
    async close() {
      closed = true;
      timer?.cancel();
      await running;
    },
  };
}
