// Keeps a member of a group alive for one generation and says when the group changes. Nothing here joins.
import type { Timer } from '../kernel/clock.ts';
import { apis } from '../protocol/api-table.ts';
import { errorOf } from '../protocol/error-code.ts';
import type { Cluster, CoordinatorKey } from './cluster.ts';
import type { GroupGeneration } from './group-generation.ts';
import { refusal } from './retry.ts';

export interface HeartbeatOptions {
  readonly cluster: Cluster;
  readonly coordinator: CoordinatorKey;
  readonly generation: GroupGeneration;
  readonly intervalMs: number;
  readonly sessionTimeoutMs: number;
  readonly signal: AbortSignal;
  onRebalance(): void;
  /** The group went on. `isForgotten`: even the member id is void. */
  onLost(reason: string, isForgotten: boolean): void;
  /** No joining again helps. */
  onFatal(error: unknown): void;
}

const retryMs = 100;

export function startHeartbeats(options: HeartbeatOptions): { stop(): void } {
  const { cluster, coordinator, generation, intervalMs, sessionTimeoutMs, signal } = options;
  const { clock, logger } = cluster;
  const request = apis.heartbeat.request.create({ groupId: coordinator.key, ...generation });
  let aliveAtMs = clock.monotonicMs();
  let isStopped = false;
  let timer: Timer = clock.after(intervalMs, beat);

  function stop(): void {
    isStopped = true;
    timer.cancel();
  }

  async function beat(): Promise<void> {
    const leftMs = aliveAtMs + sessionTimeoutMs - clock.monotonicMs();
    if (leftMs <= 0) {
      stop();
      options.onLost(`no heartbeat got through for ${sessionTimeoutMs} ms`, false);
      return;
    }
    let nextMs = intervalMs;
    try {
      const answer = await cluster.callCoordinator(coordinator, 'heartbeat', request, {
        signal,
        timeoutMs: leftMs,
      });
      if (!isStopped) nextMs = read(answer.errorCode);
    } catch (error) {
      if (!signal.aborted) logger.debug({ group: coordinator.key, error }, 'a heartbeat failed');
      nextMs = Math.min(retryMs, intervalMs);
    }
    if (!isStopped && !signal.aborted) timer = clock.after(nextMs, beat);
  }

  /** @returns when to beat again */
  function read(errorCode: number): number {
    if (cluster.coordinatorMoved(coordinator, errorCode)) return Math.min(retryMs, intervalMs);
    const error = errorOf(errorCode);
    switch (error.name) {
      case 'NONE':
        aliveAtMs = clock.monotonicMs();
        return intervalMs;
      case 'REBALANCE_IN_PROGRESS':
        aliveAtMs = clock.monotonicMs();
        options.onRebalance();
        return intervalMs;
      case 'ILLEGAL_GENERATION':
      case 'UNKNOWN_MEMBER_ID':
        stop();
        options.onLost(error.name, error.name === 'UNKNOWN_MEMBER_ID');
        return intervalMs;
      default:
        if (error.retriable) return Math.min(retryMs, intervalMs);
        stop();
        options.onFatal(refusal('heartbeat', errorCode, `group '${coordinator.key}'`));
        return intervalMs;
    }
  }

  return { stop };
}
