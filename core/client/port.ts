// A Transport over a MessagePort, so that worker threads use the node of the main thread. Messages are cloned as objects;
// record bytes go along in one buffer a message, which is handed over and not cloned. Nothing here knows an API.
import type { MessagePort } from 'node:worker_threads';
import { Fault, type FaultCode, type FaultDetail } from '../kernel/fault.ts';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/api-table.ts';
import type { Network, Transport } from '../protocol/transport.ts';
import { pack } from './port-bytes.ts';

type ToNode =
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly api: ApiName;
      readonly version: number;
      readonly request: unknown;
    }
  | { readonly kind: 'abort'; readonly id: number };

type FromNode =
  | { readonly kind: 'answer'; readonly id: number; readonly response: unknown }
  | {
      readonly kind: 'failure';
      readonly id: number;
      readonly code: FaultCode | null;
      readonly detail: unknown;
      readonly message: string;
    };

function post(port: MessagePort, message: ToNode | FromNode): void {
  const { packed, transfer } = pack(message);
  port.postMessage(packed, transfer);
}

/**
 * Answers calls that come through `port` with `transport`. The port keeps the process alive while it is open.
 *
 * @returns stops: aborts what is pending and closes the port; the transport stays open
 */
export function servePort(port: MessagePort, transport: Transport): () => void {
  const pending = new Map<number, AbortController>();

  async function answer({ id, api, version, request }: Extract<ToNode, { kind: 'call' }>): Promise<void> {
    const controller = new AbortController();
    pending.set(id, controller);
    let message: FromNode;
    try {
      const response = await transport.call(api, version, request as RequestOf<ApiName>, { signal: controller.signal });
      message = { kind: 'answer', id, response };
    } catch (error) {
      const isFault = error instanceof Fault;
      const text = error instanceof Error ? error.message : String(error);
      message = {
        kind: 'failure',
        id,
        code: isFault ? error.code : null,
        detail: isFault ? error.detail : null,
        message: text,
      };
    }
    if (pending.delete(id)) post(port, message);
  }

  const stop = () => {
    for (const controller of pending.values())
      controller.abort(new Fault('CONNECTION_LOST', { to: 'a worker', reason: 'its port was closed' }));
    pending.clear();
    port.close();
  };
  port.on('message', (message: ToNode) => {
    if (message.kind === 'call') void answer(message);
    else pending.get(message.id)?.abort(new Fault('CLOSED', { what: 'the call' }));
  });
  port.on('close', stop);
  return stop;
}

interface Waiting {
  readonly api: ApiName;
  resolve(response: unknown): void;
  reject(error: unknown): void;
}

/** The node behind `port` as a network; `servePort` answers at the other end. What is pending when the port closes fails with `CONNECTION_LOST`. */
export function portNetwork(port: MessagePort): Network {
  const pending = new Map<number, Waiting>();
  let nextId = 0;
  let isClosed = false;
  const lost = () => new Fault('CONNECTION_LOST', { to: 'the node', reason: 'the port to its thread was closed' });

  port.on('message', (message: FromNode) => {
    const waiting = pending.get(message.id);
    if (waiting === undefined) return;
    pending.delete(message.id);
    if (message.kind === 'answer') waiting.resolve(message.response);
    else if (message.code !== null) waiting.reject(new Fault(message.code, message.detail as FaultDetail<FaultCode>));
    else waiting.reject(new Fault('REMOTE_FAILED', { what: waiting.api, reason: message.message }));
  });
  port.on('close', () => {
    isClosed = true;
    for (const waiting of pending.values()) waiting.reject(lost());
    pending.clear();
  });

  const transport: Transport = {
    call: (api, version, request, options) =>
      new Promise<ResponseOf<typeof api>>((resolve, reject) => {
        const signal = options?.signal;
        if (isClosed) return reject(lost());
        if (signal?.aborted) return reject(signal.reason);
        const id = nextId++;
        const onAbort = () => {
          pending.delete(id);
          post(port, { kind: 'abort', id });
          reject(signal?.reason);
        };
        const settled = () => signal?.removeEventListener('abort', onAbort);
        pending.set(id, {
          api,
          resolve(response) {
            settled();
            resolve(response as ResponseOf<typeof api>);
          },
          reject(error) {
            settled();
            reject(error);
          },
        });
        signal?.addEventListener('abort', onAbort, { once: true });
        post(port, { kind: 'call', id, api, version, request });
      }),
    close: async () => {},
  };
  return { bootstrap: async () => transport, connect: async () => transport };
}
