// Ways to the other nodes, one a node and address, opened when first used and again after they break. Nothing is repeated
// here: whoever asks knows what may be asked twice. A node that doesn't answer in time, as one that stands still or whose
// answer was lost, is taken for gone, because whoever waits for it might wait for ever.
import { abortable } from '../../kernel/abortable.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Fault, isFault } from '../../kernel/fault.ts';
import type { Network, Transport } from '../../protocol/transport.ts';

export interface PeerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface Peers {
  /** @throws Fault `CONNECTION_LOST`, also where the address isn't known or no answer comes in time */
  call: (address: () => PeerAddress | null) => Transport['call'];
  close(): Promise<void>;
}

/** Above what any answer takes: a fetch waits half a second, a change of metadata for a few round trips. */
const answerMsMax = 10_000;

export function createPeers(network: Network, clock: Clock): Peers {
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
      const over = new AbortController();
      const late = new Fault('CONNECTION_LOST', { to: `node ${address.nodeId}`, reason: 'it does not answer' });
      const timer = clock.after(answerMsMax, () => over.abort(late));
      const given = options?.signal;
      const onAbort = () => over.abort(given?.reason);
      given?.addEventListener('abort', onAbort, { once: true });
      try {
        given?.throwIfAborted();
        const transport = await abortable(held, over.signal);
        return await transport.call(api, version, request, { ...options, signal: over.signal });
      } catch (error) {
        if (isFault(error, 'CONNECTION_LOST')) forget(`${address.host}:${address.port}`, held);
        throw error;
      } finally {
        timer.cancel();
        given?.removeEventListener('abort', onAbort);
      }
    },
    async close() {
      closed = true;
      const held = [...open.values()];
      open.clear();
      // One that is still being opened is closed when it is open, which nobody waits for.
      for (const one of held) one.then((transport) => transport.close()).catch(() => {});
    },
  };
}
