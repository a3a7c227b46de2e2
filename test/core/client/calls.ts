// A network with a test between it and whoever asks.
import type { ApiName } from '../../../core/protocol/api-table.ts';
import type { Network, Transport } from '../../../core/protocol/transport.ts';

/** @param on gets each request, and decides when it is carried out and what is answered */
export function withCalls(
  network: Network,
  on: (api: ApiName, call: () => Promise<unknown>, request: unknown) => Promise<unknown>,
): Network {
  const over = (transport: Transport): Transport => ({
    ...transport,
    call: (api, version, request, options) =>
      on(api, () => transport.call(api, version, request, options), request) as ReturnType<
        typeof transport.call<typeof api>
      >,
  });
  return {
    bootstrap: async () => over(await network.bootstrap()),
    connect: async (node) => over(await network.connect(node)),
  };
}
