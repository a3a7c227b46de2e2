// One TCP connection to a node: requests encoded with the schemas, answers matched by their order, which is that of the
// requests. It opens nothing anew and retries nothing.
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ByteReader } from '../kernel/byte-reader.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { type ApiName, apis, type RequestOf, type ResponseOf } from '../protocol/api-table.ts';
import { errors } from '../protocol/error-code.ts';
import { createFrameReader, encodeFrame } from '../protocol/frame.ts';
import { readResponseHeader, writeRequestHeader } from '../protocol/header.ts';
import { type Address, addressName } from './address.ts';
import type { TlsOptions } from './security.ts';

export interface Wire {
  readonly broken: boolean;
  /**
   * Sent before it returns, behind what was sent before.
   * @throws Fault `CONNECTION_LOST`, also to all that wait when the connection ends, whoever ends it
   */
  send<N extends ApiName>(api: N, version: number, request: RequestOf<N>): Promise<ResponseOf<N>>;
  close(reason: string): void;
}

export interface WireOptions {
  readonly clientId: string;
  readonly clock: Clock;
  /** Includes the handshake of TLS. */
  readonly connectTimeoutMs: number;
  readonly tls?: TlsOptions | undefined;
}

interface Pending {
  readonly correlationId: number;
  readonly api: ApiName;
  readonly version: number;
  readonly resolve: (response: never) => void;
  readonly reject: (reason: unknown) => void;
}

/** A whole answer to a fetch: above, the peer is no Kafka node. */
const frameBytesMax = 1024 * 1024 * 1024;

/** @throws Fault `CONNECTION_LOST`, `TLS_FAILED` */
export async function openWire(
  address: Address,
  { clientId, clock, connectTimeoutMs, tls }: WireOptions,
): Promise<Wire> {
  const to = addressName(address);
  const socket = openSocket(address, to, tls);
  return new Promise((resolve, reject) => {
    const give = (fault: Fault) => {
      timer.cancel();
      socket.destroy();
      reject(fault);
    };
    const timer = clock.after(connectTimeoutMs, () =>
      give(new Fault('CONNECTION_LOST', { to, reason: `no connection within ${connectTimeoutMs} ms` })),
    );
    const onError = (error: NodeJS.ErrnoException) => give(socketFault(to, error));
    const onClose = () => give(new Fault('CONNECTION_LOST', { to, reason: 'it closed the connection' }));
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      timer.cancel();
      socket.off('error', onError);
      socket.off('close', onClose);
      resolve(createWire(socket, to, clientId));
    });
  });
}

function openSocket({ host, port }: Address, to: string, tls: TlsOptions | undefined): Socket {
  if (tls === undefined) return connect({ host, port, noDelay: true, keepAlive: true });
  const { verifyHost = true, ...given } = tls;
  // An address is no server name (RFC 6066); the certificate is compared with it all the same.
  const servername = given.servername ?? (isIP(host) === 0 ? host : undefined);
  try {
    const socket = connectTls({
      host,
      port,
      ...(given as object),
      ...(servername === undefined ? {} : { servername }),
      ...(verifyHost ? {} : { checkServerIdentity: () => undefined }),
    });
    return socket.setNoDelay(true).setKeepAlive(true);
  } catch (error) {
    throw new Fault('TLS_FAILED', { to, reason: (error as Error).message }, error);
  }
}

/** Codes of certificates that aren't believed: OpenSSL's X509_V_ERR_ and those of Node.js. */
const certificateCodes =
  /^(CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|INVALID_CA|HOSTNAME_MISMATCH|ERR_TLS_|ERR_SSL_|EPROTO)/;

/** A secret that can't be agreed on won't be by trying again; what the network did may. */
function socketFault(to: string, error: NodeJS.ErrnoException & { readonly reason?: unknown }): Fault {
  if (certificateCodes.test(error.code ?? '')) {
    // Those of OpenSSL begin with a number of the thread and end in a file of its source.
    const opensslReason = typeof error.reason === 'string' ? error.reason : error.message;
    const plain = /wrong version number|packet length too long/.test(opensslReason);
    return new Fault('TLS_FAILED', { to, reason: plain ? 'it speaks no TLS there' : opensslReason }, error);
  }
  return new Fault('CONNECTION_LOST', {
    to,
    reason: error.code === 'ECONNREFUSED' ? 'nothing listens there' : error.message,
  });
}

function createWire(socket: Socket, to: string, clientId: string): Wire {
  const frames = createFrameReader({ frameBytesMax });
  const waiting: Pending[] = [];
  let nextCorrelationId = 0;
  let broken = false;

  function breakOff(reason: string): void {
    endWith(new Fault('CONNECTION_LOST', { to, reason }));
  }

  function endWith(fault: Fault): void {
    if (broken) return;
    broken = true;
    socket.destroy();
    for (const { reject } of waiting.splice(0)) reject(fault);
  }

  function answer(frame: Uint8Array): void {
    const pending = waiting.shift();
    if (pending === undefined) return breakOff('it answered what was not asked');
    const { api } = pending;
    try {
      pending.resolve(readAnswer(frame, pending) as never);
    } catch (error) {
      pending.reject(new Fault('CONNECTION_LOST', { to, reason: `it sent what is no answer to ${api}` }, error));
      breakOff('it sent what is no answer');
    }
  }

  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of frames.push(chunk)) answer(frame);
    } catch (error) {
      breakOff((error as Error).message);
    }
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // A node that wants a certificate of ours says so only now (TLS 1.3); what else goes wrong now may go well next time.
    if (/^ERR_SSL_.*(CERTIFICATE|UNKNOWN_CA)/.test(error.code ?? '')) endWith(socketFault(to, error));
    else breakOff(error.message);
  });
  socket.on('close', () => breakOff('it closed the connection'));

  return {
    get broken() {
      return broken;
    },
    send(api, version, request) {
      if (broken) return Promise.reject(new Fault('CONNECTION_LOST', { to, reason: 'it closed the connection' }));
      const correlationId = nextCorrelationId;
      nextCorrelationId = (nextCorrelationId + 1) % 0x7fff_ffff;
      const parts = encodeFrame((writer, pieces) => {
        writeRequestHeader(writer, {
          requestApiKey: apis[api].key,
          requestApiVersion: version,
          correlationId,
          clientId,
        });
        apis[api].request.encode(request as never, version, writer, pieces);
      });
      const last = parts.length - 1;
      return new Promise((resolve, reject) => {
        const silent = api === 'produce' && (request as RequestOf<'produce'>).acks === 0;
        if (!silent) waiting.push({ correlationId, api, version, resolve: resolve as Pending['resolve'], reject });
        socket.cork();
        for (let i = 0; i < last; i++) socket.write(parts[i]!);
        if (!silent) socket.write(parts[last]!);
        else {
          // Where no answer holds the producer back, the socket does.
          socket.write(parts[last]!, (error) => {
            if (error) reject(new Fault('CONNECTION_LOST', { to, reason: error.message }));
            else resolve(apis[api].response.create({}) as never);
          });
        }
        socket.uncork();
      });
    },
    close: breakOff,
  };
}

/** @throws Fault `MALFORMED_BYTES` */
function readAnswer(frame: Uint8Array, { api, version, correlationId }: Pending): unknown {
  const reader = new ByteReader(frame);
  const found = readResponseHeader(reader, apis[api].key, version);
  if (found !== correlationId) {
    throw new Fault('MALFORMED_BYTES', { what: `answer ${found} where ${correlationId} was due` });
  }
  if (api !== 'apiVersions') return apis[api].response.decode(reader, version);
  // A node that doesn't know our version of ApiVersions answers as version 0 (KIP-511); the error comes first in all.
  const errorCode = reader.int16();
  reader.position -= 2;
  return apis.apiVersions.response.decode(reader, errorCode === errors.UNSUPPORTED_VERSION.code ? 0 : version);
}
