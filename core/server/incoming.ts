// What a frame asks for. Either a request for a handler, or one that is answered here already because of its version,
// or something that can't be understood, after which a connection can't go on. Carries nothing out.
import { ByteReader } from '../kernel/byte-reader.ts';
import { Fault } from '../kernel/fault.ts';
import { type ApiName, apiOfKey, apis, type RequestOf, servedVersions, speaks } from '../protocol/api-table.ts';
import { errors } from '../protocol/error-code.ts';
import { encodeFrame } from '../protocol/frame.ts';
import { readRequestHeader, writeResponseHeader } from '../protocol/header.ts';
import { isOldProduce, refuseOldProduce } from './old-produce.ts';

export interface IncomingRequest<N extends ApiName = ApiName> {
  readonly kind: 'request';
  readonly api: N;
  readonly version: number;
  readonly correlationId: number;
  /** '' where the client gives none. */
  readonly clientId: string;
  readonly request: RequestOf<N>;
}

export type Incoming = IncomingRequest | { readonly kind: 'answered'; readonly frame: Uint8Array[] };

const produceKey = 0;

/** Whether the frame is a produce request, of whatever version; nothing else of it is looked at. */
export const isProduce = (frame: Uint8Array): boolean =>
  frame.length >= 2 && ((frame[0]! << 8) | frame[1]!) === produceKey;

/**
 * @param served the APIs that have a handler
 * @throws Fault `MALFORMED_BYTES` for what Kafka closes the connection for: bytes that are no request, an API that isn't
 * served, a version that isn't
 */
export function readIncoming(frame: Uint8Array, served: ReadonlySet<ApiName>): Incoming {
  const reader = new ByteReader(frame);
  const { requestApiKey, requestApiVersion: version, correlationId, clientId } = readRequestHeader(reader);
  const api = apiOfKey(requestApiKey);
  if (api === undefined || !served.has(api)) throw refusal(`a request of API ${requestApiKey}, which isn't served`);
  if (!speaks(api, version)) return { kind: 'answered', frame: answerVersion(reader, api, version, correlationId) };
  const request = apis[api].request.decode(reader, version);
  return { kind: 'request', api, version, correlationId, clientId: clientId ?? '', request };
}

function answerVersion(reader: ByteReader, api: ApiName, version: number, correlationId: number): Uint8Array[] {
  if (api === 'apiVersions') return tooNew(correlationId);
  const refused = isOldProduce(apis[api].key, version) ? refuseOldProduce(reader, version, correlationId) : null;
  if (refused === null) throw refusal(`a request of ${api} in version ${version}, which isn't served`);
  return refused;
}

/** As version 0, with the range to choose from (KIP-511): every client can read that and asks again. */
function tooNew(correlationId: number): Uint8Array[] {
  const answer = apis.apiVersions.response.create({
    errorCode: errors.UNSUPPORTED_VERSION.code,
    apiKeys: servedVersions(['apiVersions']),
  });
  return encodeFrame((writer) => {
    writeResponseHeader(writer, apis.apiVersions.key, 0, correlationId);
    apis.apiVersions.response.encode(answer, 0, writer);
  });
}

const refusal = (what: string) => new Fault('MALFORMED_BYTES', { what });
