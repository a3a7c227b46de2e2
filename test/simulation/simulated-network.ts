// The network between the processes of a simulation and its node, as bad as TCP lets it be. On one connection the requests
// of one API arrive in order; others overtake. What is lost takes its connection with it, so a caller never knows whether
// a request was carried out. But what is left of a broken connection arrives before anything of the next: a request that
// overtakes its own repetition by a whole transaction is what Kafka's `transaction.version` 1 can't tell (KIP-890).
import { Fault } from '../../core/kernel/fault.ts';
import type { Random } from '../../core/kernel/random.ts';
import type { ApiName, RequestOf, ResponseOf } from '../../core/protocol/api-table.ts';
import type { CallOptions, Network, Transport } from '../../core/protocol/transport.ts';
import { strictTransport } from '../support/strict-transport.ts';
import type { SimulatedProcess } from './simulated-time.ts';

export interface Weather {
  /** Of one direction, mostly. */
  readonly delayMsMax: number;
  /** How often a message takes longer, and how long then. */
  readonly slowShare: number;
  readonly slowMsMax: number;
  /** How often a message breaks its connection. */
  readonly lossShare: number;
}

export const fairWeather: Weather = { delayMsMax: 1, slowShare: 0, slowMsMax: 0, lossShare: 0 };

/** The node as it is at the moment, or null while it is down. */
export type NodeAt = () => { readonly process: SimulatedProcess; readonly transport: Transport } | null;

export interface Link {
  readonly network: Network;
  weather: Weather;
  /** Nothing gets through, and nobody is told. */
  cut(): void;
  /** What waits gets through, except where its connection breaks. */
  mend(): void;
  readonly isCut: boolean;
  /** The node is gone: its connections break as the news of it gets through. */
  nodeDied(): void;
}

interface Waiting {
  reject(error: Fault): void;
}

/** What must come out in the order in which places in it were taken. */
type Lane = { carry: (() => void) | null }[];

interface Connection {
  readonly node: NonNullable<ReturnType<NodeAt>>;
  readonly pending: Set<Waiting>;
  /** Requests and answers of one API keep their order. */
  readonly requests: Map<ApiName, Lane>;
  readonly answers: Map<ApiName, Lane>;
  /** Requests that the node has not got; when the connection breaks it still gets the first of them, or all, or none. */
  readonly underWay: Set<() => void>;
  broken: boolean;
}

const waitingApis: ReadonlySet<ApiName> = new Set(['fetch', 'joinGroup', 'syncGroup', 'nodeCall']);
const to = 'the node';
const connectMs = 1;

export interface LinkOptions {
  readonly process: SimulatedProcess;
  readonly nodeAt: NodeAt;
  readonly random: Random;
  /** The node threw what no node may throw. */
  readonly onBug: (error: Error) => void;
  readonly trace?: (line: string) => void;
}

export function createLink({ process, nodeAt, random, onBug, trace }: LinkOptions): Link {
  const { clock } = process;
  const connections = new Set<Connection>();
  let weather = fairWeather;
  let isCut = false;
  let heldBack: (() => void)[] = [];

  const delayMs = () =>
    random.next() < weather.slowShare ? random.next() * weather.slowMsMax : random.next() * weather.delayMsMax;
  const isLost = () => weather.lossShare > 0 && random.next() < weather.lossShare;

  /** Once whatever is in the way is gone. */
  function through(carry: () => void): void {
    if (isCut) heldBack.push(carry);
    else carry();
  }

  function breakOff(connection: Connection, reason: string): void {
    if (connection.broken) return;
    connection.broken = true;
    trace?.(`${process.name} loses a connection: ${reason}`);
    connections.delete(connection);
    const underWay = [...connection.underWay];
    for (const arrive of underWay.slice(0, random.integer(underWay.length + 1))) arrive();
    const waiting = [...connection.pending];
    connection.pending.clear();
    if (waiting.length === 0) return;
    clock.after(0, () => {
      for (const one of waiting) one.reject(new Fault('CONNECTION_LOST', { to, reason }));
    });
  }

  async function open(): Promise<Transport> {
    await clock.sleep(connectMs + delayMs());
    await new Promise<void>((resolve) => through(resolve));
    const node = nodeAt();
    if (node === null) throw new Fault('CONNECTION_LOST', { to, reason: 'nothing listens there' });
    const connection: Connection = {
      node,
      pending: new Set(),
      requests: new Map(),
      answers: new Map(),
      underWay: new Set(),
      broken: false,
    };
    connections.add(connection);
    const strict = strictTransport(node.transport);
    return {
      call: (api, version, request, options) => call(connection, strict, { api, version, request, options }),
      close: async () => breakOff(connection, 'the client closed the connection'),
    };
  }

  interface Call<N extends ApiName> {
    readonly api: N;
    readonly version: number;
    readonly request: RequestOf<N>;
    readonly options: CallOptions | undefined;
  }

  function call<N extends ApiName>(connection: Connection, strict: Transport, asked: Call<N>): Promise<ResponseOf<N>> {
    const { api, version, request } = asked;
    const signal = asked.options?.signal;
    return new Promise((resolve, reject) => {
      if (connection.broken) {
        reject(new Fault('CONNECTION_LOST', { to, reason: 'the connection is closed' }));
        return;
      }
      const onAbort = () => {
        connection.pending.delete(waiting);
        reject(signal?.reason);
      };
      const done = () => {
        connection.pending.delete(waiting);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = {
        reject(error) {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      if (signal?.aborted) return onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      connection.pending.add(waiting);
      const { node } = connection;
      const goOut = takePlace(connection.requests, api);
      const arrive = () => {
        if (!node.process.alive || nodeAt() !== node) return breakOff(connection, 'the node is gone');
        // What may wait at the node holds up nothing behind it.
        const goBack = waitingApis.has(api) ? (give: () => void) => give() : takePlace(connection.answers, api);
        trace?.(`${process.name} asks ${api} ${shortened(request)}`);
        strict.call(api, version, request).then(
          (answer) => {
            trace?.(`${process.name} is told ${api} ${shortened(answer)}`);
            answered(goBack, () => resolve(answer));
          },
          (error: unknown) => {
            if (error instanceof Fault)
              answered(goBack, () => {
                breakOff(connection, error.message);
                reject(new Fault('CONNECTION_LOST', { to, reason: error.message }));
              });
            else onBug(new Error(`${api} v${version} made the node throw`, { cause: error }));
          },
        );
      };
      const answered = (goBack: (carry: () => void) => void, give: () => void) => {
        const land = () => {
          if (connection.broken) return;
          if (isLost()) return breakOff(connection, 'an answer was lost');
          clock.after(0, () => {
            if (connection.broken) return;
            done();
            give();
          });
        };
        node.process.clock.after(delayMs(), () => goBack(() => through(land)));
      };
      // What is on the wire travels although its sender has died; a paused sender is no reason for it to wait.
      connection.underWay.add(arrive);
      const travel = () => {
        if (connection.broken) return;
        if (isLost()) return breakOff(connection, 'a request was lost');
        connection.underWay.delete(arrive);
        arrive();
      };
      node.process.clock.after(delayMs(), () => goOut(() => through(travel)));
    });
  }

  return {
    network: { bootstrap: open, connect: open },
    get weather() {
      return weather;
    },
    set weather(next) {
      weather = next;
    },
    cut() {
      isCut = true;
    },
    mend() {
      isCut = false;
      const waiting = heldBack;
      heldBack = [];
      for (const connection of [...connections])
        if (random.next() < 0.5) breakOff(connection, 'it was silent for long');
      for (const carry of waiting) carry();
    },
    get isCut() {
      return isCut;
    },
    nodeDied() {
      for (const connection of [...connections])
        clock.after(delayMs(), () => through(() => breakOff(connection, 'the node is gone')));
    },
  };
}

/** @returns what to call when the message is there: it goes on once all are that took their places before */
function takePlace(lanes: Map<ApiName, Lane>, api: ApiName): (carry: () => void) => void {
  let lane = lanes.get(api);
  if (lane === undefined) lanes.set(api, (lane = []));
  const place: Lane[number] = { carry: null };
  lane.push(place);
  return (carry) => {
    place.carry = carry;
    for (let first = lane[0]; first?.carry; first = lane[0]) {
      lane.shift();
      first.carry();
    }
  };
}

const shortened = (message: unknown): string =>
  JSON.stringify(message, function (this: Readonly<Record<string, unknown>>, name, value: unknown) {
    // A Buffer has been made plain by its own toJSON before it comes here.
    const found = this[name];
    if (found instanceof Uint8Array) return readable(found);
    return typeof value === 'bigint' ? String(value) : value;
  }).slice(0, 900);

/** What nodes say to each other is JSON. */
function readable(bytes: Uint8Array): unknown {
  const first = bytes[0];
  if (first !== '['.charCodeAt(0) && first !== '{'.charCodeAt(0)) return `${bytes.length} bytes`;
  return Buffer.from(bytes).toString();
}
