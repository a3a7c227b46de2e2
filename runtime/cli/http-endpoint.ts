// An HTTP server for whoever looks on: GET only, every answer whole, every error JSON. It never holds the process up at the
// end, and binds to loopback unless told otherwise, since it asks nobody who they are.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { parseBootstrap } from '../../core/client/address.ts';
import { Fault } from '../../core/kernel/fault.ts';
import { toJson } from './output.ts';

export interface HttpReply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface HttpRequest {
  /** Decoded, without empty ones at the end. */
  readonly segments: readonly string[];
  readonly search: URLSearchParams;
  /** Asked by another member of the job. */
  readonly forwarded: boolean;
}

export interface HttpEndpoint {
  /** `host:port` where others reach it. */
  readonly address: string;
  close(): Promise<void>;
}

/** Of a request that one member passes on to another. */
export const forwardedHeader = 'x-millrace-forwarded';
const loopback = '127.0.0.1';

export const jsonReply = (status: number, body: unknown): HttpReply => ({
  status,
  type: 'application/json; charset=utf-8',
  body: `${toJson(body)}\n`,
});

/** `[HOST:]PORT`; port 0 takes a free one. @throws Fault `BAD_ADDRESS` */
export function parseEndpoint(given: string): { readonly host: string; readonly port: number } {
  const text = /^:?\d+$/.test(given) ? `${loopback}:${given.replace(':', '')}` : given;
  if (!text.endsWith(':0')) return parseBootstrap(text)[0]!;
  return { host: parseBootstrap(`${text.slice(0, -2)}:1`)[0]!.host, port: 0 };
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';
const shown = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

/**
 * @param given `[HOST:]PORT`
 * @param answer its rejections are answered with 500
 * @throws Fault `BAD_ADDRESS`, `CANNOT_LISTEN`
 */
export async function openHttpEndpoint(
  given: string,
  answer: (request: HttpRequest) => Promise<HttpReply>,
): Promise<HttpEndpoint> {
  const wanted = parseEndpoint(given);
  const server = createServer((request, response) => void serve(request, response, answer));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'it is in use' : error.message;
      reject(new Fault('CANNOT_LISTEN', { address: shown(wanted.host, wanted.port), reason }, error));
    });
    server.listen(wanted.port, wanted.host, resolve);
  });
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    address: shown(isWildcard(wanted.host) ? hostname() : wanted.host, port),
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: HttpRequest) => Promise<HttpReply>,
): Promise<void> {
  const send = ({ status, type, body }: HttpReply) => {
    const retry = status === 503 ? { 'retry-after': '1' } : {};
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...retry });
    response.end(request.method === 'HEAD' ? '' : body);
  };
  const refuse = (status: number, code: string, message: string) =>
    send(jsonReply(status, { error: { code, message } }));
  try {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(405, 'METHOD_NOT_ALLOWED', 'only GET is answered here');
    const url = new URL(request.url ?? '/', 'http://here');
    const segments = decoded(url.pathname);
    if (segments === null) return refuse(400, 'BAD_QUERY', 'the path is not well encoded');
    const forwarded = request.headers[forwardedHeader] !== undefined;
    send(await answer({ segments, search: url.searchParams, forwarded }));
  } catch (error) {
    refuse(500, 'FAILED', error instanceof Error ? error.message : String(error));
  }
}

function decoded(path: string): readonly string[] | null {
  try {
    const parts = path.replace(/\/+$/, '').split('/').slice(1);
    return parts.map(decodeURIComponent);
  } catch {
    return null;
  }
}
