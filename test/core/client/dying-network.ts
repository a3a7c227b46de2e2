// A network whose nodes a test lets die: what they were asked is lost, and nothing listens there any more.
import { Fault } from '../../../core/kernel/fault.ts';
import type { Network, Transport } from '../../../core/protocol/transport.ts';

export interface DyingNetwork extends Network {
  kill(nodeId: number): void;
}

/** @param bootstrapNode which node it is that clients learn the others from */
export function dyingNetwork(network: Network, bootstrapNode = 0): DyingNetwork {
  const dead = new Set<number>();
  const deaths = new Map<number, Set<() => void>>();
  const lost = () => new Fault('CONNECTION_LOST', { to: 'a dead node', reason: 'nothing listens there' });

  async function open(nodeId: number, connect: () => Promise<Transport>): Promise<Transport> {
    if (dead.has(nodeId)) throw lost();
    const transport = await connect();
    return {
      ...transport,
      call: (api, version, request, options) =>
        new Promise((resolve, reject) => {
          const die = () => reject(lost());
          if (dead.has(nodeId)) return die();
          deaths.set(nodeId, (deaths.get(nodeId) ?? new Set()).add(die));
          transport.call(api, version, request, options).then(resolve, reject);
        }),
    };
  }

  return {
    bootstrap: () => open(bootstrapNode, () => network.bootstrap()),
    connect: (node) => open(node.nodeId, () => network.connect(node)),
    kill(nodeId) {
      dead.add(nodeId);
      for (const die of deaths.get(nodeId) ?? []) die();
    },
  };
}
