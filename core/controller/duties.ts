// What the active controller does without being asked: fences nodes whose session has ended, balances leaders, and gives a new
// cluster its id. It begins when the log says that this controller is active, and ends when it says otherwise.
import type { Timer } from '../kernel/clock.ts';
import { isFault } from '../kernel/fault.ts';
import { catalogFormat } from './catalog-record.ts';
import type { CommandQueue } from './command-queue.ts';
import type { ControllerOptions } from './controller-options.ts';
import { drawClusterId } from './draw-id.ts';
import { balanceLeaders } from './elections.ts';
import { fenceNode } from './members.ts';
import type { Sessions } from './sessions.ts';

export interface Duties {
  /** A session may have begun: sees to its end. */
  watch(): void;
  stop(): void;
}

const retryMs = 100;

export function startDuties(
  { log, clock, random, logger, settings }: ControllerOptions,
  { queue, sessions }: { queue: CommandQueue; sessions: Sessions },
): Duties {
  const { image } = log;
  let sessionTimer: Timer | null = null;
  let balanceTimer: Timer | null = null;
  let isFencing = false;
  let terms = 0;
  let stopped = false;

  const failed = (what: string) => (error: unknown) => {
    if (!stopped && !isFault(error, 'NOT_CONTROLLER')) logger.warn({ err: error }, what);
  };

  /** One node at a time, each on the image that the one before has left. */
  async function fenceEnded(): Promise<void> {
    for (let found = true; found; ) {
      found = await queue.run(() => {
        const [node] = sessions.ended();
        if (node === undefined || stopped) return { records: [], after: () => false };
        const after = () => {
          logger.warn({ node }, 'nothing was heard of a node within its session; it is fenced');
          return true;
        };
        return { records: fenceNode(image, node), after };
      });
    }
  }

  function watch(): void {
    const { nextEndMs } = sessions;
    if (stopped || isFencing || sessionTimer !== null || !log.isActive || nextEndMs === null) return;
    const leftMs = nextEndMs - clock.monotonicMs();
    sessionTimer = clock.after(leftMs > 0 ? leftMs : retryMs, () => {
      sessionTimer = null;
      isFencing = true;
      fenceEnded()
        .catch(failed('a node could not be fenced; it is tried again'))
        .finally(() => {
          isFencing = false;
          watch();
        });
    });
  }

  function balanceLater(): void {
    if (!settings['auto.leader.rebalance.enable']) return;
    const term = terms;
    balanceTimer = clock.after(settings['leader.imbalance.check.interval.seconds'] * 1_000, () => {
      queue
        .run(() => ({ records: balanceLeaders(image), after: () => {} }))
        .catch(failed('leaders could not be balanced; it is tried again later'))
        .finally(() => {
          if (!stopped && term === terms) balanceLater();
        });
    });
  }

  /** The first controller that there ever is gives the cluster its id. */
  const beginCluster = () =>
    queue.run(() => {
      if (image.format >= catalogFormat) return { records: [], after: () => {} };
      const clusterId = image.clusterId === '' ? drawClusterId(random) : image.clusterId;
      return { records: [{ kind: 'cluster', clusterId, format: catalogFormat }], after: () => {} };
    });

  function turn(): void {
    terms++;
    sessionTimer?.cancel();
    balanceTimer?.cancel();
    sessionTimer = balanceTimer = null;
    if (!log.isActive) return;
    sessions.begin();
    beginCluster().catch(failed('the cluster could not be given its id'));
    watch();
    balanceLater();
  }

  const unlisten = log.onChange(turn);
  turn();
  return {
    watch,
    stop() {
      stopped = true;
      unlisten();
      sessionTimer?.cancel();
      balanceTimer?.cancel();
    },
  };
}
