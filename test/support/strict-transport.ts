// A node in this process that is spoken to as over a wire: each request and each answer is encoded in its version and
// decoded again. What a handler or a client fills in that the version lacks, or leaves null where it may not be, fails
// here and not first at somebody's Kafka client.
import { ByteReader } from '../../core/kernel/byte-reader.ts';
import { ByteWriter } from '../../core/kernel/byte-writer.ts';
import { apis } from '../../core/protocol/api-table.ts';
import type { Message } from '../../core/protocol/schema.ts';
import type { Transport } from '../../core/protocol/transport.ts';

/** @throws what `encode` throws, from the call that it is wrong in */
export function strictTransport(transport: Transport): Transport {
  return {
    async call(api, version, request, options) {
      const asked = overWire(apis[api].request as Message, version, request);
      const answer = await transport.call(api, version, asked as never, options);
      return overWire(apis[api].response as Message, version, answer) as never;
    },
    close: () => transport.close(),
  };
}

function overWire(message: Message, version: number, value: unknown): unknown {
  const writer = new ByteWriter();
  message.encode(value, version, writer);
  const reader = new ByteReader(writer.take());
  const read = message.decode(reader, version);
  if (reader.remaining > 0) throw new Error(`${message.name} v${version}: ${reader.remaining} bytes are left over`);
  return read;
}
