// One client's connection: frames in, answers out in the order of the requests. Requests are carried out one after the
// other, as Kafka does it and as clients that pipeline rely on; only produce requests overlap with one another, so that
// their batches reach the disk together (the order in which they begin is the order of their offsets). Everything held
// for a peer is bounded: what it sends faster than it is carried out stays in its socket, and what it asks for isn't
// carried out while it doesn't read the answers. Knows no API by what it does.
import type { Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import { isFault } from '../kernel/fault.ts';
import type { Logger } from '../kernel/logger.ts';
import { type ApiName, apis, type RequestOf, type ResponseOf } from '../protocol/api-table.ts';
import { createFrameReader, encodeFrame } from '../protocol/frame.ts';
import { writeResponseHeader } from '../protocol/header.ts';
import type { Caller } from './handler.ts';
import { type IncomingRequest, isProduce, readIncoming } from './incoming.ts';
import type { RequestBudget } from './request-budget.ts';
import type { Router } from './router.ts';

export interface ConnectionLimits {
  /** The longest request taken; a longer one ends the connection. Kafka's setting and default: 100 MiB. */
  readonly 'socket.request.max.bytes': number;
  /** Requests of one connection that are read before the first of them is answered. Default 64. */
  readonly requestsInFlightMax: number;
  /** The same in bytes: above, the socket isn't read. One request may exceed it. Default 32 MiB. */
  readonly requestBytesInFlightMax: number;
  /** Answers that the peer hasn't read, in bytes, above which no further request is begun. Default 256 KiB. */
  readonly answerBytesMax: number;
}

export const connectionDefaults: ConnectionLimits = {
  'socket.request.max.bytes': 100 * 1024 * 1024,
  requestsInFlightMax: 64,
  requestBytesInFlightMax: 32 * 1024 * 1024,
  answerBytesMax: 256 * 1024,
};

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly serve: Router;
  /** The APIs that have a handler. */
  readonly served: ReadonlySet<ApiName>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ConnectionLimits;
  /** Of the listener, for all its connections. */
  readonly budget: RequestBudget;
  /** Called once, when nothing is left of it. */
  readonly onClosed: () => void;
}

export interface Connection {
  /** When bytes last went either way, by the monotonic clock; Infinity while a request is being carried out. */
  readonly idleSinceMs: number;
  /** Whether it waits for the rest of a frame that room is kept for. */
  readonly isHalfThere: boolean;
  /** Ends what waits, answers what is begun, then closes; requests that weren't begun are dropped. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** A request that was begun; its answer waits for those before it. */
interface Slot {
  readonly isProduce: boolean;
  readonly sizeBytes: number;
  /** Undefined until there is one; empty where none is sent. */
  answer: readonly Uint8Array[] | undefined;
}

const nothing: readonly Uint8Array[] = [];

export function createConnection(options: ConnectionOptions): Connection {
  const { socket, serve, served, clock, logger, limits, budget, onClosed } = options;
  const frames = createFrameReader({ frameBytesMax: limits['socket.request.max.bytes'] });
  const host = `/${plainAddress(socket.remoteAddress ?? 'unknown')}`;
  const client = `${host}:${socket.remotePort}`;
  const received: Uint8Array[] = [];
  const begun: Slot[] = [];
  let othersBegun = 0; // of `begun`, those that are no produce requests
  let bytesInFlight = 0;
  let bytesExpected = 0; // of a frame that has begun to come, once there was room for it
  let activeAtMs = clock.monotonicMs();
  let abort: AbortController | undefined;
  let caller: Caller | undefined;
  let corked = false;
  let state: 'open' | 'ending' | 'closed' = 'open';

  function callerOf(clientId: string): Caller {
    abort ??= new AbortController();
    if (state === 'ending') abort.abort();
    if (caller?.clientId !== clientId) caller = { clientId, clientHost: host, signal: abort.signal };
    return caller;
  }

  function shut(): void {
    state = 'closed';
    received.length = 0;
    socket.destroy();
    abort?.abort();
  }

  /** @param api given where the request was understood: what is malformed then is nothing that the peer sent */
  function fail(error: unknown, api?: ApiName): void {
    if (state === 'closed') return;
    if (api === undefined && isFault(error, 'MALFORMED_BYTES')) {
      logger.warn({ client, reason: error.message }, 'connection closed: it sent what is no request');
    } else if (state === 'open' && !isFault(error, 'CLOSED')) {
      logger.error({ client, api, err: error }, 'connection closed: a request could not be answered');
    }
    shut();
  }

  function begin(frame: Uint8Array): void {
    const slot: Slot = { isProduce: isProduce(frame), sizeBytes: frame.length, answer: undefined };
    const incoming = readIncoming(frame, served);
    begun.push(slot);
    if (!slot.isProduce) othersBegun++;
    if (incoming.kind === 'answered') {
      slot.answer = incoming.frame;
      return;
    }
    const { api, version, clientId, request } = incoming;
    const onResponse = (response: ResponseOf<ApiName>) => {
      if (state === 'closed') return;
      try {
        const answer = encodeAnswer(incoming, response);
        if (answer === null) return shut();
        slot.answer = answer;
      } catch (error) {
        return fail(error, api);
      }
      goOn();
    };
    const onRejection = (error: unknown) => {
      if (state === 'open' && isFault(error, 'CONNECTION_LOST')) return endBefore(slot, error.message);
      if (state !== 'ending') return fail(error, api);
      // It was ended on purpose, and what came behind it may be a producer's last.
      slot.answer = nothing;
      goOn();
    };
    serve(api, version, request, callerOf(clientId)).then(onResponse, onRejection);
  }

  const mayBegin = (): boolean =>
    received.length > 0 &&
    socket.writableLength <= limits.answerBytesMax &&
    (begun.length === 0 || (othersBegun === 0 && isProduce(received[0]!) && begun.length < limits.requestsInFlightMax));

  function send(): void {
    while (begun.length > 0 && begun[0]!.answer !== undefined) {
      const { answer, sizeBytes, isProduce } = begun.shift()!;
      if (!isProduce) othersBegun--;
      bytesInFlight -= sizeBytes;
      budget.add(-sizeBytes);
      if (answer!.length === 0) continue;
      // One system call for the answers of this turn, however many there are and in however many pieces.
      if (!corked) {
        corked = true;
        socket.cork();
        process.nextTick(uncork);
      }
      for (const part of answer!) socket.write(part);
    }
  }

  function uncork(): void {
    corked = false;
    activeAtMs = clock.monotonicMs();
    socket.uncork();
  }

  /** Sends what can be sent, begins what can be begun, and reads or stops reading. */
  function goOn(): void {
    if (state === 'closed') return;
    try {
      send();
      while (mayBegin()) {
        begin(received.shift()!);
        send();
      }
    } catch (error) {
      fail(error);
      return;
    }
    if (state === 'ending') {
      if (begun.length + received.length === 0) socket.destroySoon();
      return;
    }
    const full =
      received.length + begun.length >= limits.requestsInFlightMax || bytesInFlight >= limits.requestBytesInFlightMax;
    const stopped = full || !hasRoom();
    if (stopped && !socket.isPaused()) socket.pause();
    if (!stopped && socket.isPaused()) socket.resume();
  }

  function hasRoom(): boolean {
    if (bytesExpected > 0) return true;
    if (!budget.hasRoom) {
      budget.wait(goOn);
      return false;
    }
    bytesExpected = frames.expectedBytes;
    if (bytesExpected > 0) budget.add(bytesExpected);
    return true;
  }

  function take(frame: Uint8Array): void {
    received.push(frame);
    bytesInFlight += frame.length;
    budget.add(frame.length - bytesExpected);
    bytesExpected = 0;
  }

  /** What isn't begun yet is not begun any more, but for what `keeps` says. */
  function drop(keeps: (frame: Uint8Array) => boolean): void {
    for (const frame of received.splice(0)) {
      if (keeps(frame)) received.push(frame);
      else {
        bytesInFlight -= frame.length;
        budget.add(-frame.length);
      }
    }
  }

  /** What was asked before it is answered yet, or a producer would write it a second time. */
  function endBefore(slot: Slot, reason: string): void {
    logger.debug({ client, reason }, 'connection closed');
    for (const { isProduce, sizeBytes } of begun.splice(begun.indexOf(slot))) {
      if (!isProduce) othersBegun--;
      bytesInFlight -= sizeBytes;
      budget.add(-sizeBytes);
    }
    drop(() => false);
    drain();
  }

  function drain(): void {
    state = 'ending';
    abort?.abort();
    goOn();
  }

  socket.on('data', (chunk: Buffer) => {
    activeAtMs = clock.monotonicMs();
    if (state !== 'open') return;
    try {
      for (const frame of frames.push(chunk)) take(frame);
    } catch (error) {
      fail(error);
      return;
    }
    goOn();
  });
  // Nobody waits for answers any more, but a producer that wants none may have sent all it had and gone. Whoever asked for
  // something else may have asked another connection meanwhile, and done more since: a marker that comes after that ends what follows.
  socket.on('end', () => {
    if (state !== 'open') return;
    drop(isProduce);
    drain();
  });
  socket.on('drain', () => {
    activeAtMs = clock.monotonicMs();
    goOn();
  });
  // A reset is one way for a peer to close; 'close' follows.
  socket.on('error', (error) => logger.debug({ client, reason: error.message }, 'connection broken'));
  socket.on('close', () => {
    shut();
    budget.forget(goOn);
    budget.add(-bytesInFlight - bytesExpected);
    onClosed();
  });

  return {
    get idleSinceMs() {
      return begun.some((slot) => slot.answer === undefined) ? Number.POSITIVE_INFINITY : activeAtMs;
    },
    get isHalfThere() {
      return bytesExpected > 0;
    },
    end() {
      if (state !== 'open') return;
      drop(() => false);
      drain();
    },
    destroy: shut,
  };
}

/** @returns null where a producer that wants no answer must learn of a failure: Kafka closes the connection then */
function encodeAnswer<N extends ApiName>(
  { api, version, correlationId, request }: IncomingRequest<N>,
  response: ResponseOf<N>,
): readonly Uint8Array[] | null {
  if (api === 'produce' && (request as RequestOf<'produce'>).acks === 0) {
    return hasFailed(response as ResponseOf<'produce'>) ? null : nothing;
  }
  return encodeFrame((writer, pieces) => {
    writeResponseHeader(writer, apis[api].key, version, correlationId);
    apis[api].response.encode(response as never, version, writer, pieces);
  });
}

const hasFailed = ({ responses }: ResponseOf<'produce'>): boolean =>
  responses.some(({ partitionResponses }) => partitionResponses.some(({ errorCode }) => errorCode !== 0));

/** An IPv4 address as itself where the socket is an IPv6 one. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');
