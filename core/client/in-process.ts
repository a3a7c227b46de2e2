// A node in this process as a network: no bytes are encoded and no address is used.
import type { Network, Transport } from '../protocol/transport.ts';

/** Every address leads to that one node. Closing a connection leaves the node open: it belongs to whoever made it. */
export function inProcess(transport: Transport): Network {
  const connection: Transport = {
    call: (api, version, request, options) => transport.call(api, version, request, options),
    close: async () => {},
  };
  return { bootstrap: async () => connection, connect: async () => connection };
}
