// What members of a classic group tell their leader and are told by it, in Kafka's consumer protocol, so that Java,
// librdkafka and Millrace can be in one group and any tool can show it. Layout: ConsumerProtocolSubscription.json and
// ConsumerProtocolAssignment.json of kafka-clients, versions 0-3.
import { ByteReader } from '../kernel/byte-reader.ts';
import { ByteWriter } from '../kernel/byte-writer.ts';
import { Fault } from '../kernel/fault.ts';

export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface Subscription {
  readonly topics: readonly string[];
  /** For the assignor's own use. */
  readonly userData: Uint8Array | null;
  /** What the member has while it joins (KIP-429). */
  readonly ownedPartitions: readonly TopicPartitions[];
  /** Of the assignment that it has; -1 for none or where the member doesn't say (version 2). */
  readonly generationId: number;
  readonly rack: string | null;
}

export interface Assignment {
  readonly partitions: readonly TopicPartitions[];
  readonly userData: Uint8Array | null;
}

const subscriptionVersion = 3;
const assignmentVersion = 0;

export function encodeSubscription(
  subscription: Pick<Subscription, 'topics' | 'userData' | 'ownedPartitions'> & Partial<Subscription>,
): Uint8Array {
  const writer = new ByteWriter();
  writer.int16(subscriptionVersion);
  writer.int32(subscription.topics.length);
  for (const topic of subscription.topics) writeString(writer, topic);
  writeBytes(writer, subscription.userData);
  writePartitions(writer, subscription.ownedPartitions);
  writer.int32(subscription.generationId ?? -1);
  if (subscription.rack === undefined || subscription.rack === null) writer.int16(-1);
  else writeString(writer, subscription.rack);
  return writer.take();
}

/**
 * Fields that a newer version adds are passed over, and those at the end may be missing: segmentio's client and older ones
 * of sarama say version 1 and write what version 0 has.
 *
 * @throws Fault `MALFORMED_BYTES`
 */
export function decodeSubscription(bytes: Uint8Array): Subscription {
  const reader = new ByteReader(bytes);
  const version = reader.int16();
  const has = (since: number) => version >= since && reader.remaining > 0;
  const topics = readArray(reader, () => readString(reader));
  return {
    topics,
    userData: readBytes(reader),
    ownedPartitions: has(1) ? readPartitions(reader) : [],
    generationId: has(2) ? reader.int32() : -1,
    rack: has(3) ? readNullableString(reader) : null,
  };
}

export function encodeAssignment({ partitions, userData }: Assignment): Uint8Array {
  const writer = new ByteWriter();
  writer.int16(assignmentVersion);
  writePartitions(writer, partitions);
  writeBytes(writer, userData);
  return writer.take();
}

/** Empty bytes are an empty assignment: what a member gets that its leader has not heard of. @throws Fault `MALFORMED_BYTES` */
export function decodeAssignment(bytes: Uint8Array): Assignment {
  if (bytes.length === 0) return { partitions: [], userData: null };
  const reader = new ByteReader(bytes);
  reader.int16();
  return { partitions: readPartitions(reader), userData: readBytes(reader) };
}

function writeString(writer: ByteWriter, text: string): void {
  writer.int16(Buffer.byteLength(text));
  writer.utf8(text);
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array | null): void {
  writer.int32(bytes === null ? -1 : bytes.length);
  if (bytes !== null) writer.bytes(bytes);
}

function writePartitions(writer: ByteWriter, list: readonly TopicPartitions[]): void {
  writer.int32(list.length);
  for (const { topic, partitions } of list) {
    writeString(writer, topic);
    writer.int32(partitions.length);
    for (const partition of partitions) writer.int32(partition);
  }
}

function readArray<T>(reader: ByteReader, read: () => T): T[] {
  const count = reader.int32();
  if (count > reader.remaining)
    throw new Fault('MALFORMED_BYTES', { what: `an array of ${count} in ${reader.remaining} bytes` });
  return Array.from({ length: Math.max(count, 0) }, read);
}

function readNullableString(reader: ByteReader): string | null {
  const length = reader.int16();
  return length < 0 ? null : reader.utf8(length);
}

const readString = (reader: ByteReader): string => readNullableString(reader) ?? '';

function readBytes(reader: ByteReader): Uint8Array | null {
  const length = reader.int32();
  return length < 0 ? null : reader.view(length).slice();
}

const readPartitions = (reader: ByteReader): TopicPartitions[] =>
  readArray(reader, () => ({ topic: readString(reader), partitions: readArray(reader, () => reader.int32()) }));
