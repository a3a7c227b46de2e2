// Whether the disk under a node's databases takes writes. Whoever fails to write says so here; from then on the disk is tried
// from time to time, until it has taken writes for a while. Nothing is written here and nothing decided about partitions.
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { StorageEngine } from './storage.ts';

export interface Disk {
  readonly isWritable: boolean;
  /** A write has failed, or a database could not be opened. */
  failed(error: unknown): void;
  /**
   * Tried once a second at most: in between the last outcome holds.
   *
   * @throws what the trial fails with
   */
  tryOut(): Promise<void>;
  /** Calls back when `isWritable` has changed. @returns how to stop that */
  onChange(listener: () => void): () => void;
  close(): void;
}

export interface DiskOptions {
  readonly engine: Pick<StorageEngine, 'tryOut'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const tryEveryMs = 1_000;
/** A disk that fails again and again must not have leaders come and go with each time. */
const soundMs = 5_000;

export function createDisk({ engine, clock, logger }: DiskOptions): Disk {
  const listeners = new Set<() => void>();
  const stopping = new AbortController();
  let isWritable = true;
  let failedAtMs = Number.NEGATIVE_INFINITY;
  let trial: { readonly atMs: number; readonly outcome: Promise<void> } | null = null;

  function tryOut(): Promise<void> {
    const nowMs = clock.monotonicMs();
    if (trial === null || nowMs - trial.atMs >= tryEveryMs) {
      trial = { atMs: nowMs, outcome: engine.tryOut() };
      trial.outcome.catch(() => {
        failedAtMs = clock.monotonicMs();
      });
    }
    return trial.outcome;
  }

  function change(to: boolean): void {
    isWritable = to;
    for (const listener of [...listeners]) listener();
  }

  async function watch(): Promise<void> {
    while (!isWritable) {
      await clock.sleep(tryEveryMs, stopping.signal);
      await tryOut().catch(() => {});
      if (clock.monotonicMs() - failedAtMs < soundMs) continue;
      logger.info({}, 'the disk takes writes again, and the node leads and follows again');
      change(true);
    }
  }

  return {
    get isWritable() {
      return isWritable;
    },
    failed(error) {
      failedAtMs = clock.monotonicMs();
      if (!isWritable || stopping.signal.aborted) return;
      // The one sentence for all partitions; each of them says nothing.
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn(
        { reason },
        'the disk of this node takes no writes: they are refused, and what another node can lead it leads no more',
      );
      change(false);
      watch().catch(() => {}); // only when it is closed
    },
    tryOut,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      stopping.abort(new Error('the node is closed'));
    },
  };
}
