// DescribeTopicPartitions: 0 (KIP-966). Topics in order of their names, as many partitions as asked for, and a cursor to where
// the next answer begins. No topics mean all; then those that go away meanwhile are left out.
import type { TopicImage } from '../../controller/catalog.ts';
import { apis, type RequestOf, type ResponseInit } from '../../protocol/api-table.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';
import { everyOperation } from '../operations.ts';
import { partitionPlace } from '../partition-place.ts';
import type { Partitions } from '../partitions.ts';
import { isInternal, topicNameProblem } from '../topic-rules.ts';

/** max.request.partition.size.limit */
const partitionsMax = 2_000;

type Request = RequestOf<'describeTopicPartitions'>;
type TopicAnswer = NonNullable<ResponseInit<'describeTopicPartitions'>['topics']>[number];

export const describeTopicPartitions: Handler<'describeTopicPartitions'> = async (request, { parts }) => {
  const { response } = apis.describeTopicPartitions;
  const { image } = parts.catalog;
  const names = namesIn(request, [...image.topics.keys()]);
  if (names === null) {
    const errorCode = codeOf('INVALID_REQUEST');
    return response.create({ topics: request.topics.map(({ name }) => ({ name, errorCode })) });
  }
  let left = Math.max(1, Math.min(request.responsePartitionLimit, partitionsMax));
  const topics: TopicAnswer[] = [];
  for (const name of names) {
    if (left === 0) return response.create({ topics, nextCursor: { topicName: name, partitionIndex: 0 } });
    const topic = image.topics.get(name);
    if (topic === undefined) {
      const error = topicNameProblem(name) === null ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION';
      topics.push({ name, errorCode: codeOf(error) });
      continue;
    }
    const { cursor } = request;
    const from = cursor?.topicName === name ? cursor.partitionIndex : 0;
    const end = Math.min(topic.partitions, from + left);
    topics.push(describe(topic, from, end, parts.partitions));
    if (end < topic.partitions)
      return response.create({ topics, nextCursor: { topicName: name, partitionIndex: end } });
    left -= Math.max(0, end - from);
  }
  return response.create({ topics });
};

/** Null where the cursor leads nowhere. */
function namesIn({ topics, cursor }: Request, all: readonly string[]): readonly string[] | null {
  if (cursor !== null && cursor.partitionIndex < 0) return null;
  const asked = topics.map(({ name }) => name);
  if (cursor !== null && asked.length > 0 && !asked.includes(cursor.topicName)) return null;
  const names = asked.length > 0 ? [...new Set(asked)] : all;
  return names.filter((name) => cursor === null || name >= cursor.topicName).sort((a, b) => (a < b ? -1 : 1));
}

function describe(topic: TopicImage, from: number, end: number, { place }: Partitions): TopicAnswer {
  const { name, id, partitions } = topic;
  const indexes = Array.from({ length: Math.max(0, end - from) }, (_, i) => from + i);
  const places = from < partitions ? indexes.map((index) => partitionPlace(index, place(topic, index))) : [];
  return {
    name,
    topicId: id,
    isInternal: isInternal(name),
    partitions: places.map((place) => ({ ...place, eligibleLeaderReplicas: [], lastKnownElr: [] })),
    topicAuthorizedOperations: everyOperation.topic,
  };
}
