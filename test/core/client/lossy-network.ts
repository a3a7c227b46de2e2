// A network that loses requests and answers and holds them up, by a seed: what a client must live with.
import type { Clock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import type { Random } from '../../../core/kernel/random.ts';
import type { ApiName } from '../../../core/protocol/api-table.ts';
import type { Network, Transport } from '../../../core/protocol/transport.ts';

export interface LossOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Share of requests that never arrive, and of answers that never come back. */
  readonly loss: number;
  /** Answers come at most that much later, so that they overtake each other. */
  readonly delayMsMax: number;
  /** Only these APIs. */
  readonly apis: readonly ApiName[];
}

export interface LossyNetwork extends Network {
  /** From here on nothing is lost. */
  heal(): void;
  readonly lost: number;
}

export function lossyNetwork(network: Network, { clock, random, loss, delayMsMax, apis }: LossOptions): LossyNetwork {
  let isHealed = false;
  let lost = 0;

  function lose(): never {
    lost += 1;
    throw new Fault('CONNECTION_LOST', { to: 'a lossy node', reason: 'the seed says so' });
  }

  const wrap = (transport: Transport): Transport => ({
    async call(api, version, request, options) {
      const isSafe = isHealed || !apis.includes(api);
      if (!isSafe && random.next() < loss) lose();
      const answer = await transport.call(api, version, request, options);
      if (!isSafe && delayMsMax > 0) await clock.sleep(random.integer(delayMsMax));
      if (!isSafe && random.next() < loss) lose();
      return answer;
    },
    close: () => transport.close(),
  });

  return {
    bootstrap: async () => wrap(await network.bootstrap()),
    connect: async (node) => wrap(await network.connect(node)),
    heal: () => void (isHealed = true),
    get lost() {
      return lost;
    },
  };
}
