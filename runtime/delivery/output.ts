// From a task's output to a producer: chooses partitions, and refuses at once what its topic wouldn't take, so that the
// error policy sees the record while it is still at hand. The producer alone would say so only when it flushes.
import type { Admin, Producer, RecordHeaders } from '../../core/client/index.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { TaskOutput } from '../task/task-output.ts';

/** Batch header and record framing, rounded up: a record close to the limit is refused here rather than by the node. */
const overheadBytes = 128;
const headerOverheadBytes = 16;

/** `max.message.bytes` of each topic. */
export async function readRecordLimits(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const limits = await Promise.all(
    topics.map(async (name) => {
      const configs = await admin.describeConfigs({ kind: 'topic', name });
      const value = configs.find((config) => config.name === 'max.message.bytes')?.value;
      return [name, value === undefined || value === null ? Number.POSITIVE_INFINITY : Number(value)] as const;
    }),
  );
  return new Map(limits);
}

/** The largest request a producer must be able to send for these limits. */
export const requestBytesFor = (limits: ReadonlyMap<string, number>): number =>
  Math.max(requestBytesMin, ...[...limits.values()].filter(Number.isFinite));

const requestBytesMin = 1_048_576;

/**
 * @param producerNow the one to write to: a fenced one is replaced
 * @param beforeWrite where a transaction begins
 */
export function createOutput(
  producerNow: () => Producer,
  limits: ReadonlyMap<string, number>,
  beforeWrite: () => void,
): TaskOutput {
  let lastTopic: string | undefined;
  let bytesMax = Number.POSITIVE_INFINITY;
  return {
    write(topic, partition, key, value, timestampMs, headers) {
      if (topic !== lastTopic) {
        lastTopic = topic;
        bytesMax = limits.get(topic) ?? Number.POSITIVE_INFINITY;
      }
      let bytes = overheadBytes + (key === null ? 0 : key.length) + (value === null ? 0 : value.length);
      if (typeof value === 'string' && bytes * 3 > bytesMax) bytes += Buffer.byteLength(value) - value.length;
      if (headers.length > 0) bytes += headersBytes(headers);
      if (bytes > bytesMax) throw new Fault('RECORD_TOO_LARGE', { topic, bytes, bytesMax, ...shown(key) });
      beforeWrite();
      const producer = producerNow();
      producer.write(topic, partition ?? producer.partitionFor(topic, key), timestampMs, key, value, headers);
    },
  };
}

function headersBytes(headers: RecordHeaders): number {
  let bytes = 0;
  for (const [name, header] of headers) bytes += headerOverheadBytes + name.length + (header?.length ?? 0);
  return bytes;
}

const keyTextMax = 100;

function shown(key: Uint8Array | null): { readonly key?: string } {
  if (key === null) return {};
  const text = Buffer.from(key.subarray(0, keyTextMax)).toString();
  return { key: key.length > keyTextMax ? `${text}…` : text };
}
