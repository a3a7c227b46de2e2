// From a task's output to a producer: chooses partitions, and refuses at once what its topic wouldn't take, so that the
// error policy sees the record while it is still at hand. The producer alone would say so only when it flushes.
import type { Admin, Producer, RecordHeaders } from '../../core/client/index.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { TaskOutput } from '../task/task-output.ts';

/** Batch header and record framing, rounded up: a record close to the limit is refused here rather than by the node. */
const overheadBytes = 128;
const headerOverheadBytes = 16;

/** What a topic takes, and keeps. */
export interface TopicLimits {
  /** `max.message.bytes`. */
  readonly bytesMax: number;
  /** Records of before go at the next clean-up, however new they are in the log; -Infinity where age takes none. */
  readonly oldestMs: number;
}

const noLimits: TopicLimits = { bytesMax: Number.POSITIVE_INFINITY, oldestMs: Number.NEGATIVE_INFINITY };

export async function readTopicLimits(
  admin: Admin,
  topics: readonly string[],
  nowMs: number,
): Promise<ReadonlyMap<string, TopicLimits>> {
  const limits = await Promise.all(
    topics.map(async (name) => {
      const configs = await admin.describeConfigs({ kind: 'topic', name });
      const of = (setting: string) => configs.find((config) => config.name === setting)?.value ?? null;
      const [bytes, retention] = [of('max.message.bytes'), Number(of('retention.ms') ?? -1)];
      const byRecordTime = of('message.timestamp.type') !== 'LogAppendTime';
      const ages = retention >= 0 && byRecordTime && (of('cleanup.policy') ?? 'delete').includes('delete');
      const bytesMax = bytes === null ? noLimits.bytesMax : Number(bytes);
      return [name, { bytesMax, oldestMs: ages ? nowMs - retention : noLimits.oldestMs }] as const;
    }),
  );
  return new Map(limits);
}

/** Says once of each topic that what is written to it is older than it keeps. */
export function createAgeWarning(logger: Logger): (topic: string, timestampMs: number) => void {
  const said = new Set<string>();
  return (topic, timestampMs) => {
    if (said.has(topic)) return;
    said.add(topic);
    const recordTime = new Date(timestampMs).toISOString();
    logger.warn(
      { topic, recordTime },
      `event times for '${topic}' are past its retention, so its records go at the next clean-up; give it a longer one, for example topic('${topic}', …, { retention: 'forever' })`,
    );
  };
}

/** The largest request a producer must be able to send for these limits. */
export const requestBytesFor = (limits: ReadonlyMap<string, TopicLimits>): number =>
  Math.max(requestBytesMin, ...[...limits.values()].map(({ bytesMax }) => bytesMax).filter(Number.isFinite));

const requestBytesMin = 1_048_576;

/**
 * @param producerNow the one to write to: a fenced one is replaced
 * @param beforeWrite where a transaction begins
 * @param onAged told of records that their topic's retention takes at once
 */
export function createOutput(
  producerNow: () => Producer,
  limits: ReadonlyMap<string, TopicLimits>,
  beforeWrite: () => void,
  onAged: (topic: string, timestampMs: number) => void,
): TaskOutput {
  let lastTopic: string | undefined;
  let { bytesMax, oldestMs } = noLimits;
  return {
    write(topic, partition, key, value, timestampMs, headers) {
      if (topic !== lastTopic) {
        lastTopic = topic;
        ({ bytesMax, oldestMs } = limits.get(topic) ?? noLimits);
      }
      if (timestampMs < oldestMs) onAged(topic, timestampMs);
      let bytes = overheadBytes + (key === null ? 0 : key.length);
      // Each at a place of its own, as in BatchBuilder.
      if (typeof value === 'string') {
        const textLength = value.length;
        bytes += (bytes + textLength) * 3 > bytesMax ? Buffer.byteLength(value) : textLength;
      } else if (value !== null) bytes += value.length;
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
