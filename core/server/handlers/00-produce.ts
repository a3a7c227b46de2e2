// Produce: 3-13. Batches go to the logs as they are; each partition has its own outcome. From version 13 topics have ids.
// Partitions are written at the same time, and each partition's batches in the order of the requests.
import type { TopicImage } from '../../controller/catalog.ts';
import { isFault } from '../../kernel/fault.ts';
import type { RequestOf, ResponseOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { type Call, codeOf, errorNameOf, findTopic, type Handler } from '../handler.ts';
import { isInternal } from '../topic-rules.ts';

const idsFrom = 13;

type TopicData = RequestOf<'produce'>['topicData'][number];
type PartitionData = TopicData['partitionData'][number];
type PartitionResponse = ResponseOf<'produce'>['responses'][number]['partitionResponses'][number];

export const produce: Handler<'produce'> = async (request, call) => {
  const badAcks = request.acks < -1 || request.acks > 1;
  const responses = request.topicData.map(async (topicData) => {
    const topic = await topicOf(topicData, call);
    const partitionResponses = topicData.partitionData.map((partition) => {
      if (badAcks) return refused(partition.index, 'INVALID_REQUIRED_ACKS');
      return typeof topic === 'string' ? refused(partition.index, topic) : append(topic, partition, call);
    });
    const { name, topicId } = topicData;
    return { name, topicId, partitionResponses: await Promise.all(partitionResponses) };
  });
  return { responses: await Promise.all(responses), throttleTimeMs: 0, nodeEndpoints: [] };
};

async function topicOf(topicData: TopicData, { parts, version }: Call): Promise<TopicImage | ErrorName> {
  const topic = findTopic(parts, topicData, version >= idsFrom);
  if (typeof topic === 'string') return topic;
  return isInternal(topic.name) ? 'INVALID_TOPIC_EXCEPTION' : topic;
}

async function append(
  topic: TopicImage,
  { index, records }: PartitionData,
  { parts }: Call,
): Promise<PartitionResponse> {
  if (index < 0 || index >= topic.partitions) return refused(index, 'UNKNOWN_TOPIC_OR_PARTITION');
  if (records === null || records.length === 0) return refused(index, 'INVALID_RECORD', 'there are no records');
  try {
    const log = await parts.topics.log(topic, index);
    const { baseOffset, logAppendTimeMs } = await log.append(records, { origin: 'client' });
    return { ...refused(index, 'NONE'), baseOffset, logAppendTimeMs, logStartOffset: log.logStartOffset };
  } catch (error) {
    const name = errorNameOf(error);
    if (name === 'KAFKA_STORAGE_ERROR')
      parts.logger.error({ err: error, topic: topic.name, partition: index }, 'records could not be written');
    return refused(index, name, isFault(error, 'LOG_REFUSED') ? error.detail.why : null);
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
  currentLeader: { leaderId: -1, leaderEpoch: -1 },
});
