// Produce: 3-13. Batches go to the logs as they are; each partition has its own outcome. From version 13 topics have ids.
// Partitions are written at the same time, and each partition's batches in the order of the requests. The first batch of a
// transaction in a partition is written only if the partition is in that transaction (KIP-890): whoever doesn't know
// TRANSACTION_ABORTABLE, below version 11, is told INVALID_TXN_STATE.
import type { TopicImage } from '../../controller/catalog.ts';
import { Fault, isFault } from '../../kernel/fault.ts';
import { createLatch } from '../../kernel/latch.ts';
import type { AppendResult } from '../../log/partition-log.ts';
import type { RequestOf, ResponseOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { batchIsTransactional, readBatchHeader } from '../../protocol/record-batch.ts';
import type { Records } from '../../protocol/transport.ts';
import { cutOff, isCutOff } from '../cut-off.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import { type Call, findTopic, type Handler } from '../handler.ts';
import { createLeaderHints, noLeader } from '../leader-hints.ts';
import type { Led } from '../partitions.ts';
import { isInternal } from '../topic-rules.ts';

const abortableFrom = 11;
const idsFrom = 13;
/** KIP-951. */
const hintsFrom = { leader: 10, address: 10 };

type TopicData = RequestOf<'produce'>['topicData'][number];
type PartitionData = TopicData['partitionData'][number];
type PartitionResponse = ResponseOf<'produce'>['responses'][number]['partitionResponses'][number];

export const produce: Handler<'produce'> = async (request, call) => {
  const hints = createLeaderHints(call, hintsFrom);
  const badAcks = request.acks < -1 || request.acks > 1;
  let lost: Fault | null = null;
  const write = (topic: TopicImage, partition: PartitionData) =>
    append(topic, partition, request, call).catch((error: unknown) => {
      if (!isFault(error, 'CONNECTION_LOST')) throw error;
      lost = error;
      return refused(partition.index, 'NOT_LEADER_OR_FOLLOWER');
    });
  const responses = request.topicData.map(async (topicData) => {
    const topic = await topicOf(topicData, call);
    const partitionResponses = topicData.partitionData.map((partition) => {
      if (badAcks) return refused(partition.index, 'INVALID_REQUIRED_ACKS');
      return typeof topic === 'string' ? refused(partition.index, topic) : write(topic, partition);
    });
    const { name, topicId } = topicData;
    const answers = (await Promise.all(partitionResponses)).map((answer) =>
      answer.errorCode === 0 ? answer : { ...answer, currentLeader: hints.of(answer.errorCode, topic, answer.index) },
    );
    return { name, topicId, partitionResponses: answers };
  });
  const answers = await Promise.all(responses);
  // What was written elsewhere is said, or it would be written again and again; the others end the connection when they come alone.
  const isWritten = answers.some(({ partitionResponses }) =>
    partitionResponses.some(({ errorCode }) => errorCode === 0),
  );
  if (lost !== null && !isWritten) throw lost;
  return { responses: answers, throttleTimeMs: 0, nodeEndpoints: hints.endpoints() };
};

async function topicOf(topicData: TopicData, { parts, version }: Call): Promise<TopicImage | ErrorName> {
  const topic = findTopic(parts, topicData, version >= idsFrom);
  if (typeof topic === 'string') return topic;
  return isInternal(topic.name) ? 'INVALID_TOPIC_EXCEPTION' : topic;
}

async function append(
  topic: TopicImage,
  { index, records }: PartitionData,
  { acks, timeoutMs, transactionalId }: RequestOf<'produce'>,
  call: Call,
): Promise<PartitionResponse> {
  const { parts } = call;
  if (index < 0 || index >= topic.partitions) return refused(index, 'UNKNOWN_TOPIC_OR_PARTITION');
  if (records === null || records.length === 0) return refused(index, 'INVALID_RECORD', 'there are no records');
  try {
    const led = await parts.partitions.led(topic, index);
    const { log } = led;
    const isShort = () => acks === -1 && led.inSyncCount < log.config().minInSyncReplicas;
    if (isShort()) return refused(index, 'NOT_ENOUGH_REPLICAS');
    if (acks === -1 && isCutOff(parts, led)) throw cutOff(parts);
    const written = await (batchIsTransactional(records[0]!)
      ? appendInTransaction(led, records, transactionalId, call)
      : led.append(records, { origin: 'client' }));
    if (typeof written === 'string') return refused(index, written);
    const replicated = acks !== -1 || led.replicated(written.lastOffset + 1);
    if (replicated !== true) {
      const outcome = await within(timeoutMs, replicated, led, call);
      if (outcome !== true) return refused(index, outcome ?? 'NOT_LEADER_OR_FOLLOWER');
      if (isShort()) return refused(index, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND');
    }
    const { baseOffset, logAppendTimeMs } = written;
    return { ...refused(index, 'NONE'), baseOffset, logAppendTimeMs, logStartOffset: log.logStartOffset };
  } catch (error) {
    if (isFault(error, 'CONNECTION_LOST')) throw error;
    // Also what nobody foresaw is this partition's error alone: the others may be written, and say so.
    const name = error instanceof Fault ? errorNameOf(error) : 'UNKNOWN_SERVER_ERROR';
    const isTold = isFault(error, 'LOG_REFUSED'); // by the disk, for all logs on it
    if ((name === 'KAFKA_STORAGE_ERROR' && !isTold) || name === 'UNKNOWN_SERVER_ERROR')
      parts.logger.error({ err: error, topic: topic.name, partition: index }, 'records could not be written');
    return refused(index, name, isFault(error, 'LOG_REFUSED') ? error.detail.why : null);
  }
}

/** Null where it turned out that it won't be. @throws Fault `CONNECTION_LOST` once nobody is there to replicate it (cut-off.ts) */
async function within(
  timeoutMs: number,
  replicated: Promise<boolean>,
  led: Led,
  { parts }: Call,
): Promise<true | null | 'REQUEST_TIMED_OUT'> {
  const stepMs = parts.settings['broker.session.timeout.ms'];
  for (let leftMs = timeoutMs; ; leftMs -= stepMs) {
    const late = createLatch<'REQUEST_TIMED_OUT'>();
    const timer = parts.clock.after(Math.min(leftMs, stepMs), () => late.resolve('REQUEST_TIMED_OUT'));
    const outcome = await Promise.race([replicated, late.promise]);
    timer.cancel();
    if (typeof outcome === 'boolean') return outcome || null;
    if (leftMs <= stepMs) return outcome;
    if (isCutOff(parts, led)) throw cutOff(parts);
  }
}

async function appendInTransaction(
  led: Led,
  records: Records,
  transactionalId: string | null,
  { parts, version }: Call,
): Promise<AppendResult | ErrorName> {
  const { producerId, producerEpoch } = readBatchHeader(records[0]!);
  // It is asked whether it may, and by then another may lead.
  const append = () => led.append(records, { origin: 'client' });
  if (producerId < 0) return append(); // which says what is wrong with it
  if (transactionalId === null) return 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED';
  const outcome = await parts.transactionCheck.admit(led.log, { transactionalId, producerId, producerEpoch }, append);
  switch (outcome) {
    case 'TRANSACTION_ABORTABLE':
      return version >= abortableFrom ? outcome : 'INVALID_TXN_STATE';
    case 'PRODUCER_FENCED':
      return 'INVALID_PRODUCER_EPOCH';
    case 'CONCURRENT_TRANSACTIONS':
    case 'COORDINATOR_NOT_AVAILABLE':
    case 'NOT_COORDINATOR':
      return 'NOT_ENOUGH_REPLICAS'; // every version of every client tries again upon it, as with Kafka
    default:
      return outcome;
  }
}

const refused = (index: number, error: ErrorName, errorMessage: string | null = null): PartitionResponse => ({
  index,
  errorCode: codeOf(error),
  baseOffset: -1,
  logAppendTimeMs: -1,
  logStartOffset: -1,
  recordErrors: [],
  errorMessage,
  currentLeader: noLeader,
});
