// The port that clients connect to: takes connections within the limits and closes those that are idle. Requests are
// the connections' and the router's. A node that must advertise the port it got (port 0) is made after `listen`
// resolves: `serve` may wait for it, and the first clients with it.
import { createServer, type Socket } from 'node:net';
import type { Clock, Timer } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { createLatch } from '../kernel/latch.ts';
import type { Logger } from '../kernel/logger.ts';
import type { ApiName } from '../protocol/api-table.ts';
import {
  type Connection,
  type ConnectionLimits,
  connectionDefaults,
  createConnection,
  plainAddress,
} from './connection.ts';
import { createRequestBudget } from './request-budget.ts';
import type { Router } from './router.ts';

/** By Kafka's names where Kafka has them. */
export interface ListenerLimits extends ConnectionLimits {
  /** A connection over which nothing goes for this long is closed, unless a request is being carried out. 10 minutes. */
  readonly 'connections.max.idle.ms': number;
  /** Further connections are closed at once. 10,000. */
  readonly 'max.connections': number;
  /** The same for one address. No limit of its own by default. */
  readonly 'max.connections.per.ip': number;
  /** Requests of all connections that are read and not answered, in bytes; above, no further one is read. 512 MiB. */
  readonly 'queued.max.request.bytes': number;
  /** How long `close` lets requests be answered that were begun. 1 s. */
  readonly closeMs: number;
}

export const listenerDefaults: ListenerLimits = {
  ...connectionDefaults,
  'connections.max.idle.ms': 10 * 60_000,
  'max.connections': 10_000,
  'max.connections.per.ip': 0x7fff_ffff,
  'queued.max.request.bytes': 512 * 1024 * 1024,
  closeMs: 1_000,
};

export interface ListenOptions {
  /** Address to bind; a name is resolved. */
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly serve: Router;
  /** The APIs that have a handler (`servedApis`); requests of others end the connection. */
  readonly apis: readonly ApiName[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<ListenerLimits>;
  /** Until it resolves connections are closed as they come, so that who looks for a node that serves goes on to the next. */
  readonly opens?: Promise<void>;
}

export interface Listener {
  /** The address that was bound. */
  readonly host: string;
  readonly port: number;
  /** How many there are. */
  readonly connections: number;
  /** Bytes over all connections there were. */
  traffic(): { readonly receivedBytes: number; readonly sentBytes: number };
  /**
   * Takes no more connections and requests; resolves when all connections are closed, each once its begun requests are
   * answered, and after `closeMs` at the latest.
   */
  close(): Promise<void>;
}

/** How often idleness is looked for, as a part of what is allowed: one timer for all connections. */
const idleChecks = 8;
const stalledMsMax = 10_000;
const backlog = 1_024;

/** @throws Fault `CANNOT_LISTEN` */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { serve, clock, logger } = options;
  const limits = { ...listenerDefaults, ...options.limits };
  const served: ReadonlySet<ApiName> = new Set(options.apis);
  const budget = createRequestBudget(limits['queued.max.request.bytes']);
  const open = new Map<Connection, Socket>();
  let closedTraffic = { receivedBytes: 0, sentBytes: 0 };
  const countByAddress = new Map<string, number>();
  const idleMaxMs = limits['connections.max.idle.ms'];
  let refusing = false;
  let opened = options.opens === undefined;
  options.opens?.then(
    () => {
      opened = true;
    },
    () => {},
  );
  let closing: Promise<void> | undefined;
  let onEmpty = () => {};

  function take(socket: Socket): void {
    if (!opened) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const address = plainAddress(socket.remoteAddress ?? '');
    const count = countByAddress.get(address) ?? 0;
    if (closing !== undefined || open.size >= limits['max.connections'] || count >= limits['max.connections.per.ip']) {
      refuse(socket, address);
      return;
    }
    refusing = false;
    countByAddress.set(address, count + 1);
    const connection = createConnection({ socket, serve, served, clock, logger, limits, budget, onClosed });
    open.set(connection, socket);

    function onClosed(): void {
      open.delete(connection);
      closedTraffic = added(closedTraffic, socket);
      const left = countByAddress.get(address)! - 1;
      if (left === 0) countByAddress.delete(address);
      else countByAddress.set(address, left);
      if (open.size === 0) onEmpty();
    }
  }

  function refuse(socket: Socket, address: string): void {
    socket.on('error', () => {});
    socket.destroy();
    // One line for a run of refusals: a peer that comes again and again must not fill the log.
    if (!refusing && closing === undefined) {
      logger.warn({ address, connections: open.size }, 'connections are refused: as many as allowed are open');
    }
    refusing = true;
  }

  function closeIdle(): void {
    const nowMs = clock.monotonicMs();
    for (const connection of open.keys()) {
      // Whoever stalls within a request must not keep the room that others wait for.
      const maxMs = budget.isShort && connection.isHalfThere ? Math.min(stalledMsMax, idleMaxMs) : idleMaxMs;
      if (nowMs - connection.idleSinceMs >= maxMs) connection.destroy();
    }
    idleTimer = clock.after(idleMaxMs / idleChecks, closeIdle);
  }

  // Half open, because a connection isn't over when its peer has sent all it had.
  const server = createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true }, take);
  const { host, port } = await bind(server, options);
  server.on('error', (error) => logger.error({ err: error }, 'the listener failed'));
  let idleTimer: Timer = clock.after(idleMaxMs / idleChecks, closeIdle);

  async function closeAll(): Promise<void> {
    idleTimer.cancel();
    const stopped = createLatch();
    server.close(() => stopped.resolve());
    if (open.size > 0) {
      const empty = createLatch();
      onEmpty = empty.resolve;
      const deadline = clock.after(limits.closeMs, () => {
        for (const connection of open.keys()) connection.destroy();
      });
      for (const connection of open.keys()) connection.end();
      await empty.promise;
      deadline.cancel();
    }
    await stopped.promise;
  }

  return {
    host,
    port,
    get connections() {
      return open.size;
    },
    traffic: () => [...open.values()].reduce(added, closedTraffic),
    close: () => (closing ??= closeAll()),
  };
}

const added = ({ receivedBytes, sentBytes }: ReturnType<Listener['traffic']>, socket: Socket) => ({
  receivedBytes: receivedBytes + socket.bytesRead,
  sentBytes: sentBytes + socket.bytesWritten,
});

function bind(
  server: ReturnType<typeof createServer>,
  { host, port }: ListenOptions,
): Promise<{ host: string; port: number }> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'the address is in use' : error.message;
      reject(new Fault('CANNOT_LISTEN', { address: `${host}:${port}`, reason }, error));
    };
    server.once('error', onError);
    server.listen({ host, port, backlog }, () => {
      server.off('error', onError);
      const bound = server.address() as { address: string; port: number };
      resolve({ host: bound.address, port: bound.port });
    });
  });
}
