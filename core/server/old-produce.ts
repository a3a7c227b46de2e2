// Produce 0-2, whose record formats are gone: understood only so far as to be refused in their own shape. They are
// advertised all the same, because librdkafka sends uncompressed batches to nodes that begin at 3 (KAFKA-18659).
import type { ByteReader } from '../kernel/byte-reader.ts';
import { errors } from '../protocol/error-code.ts';
import { array, bytes, int16, int32, int64, string } from '../protocol/fields.ts';
import { encodeFrame } from '../protocol/frame.ts';
import { writeResponseHeader } from '../protocol/header.ts';
import { message } from '../protocol/schema.ts';

const produceKey = 0;

const request = message(
  { name: 'OldProduceRequest', versions: [0, 2] },
  {
    acks: int16(),
    timeoutMs: int32(),
    topicData: array({ name: string(), partitionData: array({ index: int32(), records: bytes({ nullableFrom: 0 }) }) }),
  },
);

const response = message(
  { name: 'OldProduceResponse', versions: [0, 2] },
  {
    responses: array({
      name: string(),
      partitionResponses: array({
        index: int32(),
        errorCode: int16({ fallback: errors.UNSUPPORTED_VERSION.code }),
        baseOffset: int64({ fallback: -1 }),
        logAppendTimeMs: int64({ since: 2, fallback: -1 }),
      }),
    }),
    throttleTimeMs: int32({ since: 1 }),
  },
);

export const isOldProduce = (apiKey: number, version: number): boolean =>
  apiKey === produceKey && version >= request.versions[0] && version <= request.versions[1];

/**
 * UNSUPPORTED_VERSION for every partition; null where the producer wants no answer (acks 0), which leaves only to close.
 * @param reader stands behind the request's header
 * @throws Fault `MALFORMED_BYTES`
 */
export function refuseOldProduce(reader: ByteReader, version: number, correlationId: number): Uint8Array[] | null {
  const { acks, topicData } = request.decode(reader, version);
  if (acks === 0) return null;
  const responses = topicData.map(({ name, partitionData }) => ({
    name,
    partitionResponses: partitionData.map(({ index }) => ({ index })),
  }));
  return encodeFrame((writer) => {
    writeResponseHeader(writer, produceKey, version, correlationId);
    response.encode(response.create({ responses }), version, writer);
  });
}
