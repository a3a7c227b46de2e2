// Ways to the other nodes, one a node and address, opened when first used and again after they break. Nothing is repeated
// here: whoever asks knows what may be asked twice.
import { Fault, isFault } from '../../kernel/fault.ts';
import type { Network, Transport } from '../../protocol/transport.ts';

export interface PeerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface Peers {
  /** @throws Fault `CONNECTION_LOST`, also where the address isn't known */
  call: (address: () => PeerAddress | null) => Transport['call'];
  close(): Promise<void>;
}

export function createPeers(network: Network): Peers {
  const open = new Map<string, Promise<Transport>>();
  let closed = false;

  function transportTo(address: PeerAddress): Promise<Transport> {
    const name = `${address.host}:${address.port}`;
    const known = open.get(name);
    if (known !== undefined) return known;
    const opening = network.connect(address);
    open.set(name, opening);
    opening.catch(() => forget(name, opening));
    return opening;
  }

  function forget(name: string, held: Promise<Transport>): void {
    if (open.get(name) !== held) return;
    open.delete(name);
    held.then((transport) => transport.close()).catch(() => {});
  }

  return {
    call: (find) => async (api, version, request, options) => {
      const address = find();
      if (closed || address === null)
        throw new Fault('CONNECTION_LOST', {
          to: 'a node',
          reason: closed ? 'this node is closed' : 'its address is not known',
        });
      const held = transportTo(address);
      const transport = await held;
      try {
        return await transport.call(api, version, request, options);
      } catch (error) {
        if (isFault(error, 'CONNECTION_LOST')) forget(`${address.host}:${address.port}`, held);
        throw error;
      }
    },
    async close() {
      closed = true;
      const held = [...open.values()];
      open.clear();
      await Promise.all(held.map((one) => one.then((transport) => transport.close()).catch(() => {})));
    },
  };
}
