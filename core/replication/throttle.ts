// How fast copies that are not in sync may be made (KIP-73): on each side a rate, and which replicas it is for. What goes
// over is made up for by waiting, so that the rate holds in the long run. Knows no partition; in-sync replicas are never
// held up, as the caller sees to.
import type { Clock } from '../kernel/clock.ts';

export interface Throttle {
  /** Whether it is for this replica. */
  covers(topic: string, partition: number): boolean;
  /** Whether no more may go for now. */
  readonly isExceeded: boolean;
  record(bytes: number): void;
}

export interface ThrottleOptions {
  readonly nodeId: number;
  readonly clock: Clock;
  /** `leader.` or `follower.replication.throttled.replicas` of a topic; undefined where it says nothing. */
  readonly replicasOf: (topic: string) => string | undefined;
  /** Bytes a second. */
  readonly rate: () => number;
}

export function createThrottle({ nodeId, clock, replicasOf, rate }: ThrottleOptions): Throttle {
  let owed = 0;
  let atMs = clock.monotonicMs();

  /** What one second allows may go at once; Kafka looks at the mean of its last eleven seconds. */
  function settle(): number {
    const perSecond = rate();
    const nowMs = clock.monotonicMs();
    owed = Number.isFinite(perSecond) ? Math.max(0, owed - (perSecond * (nowMs - atMs)) / 1_000) : 0;
    atMs = nowMs;
    return perSecond;
  }

  return {
    covers(topic, partition) {
      const replicas = replicasOf(topic);
      if (replicas === undefined || replicas === '') return false;
      const own = `${partition}:${nodeId}`;
      return replicas.split(',').some((item) => item.trim() === '*' || item.trim() === own);
    },
    get isExceeded() {
      const perSecond = settle();
      return owed > perSecond || perSecond === 0;
    },
    record(bytes) {
      settle();
      owed += bytes;
    },
  };
}
