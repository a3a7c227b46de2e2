// Connections to the nodes of a cluster, one a node, opened when first used, and the versions that each node
// speaks. A lost connection is opened anew by the next call; nothing here repeats a call.
import type { Clock } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import { type ApiName, apis, type RequestOf, type ResponseOf } from '../protocol/api-table.ts';
import { errors } from '../protocol/error-code.ts';
import type { Network, Transport } from '../protocol/transport.ts';
import { refusal } from './retry.ts';
import { createThrottle, type Throttle, unlessAborted } from './throttle.ts';
import { negotiate, type ServedVersions } from './versions.ts';

export interface NodeAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

export interface ClusterCallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default: the cluster's request timeout. */
  readonly timeoutMs?: number;
}

/** A request, or what makes it for the version that the node is spoken to in, where versions need different fields. */
export type RequestFor<N extends ApiName> = RequestOf<N> | ((version: number) => RequestOf<N>);

export interface ConnectionsOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  addressOf(nodeId: number): NodeAddress | undefined;
}

export interface Connections {
  /** @throws Fault `CONNECTION_LOST`, `TIMED_OUT`, `API_NOT_SERVED`, `CLOSED` */
  call<N extends ApiName>(
    nodeId: number,
    api: N,
    request: RequestFor<N>,
    options?: ClusterCallOptions,
  ): Promise<ResponseOf<N>>;
  has(nodeId: number): boolean;
  close(): Promise<void>;
}

interface Connection {
  readonly transport: Transport;
  readonly served: ServedVersions;
  readonly versions: Map<ApiName, number>;
  readonly throttle: Throttle;
}

/** Instead of a node id: whichever node answers first, to learn the others from. */
export const bootstrapId = -1;

export function createConnections({ network, clock, requestTimeoutMs, addressOf }: ConnectionsOptions): Connections {
  const connections = new Map<number, Promise<Connection>>();
  let closed = false;

  const nameOf = (nodeId: number) => {
    const node = addressOf(nodeId);
    return node === undefined ? 'the cluster' : `${node.host}:${node.port}`;
  };

  async function open(nodeId: number): Promise<Connection> {
    const address = addressOf(nodeId);
    if (nodeId !== bootstrapId && address === undefined) {
      throw new Fault('CONNECTION_LOST', { to: `node ${nodeId}`, reason: 'its address is not known' });
    }
    const transport = await (address === undefined ? network.bootstrap() : network.connect(address));
    try {
      return { transport, served: await servedBy(transport), versions: new Map(), throttle: createThrottle(clock) };
    } catch (error) {
      await transport.close();
      throw error;
    }
  }

  /** Opens with our newest version; a node that is older answers as version 0 and says what it takes (KIP-511). */
  async function servedBy(transport: Transport): Promise<ServedVersions> {
    const request = apis.apiVersions.request.create({ clientSoftwareName: 'millrace', clientSoftwareVersion: '0.1.0' });
    let version: number = apis.apiVersions.served[1];
    let answer = await timed('apiVersions', requestTimeoutMs, undefined, (signal) =>
      transport.call('apiVersions', version, request, { signal }),
    );
    if (answer.errorCode === errors.UNSUPPORTED_VERSION.code) {
      version = Math.min(version, answer.apiKeys.find(({ apiKey }) => apiKey === 18)?.maxVersion ?? 0);
      answer = await timed('apiVersions', requestTimeoutMs, undefined, (signal) =>
        transport.call('apiVersions', version, request, { signal }),
      );
    }
    if (answer.errorCode !== 0) throw refusal('apiVersions', answer.errorCode);
    return new Map(answer.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]));
  }

  function connection(nodeId: number): Promise<Connection> {
    if (closed) return Promise.reject(new Fault('CLOSED', { what: 'the client' }));
    let found = connections.get(nodeId);
    if (found === undefined) {
      found = open(nodeId);
      connections.set(nodeId, found);
      found.catch(() => drop(nodeId, found!));
    }
    return found;
  }

  function drop(nodeId: number, held: Promise<Connection>): void {
    if (connections.get(nodeId) !== held) return;
    connections.delete(nodeId);
    held.then(({ transport }) => transport.close()).catch(() => {});
  }

  async function timed<T>(
    what: string,
    timeoutMs: number,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    return new Promise<T>((resolve, reject) => {
      const stop = (reason: unknown) => {
        reject(reason);
        controller.abort(reason);
      };
      const onAbort = () => stop(outer?.reason);
      if (outer?.aborted) return stop(outer.reason);
      outer?.addEventListener('abort', onAbort, { once: true });
      const timer = clock.after(timeoutMs, () => stop(new Fault('TIMED_OUT', { what, afterMs: timeoutMs })));
      const settled = () => {
        timer.cancel();
        outer?.removeEventListener('abort', onAbort);
      };
      work(controller.signal).then(
        (value) => {
          settled();
          resolve(value);
        },
        (error) => {
          settled();
          reject(error);
        },
      );
    });
  }

  async function call<N extends ApiName>(
    nodeId: number,
    api: N,
    request: RequestFor<N>,
    { signal, timeoutMs = requestTimeoutMs }: ClusterCallOptions = {},
  ): Promise<ResponseOf<N>> {
    const held = connection(nodeId);
    const { transport, served, versions, throttle } = await held;
    if (throttle.over !== null) {
      await unlessAborted(throttle.over, signal);
      if (closed) throw new Fault('CLOSED', { what: 'the client' });
    }
    let version = versions.get(api);
    if (version === undefined) {
      version = negotiate(api, served, nameOf(nodeId));
      versions.set(api, version);
    }
    const chosen = version;
    const message = typeof request === 'function' ? request(chosen) : request;
    try {
      const answer = await timed(`${api} to ${nameOf(nodeId)}`, timeoutMs, signal, (inner) =>
        transport.call(api, chosen, message, { signal: inner }),
      );
      throttle.begin((answer as { readonly throttleTimeMs?: number }).throttleTimeMs ?? 0);
      return answer;
    } catch (error) {
      if (isFault(error, 'CONNECTION_LOST') || isFault(error, 'TIMED_OUT')) drop(nodeId, held);
      throw error;
    }
  }

  return {
    call,
    has: (nodeId) => connections.has(nodeId),
    async close() {
      closed = true;
      const held = [...connections.values()];
      connections.clear();
      await Promise.all(
        held.map((one) =>
          one
            .then(({ transport, throttle }) => {
              throttle.end();
              return transport.close();
            })
            .catch(() => {}),
        ),
      );
    },
  };
}
