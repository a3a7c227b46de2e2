// A network where a test answers some of the requests itself, or spoils their answers: what a real node does rarely.
import type { ApiName } from '../../../core/protocol/api-table.ts';
import type { Network, Transport } from '../../../core/protocol/transport.ts';

/** `pass` asks the node; what is resolved with, or thrown, is what the client gets. */
// biome-ignore lint/suspicious/noExplicitAny: a request and an answer of any API
export type AnswerRequest = (api: ApiName, request: any, pass: () => Promise<unknown>) => Promise<unknown>;

export function answeringNetwork(network: Network, answer: AnswerRequest): Network {
  const wrap = (transport: Transport): Transport => ({
    ...transport,
    call: (api, version, request, options) =>
      answer(api, request, () => transport.call(api, version, request, options)) as ReturnType<
        typeof transport.call<typeof api>
      >,
  });
  return {
    bootstrap: async () => wrap(await network.bootstrap()),
    connect: async (node) => wrap(await network.connect(node)),
  };
}
