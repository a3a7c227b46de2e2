// A client that is nothing but a socket, for what no real client would do: half frames, garbage, not reading.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ByteReader } from '../../core/kernel/byte-reader.ts';
import { type ApiName, apis, type RequestInit, type ResponseOf } from '../../core/protocol/api-table.ts';
import { createFrameReader, encodeFrame } from '../../core/protocol/frame.ts';
import { readResponseHeader, writeRequestHeader } from '../../core/protocol/header.ts';

export interface RawClient {
  readonly socket: Socket;
  /** Frames that came and weren't taken. */
  readonly waiting: number;
  write(...bytes: readonly Uint8Array[]): void;
  ask<N extends ApiName>(api: N, version: number, init: RequestInit<N>, correlationId?: number): void;
  /** The next frame; rejects when the connection is closed first. */
  frame(): Promise<Uint8Array>;
  answer<N extends ApiName>(api: N, version: number): Promise<{ correlationId: number; response: ResponseOf<N> }>;
  /** Resolves when the node has closed the connection. */
  readonly closed: Promise<void>;
  close(): void;
}

/** The bytes of a request, its length in front. */
export function requestBytes<N extends ApiName>(
  api: N,
  version: number,
  init: RequestInit<N>,
  correlationId = 1,
  clientId: string | null = 'raw',
): Uint8Array {
  const { key, request } = apis[api];
  const parts = encodeFrame((writer) => {
    writeRequestHeader(writer, { requestApiKey: key, requestApiVersion: version, correlationId, clientId });
    request.encode(request.create(init as never) as never, version, writer);
  });
  return Buffer.concat(parts);
}

export async function rawClient(port: number, options: { readonly localAddress?: string } = {}): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', ...options });
  await once(socket, 'connect');
  const reader = createFrameReader({ frameBytesMax: 2 ** 30 });
  const frames: Uint8Array[] = [];
  const takers: { resolve: (frame: Uint8Array) => void; reject: (reason: Error) => void }[] = [];
  socket.on('data', (chunk: Buffer) => {
    for (const frame of reader.push(chunk)) {
      const taker = takers.shift();
      if (taker === undefined) frames.push(frame);
      else taker.resolve(frame);
    }
  });
  socket.on('error', () => {});
  const gone = () => new Error('the node closed the connection');
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      for (const { reject } of takers.splice(0)) reject(gone());
      resolve();
    });
  });
  const client: RawClient = {
    socket,
    closed,
    get waiting() {
      return frames.length;
    },
    write(...bytes) {
      for (const part of bytes) socket.write(part);
    },
    ask: (api, version, init, correlationId) => void socket.write(requestBytes(api, version, init, correlationId)),
    frame: () =>
      new Promise((resolve, reject) => {
        const frame = frames.shift();
        if (frame !== undefined) resolve(frame);
        else if (socket.destroyed) reject(gone());
        else takers.push({ resolve, reject });
      }),
    async answer(api, version) {
      const found = new ByteReader(await client.frame());
      const correlationId = readResponseHeader(found, apis[api].key, version);
      return { correlationId, response: apis[api].response.decode(found, version) as never };
    },
    close: () => void socket.destroy(),
  };
  return client;
}
