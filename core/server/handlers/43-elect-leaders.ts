// ElectLeaders: 0-2. The only node leads everything already. Null topics mean all, of which those are told that needed it.
import { apis } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

const electionTypes = [0, 1]; // preferred, unclean

export const electLeaders: Handler<'electLeaders'> = async ({ electionType, topicPartitions }, { parts }) => {
  const { response } = apis.electLeaders;
  const isKnown = electionTypes.includes(electionType);
  const { image } = parts.catalog;
  const replicaElectionResults = (topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => {
      const exists = partitionId >= 0 && partitionId < (image.topics.get(topic)?.partitions ?? 0);
      const found: ErrorName = exists ? 'ELECTION_NOT_NEEDED' : 'UNKNOWN_TOPIC_OR_PARTITION';
      const error = isKnown ? found : 'INVALID_REQUEST';
      return { partitionId, errorCode: codeOf(error), errorMessage: messages[error] ?? null };
    }),
  }));
  return response.create({ errorCode: isKnown ? 0 : codeOf('INVALID_REQUEST'), replicaElectionResults });
};

const messages: Partial<Record<ErrorName, string>> = {
  ELECTION_NOT_NEEDED: 'Leader election not needed for topic partition.',
  UNKNOWN_TOPIC_OR_PARTITION: 'there is no such topic or partition',
  INVALID_REQUEST: 'there is no such type of election',
};
