// Metadata: 0-13. Version 1 takes null for all topics (0 takes an empty list for it), 4 can forbid making topics, 10 gives
// topic ids and from 12 takes them. Asking for a topic makes it where auto.create.topics.enable lets it.
import type { TopicImage } from '../../controller/catalog.ts';
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { zeroUuid } from '../../protocol/uuid.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { Call, Handler, NodeParts } from '../handler.ts';
import { everyOperation, operationsNotAsked } from '../operations.ts';
import { partitionPlace } from '../partition-place.ts';
import { isInternal, topicNameProblem } from '../topic-rules.ts';

/** Versions 10 and 11 have the field, and nobody may use it yet. */
const idsFrom = 12;

type AskedTopic = NonNullable<RequestOf<'metadata'>['topics']>[number];

export const metadata: Handler<'metadata'> = async (request, call) => {
  const { parts, version } = call;
  const asked = version === 0 && request.topics?.length === 0 ? null : request.topics;
  const topics =
    asked === null
      ? [...parts.catalog.image.topics.values()].map((topic) => describe(topic, parts))
      : await Promise.all(asked.map((topic) => find(topic, version < 4 || request.allowAutoTopicCreation, call)));
  return apis.metadata.response.create({
    brokers: parts.view.nodes().filter(({ isFenced }) => !isFenced),
    clusterId: parts.catalog.image.clusterId,
    controllerId: parts.view.controllerId(),
    topics: topics.map((topic) => ({
      ...topic,
      topicAuthorizedOperations:
        request.includeTopicAuthorizedOperations && topic.errorCode === 0 ? everyOperation.topic : operationsNotAsked,
    })),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? everyOperation.cluster
      : operationsNotAsked,
  });
};

async function find({ name, topicId }: AskedTopic, mayCreate: boolean, { parts, version }: Call) {
  const { image } = parts.catalog;
  if (version >= idsFrom && (topicId !== zeroUuid || name === null)) {
    const topic = image.topicsById.get(topicId);
    return topic === undefined ? refused('UNKNOWN_TOPIC_ID', null, topicId) : describe(topic, parts);
  }
  if (name === null) return refused('INVALID_REQUEST', '');
  try {
    const topic = mayCreate ? await parts.topics.obtain(name) : image.topics.get(name);
    if (topic === undefined)
      return refused(topicNameProblem(name) === null ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION', name);
    return 'error' in topic ? refused(topic.error, name) : describe(topic, parts);
  } catch (error) {
    return refused(errorNameOf(error), name);
  }
}

const refused = (error: ErrorName, name: string | null, topicId = zeroUuid) => ({
  errorCode: codeOf(error),
  name,
  topicId,
  isInternal: name !== null && isInternal(name),
  partitions: [],
});

function describe(topic: TopicImage, { partitions: places }: NodeParts) {
  const { name, id, partitions } = topic;
  return {
    errorCode: 0,
    name,
    topicId: id,
    isInternal: isInternal(name),
    partitions: Array.from({ length: partitions }, (_, partitionIndex) =>
      partitionPlace(partitionIndex, places.place(topic, partitionIndex)),
    ),
  };
}
