// A node's life in its cluster: it registers with the controller, is heard of from then on, and before it stops has its
// leaders move off. What the controller says of it is all that is known here.

import type { NodeImage, NodeState } from '../../controller/node-image.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { createLatch } from '../../kernel/latch.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Disk } from '../../storage/disk.ts';
import type { RemoteController } from './controller-link.ts';

export interface LifecycleOptions {
  readonly node: Omit<NodeImage, NodeState>;
  readonly controller: RemoteController;
  /** The last offset of the metadata that the node has applied. */
  readonly metadataOffset: () => number;
  readonly clusterId: () => string | null;
  /** The controller hears at once of a change. */
  readonly disk: Pick<Disk, 'isWritable' | 'onChange'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly heartbeatMs: number;
  /** How long leaders may take to move off. */
  readonly shutdownMsMax: number;
}

export interface Lifecycle {
  /** Of the registration; -1 before. */
  readonly epoch: number;
  /** When that was sent which a controller last answered, by the monotonic clock: its session began no earlier. */
  readonly heardAtMs: number;
  /** Resolves once the node is taken in and may lead. */
  readonly ready: Promise<void>;
  /** Resolves when nothing is led here any more, or it has taken too long. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/** A controller that is being elected is waited for before a node leaves without anybody taking its leaders over. */
const electionMsMax = 1_500;

export function startLifecycle(options: LifecycleOptions): Lifecycle {
  const { controller, clock, logger, node } = options;
  const ready = createLatch();
  const left = createLatch();
  ready.promise.catch(() => {});
  let epoch = -1;
  let leaving = false;
  let heardAtMs = clock.monotonicMs();
  let unreachedSinceMs: number | null = null;
  let closed = false;
  let timer: Timer | undefined;
  let beating: Promise<void> = Promise.resolve();

  async function register(): Promise<void> {
    const outcome = await controller.register({ clusterId: options.clusterId(), node });
    if (outcome.ok) epoch = outcome.value.epoch;
    else if (outcome.error !== 'DUPLICATE_BROKER_REGISTRATION') throw new Error(outcome.message);
    // The life before this one still has its session: it ends soon.
  }

  async function beat(): Promise<void> {
    if (epoch < 0) return register();
    const heard = await controller.heartbeat({
      ...{ node: node.id, epoch, metadataOffset: options.metadataOffset(), wantFence: false, wantShutDown: leaving },
      offlineLogDir: !options.disk.isWritable,
    });
    if (!heard.ok) {
      // The controller has forgotten it, or knows of a later life.
      logger.warn({ node: node.id, why: heard.message }, 'the node registers with its cluster again');
      epoch = -1;
      return register();
    }
    if (!heard.value.isFenced) ready.resolve();
    if (heard.value.shouldShutDown) left.resolve();
  }

  function next(delayMs: number): void {
    if (closed) return;
    timer = clock.after(delayMs, () => {
      const sentAtMs = clock.monotonicMs();
      beating = beat()
        .then(() => {
          unreachedSinceMs = null;
          heardAtMs = sentAtMs;
        })
        .catch((error: unknown) => {
          if (!closed) logger.debug({ err: error }, 'the controller was not reached');
          unreachedSinceMs ??= clock.monotonicMs();
          if (leaving && clock.monotonicMs() - unreachedSinceMs >= electionMsMax) left.resolve();
        })
        // Until it is taken in there is nothing to wait for.
        .then(() => next(leaving || epoch < 0 || !isReady ? Math.min(100, options.heartbeatMs) : options.heartbeatMs));
    });
  }
  let isReady = false;
  ready.promise.then(() => {
    isReady = true;
  });
  next(0);
  const unlisten = options.disk.onChange(() => {
    // Behind a heartbeat that is under way, which has said otherwise.
    void beating.then(() => {
      timer?.cancel();
      next(0);
    });
  });

  return {
    get epoch() {
      return epoch;
    },
    get heardAtMs() {
      return heardAtMs;
    },
    ready: ready.promise,
    async leave() {
      if (epoch < 0 || !isReady) return;
      leaving = true;
      await beating;
      timer?.cancel();
      next(0);
      const late = clock.after(options.shutdownMsMax, () => left.resolve());
      await left.promise;
      late.cancel();
    },
    async close() {
      closed = true;
      unlisten();
      timer?.cancel();
      await beating;
    },
  };
}
