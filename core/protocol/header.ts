// What stands in front of every request and response. The header's own version follows from the API and its version:
// flexible requests have version 2, others 1; flexible responses 1, others 0. ApiVersions answers with 0 for ever, so
// that a client which was too new can read the error (KIP-511).
import type { ByteReader } from '../kernel/byte-reader.ts';
import type { ByteWriter } from '../kernel/byte-writer.ts';
import { apiOfKey, apis } from './api-table.ts';
import { int16, int32, string } from './fields.ts';
import { type Infer, message } from './schema.ts';

// Version 2 adds tagged fields only: its client id keeps the old length, so that a node can read the header of any
// version.
export const requestHeader = message(
  { name: 'RequestHeader', versions: [1, 2], flexibleFrom: 2 },
  {
    requestApiKey: int16(),
    requestApiVersion: int16(),
    correlationId: int32(),
    clientId: string({ nullableFrom: 1, flexible: false }),
  },
);

export const responseHeader = message(
  { name: 'ResponseHeader', versions: [0, 1], flexibleFrom: 1 },
  { correlationId: int32() },
);

export type RequestHeader = Infer<typeof requestHeader>;

export function writeRequestHeader(writer: ByteWriter, header: RequestHeader): void {
  const { request } = headerVersions(header.requestApiKey, header.requestApiVersion);
  requestHeader.encode(header, request, writer);
}

/**
 * Reads the header of any request: of an API that we don't speak as version 1, of a version that is too new as the
 * newest.
 * @throws Fault `MALFORMED_BYTES`
 */
export function readRequestHeader(reader: ByteReader): RequestHeader {
  const start = reader.position;
  const { request } = headerVersions(reader.int16(), reader.int16());
  reader.position = start;
  return requestHeader.decode(reader, request);
}

/** @param apiKey of the request that is answered, with its version */
export function writeResponseHeader(
  writer: ByteWriter,
  apiKey: number,
  apiVersion: number,
  correlationId: number,
): void {
  responseHeader.encode({ correlationId }, headerVersions(apiKey, apiVersion).response, writer);
}

/** @returns the correlation id; the version is known to who sent the request */
export function readResponseHeader(reader: ByteReader, apiKey: number, apiVersion: number): number {
  return responseHeader.decode(reader, headerVersions(apiKey, apiVersion).response).correlationId;
}

function headerVersions(apiKey: number, apiVersion: number): { readonly request: 1 | 2; readonly response: 0 | 1 } {
  const name = apiOfKey(apiKey);
  const flexible = name !== undefined && apiVersion >= apis[name].request.flexibleFrom;
  return { request: flexible ? 2 : 1, response: flexible && name !== 'apiVersions' ? 1 : 0 };
}
