// The way to nodes over TCP. A Kafka connection answers in order, so whatever may wait at the node (fetches, joins) has
// a connection of its own while it does and holds up nothing, and what is written has one, so that heartbeats don't
// queue behind megabytes. Requests of one API that doesn't wait are carried out in the order of the calls. A connection
// that the node closed, as it does with idle ones, is opened again for the next call.
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/api-table.ts';
import type { CallOptions, Network, Transport } from '../protocol/transport.ts';
import { type Address, addressName, parseBootstrap } from './address.ts';
import { isRetriable } from './retry.ts';
import { createLogin } from './sasl.ts';
import type { SecurityOptions } from './security.ts';
import { openSession } from './session.ts';
import type { Wire } from './wire.ts';

export interface TcpOptions extends SecurityOptions {
  /** `host:port`, several separated by commas: any of them that answers. IPv6 as `[::1]:9092`. */
  readonly bootstrap: string;
  /** Default 'millrace'. */
  readonly clientId?: string;
  /** Default the system's. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Default 10 s. */
  readonly connectTimeoutMs?: number;
}

const waitingApis: ReadonlySet<ApiName> = new Set(['fetch', 'joinGroup', 'syncGroup', 'nodeCall']);
/** Connections for what waits that are kept open between two calls. */
const idleWiresMax = 4;

export function tcpNetwork(options: TcpOptions): Network {
  const addresses = parseBootstrap(options.bootstrap);
  const { clock = systemClock, random = systemRandom, clientId = 'millrace', connectTimeoutMs = 10_000 } = options;
  const { tls, sasl } = options;
  const login = sasl === undefined ? undefined : createLogin(sasl, { clock, random });
  const session = { clientId, clock, random, connectTimeoutMs, login, tls: tls === true ? {} : tls };
  const open = (address: Address) => openSession(address, session);

  return {
    async bootstrap() {
      const first = random.integer(addresses.length);
      let failure: unknown;
      for (let i = 0; i < addresses.length; i++) {
        try {
          return await openTransport(addresses[(first + i) % addresses.length]!, open);
        } catch (error) {
          // What the next address may make good is no reason to forget what it can't: a wrong password.
          if (failure === undefined || isRetriable(failure)) failure = error;
        }
      }
      throw failure;
    },
    connect: (node) => openTransport(node, open),
  };
}

/** What a call holds while it is under way. */
interface Lease {
  wire: Wire | undefined;
  givenUp: boolean;
}

const closedByUs = 'the client closed the connection';

async function openTransport(address: Address, open: (address: Address) => Promise<Wire>): Promise<Transport> {
  const to = addressName(address);
  const all = new Set<Wire>();
  const free: Wire[] = [];
  let closed = false;

  const closedFault = () => new Fault('CONNECTION_LOST', { to, reason: closedByUs });

  async function openOne(): Promise<Wire> {
    const wire = await open(address);
    all.add(wire);
    if (closed) drop(wire, closedByUs);
    return wire;
  }

  function drop(wire: Wire, reason: string): void {
    all.delete(wire);
    wire.close(reason);
  }

  async function checkOut(): Promise<Wire> {
    for (let wire = free.pop(); wire !== undefined; wire = free.pop()) {
      if (!wire.broken) return wire;
      all.delete(wire);
    }
    return openOne();
  }

  function giveBack(wire: Wire): void {
    if (!wire.broken && free.length < idleWiresMax) free.push(wire);
    else drop(wire, 'it is one too many');
  }

  /** A connection that many calls share. Given at once where it is there, so that requests go in the order of the calls. */
  function shared(wire?: Wire): () => Wire | Promise<Wire> {
    let opening: Promise<Wire> | undefined;
    return () => {
      if (wire !== undefined && !wire.broken) return wire;
      if (wire !== undefined) all.delete(wire);
      opening ??= openOne()
        .then((opened) => (wire = opened))
        .finally(() => {
          opening = undefined;
        });
      return opening;
    };
  }

  const control = shared(await openOne());
  const writes = shared();

  async function carryOut<N extends ApiName>(
    api: N,
    version: number,
    request: RequestOf<N>,
    lease: Lease,
  ): Promise<ResponseOf<N>> {
    const waits = waitingApis.has(api);
    const found = waits ? checkOut() : api === 'produce' ? writes() : control();
    const wire = found instanceof Promise ? await found : found;
    try {
      if (closed || lease.givenUp) throw closedFault();
      lease.wire = wire;
      return await wire.send(api, version, request);
    } finally {
      if (waits) giveBack(wire);
    }
  }

  return {
    async call<N extends ApiName>(
      api: N,
      version: number,
      request: RequestOf<N>,
      { signal }: CallOptions = {},
    ): Promise<ResponseOf<N>> {
      signal?.throwIfAborted();
      if (closed) throw closedFault();
      const lease: Lease = { wire: undefined, givenUp: false };
      const answer = carryOut(api, version, request, lease);
      if (signal === undefined) return answer;
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          lease.givenUp = true;
          // The node still answers; on a connection of its own the wait for that would block the next call.
          if (waitingApis.has(api)) lease.wire?.close('the call was given up');
          reject(signal.reason);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
      });
    },
    async close() {
      closed = true;
      for (const wire of all) drop(wire, closedByUs);
    },
  };
}
