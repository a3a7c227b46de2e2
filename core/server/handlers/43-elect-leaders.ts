// ElectLeaders: 0-2. A node alone leads everything already; in a cluster the controller holds the elections. Null topics mean all, of which those are told that needed it.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import type { Cluster } from '../cluster/open-cluster.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

const electionTypes = [0, 1]; // preferred, unclean

export const electLeaders: Handler<'electLeaders'> = async (request, { parts }) => {
  const { electionType, topicPartitions } = request;
  if (parts.cluster !== null && electionTypes.includes(electionType)) return elected(request, parts.cluster);
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

async function elected({ electionType, topicPartitions }: RequestOf<'electLeaders'>, { controller }: Cluster) {
  const results = await controller.electLeaders({
    election: electionType === 0 ? 'preferred' : 'unclean',
    topics: topicPartitions,
  });
  return apis.electLeaders.response.create({
    replicaElectionResults: results.map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map(({ partition: partitionId, outcome }) => ({
        partitionId,
        errorCode: outcome.ok ? 0 : codeOf(outcome.error),
        errorMessage: outcome.ok ? null : outcome.message,
      })),
    })),
  });
}

const messages: Partial<Record<ErrorName, string>> = {
  ELECTION_NOT_NEEDED: 'Leader election not needed for topic partition.',
  UNKNOWN_TOPIC_OR_PARTITION: 'there is no such topic or partition',
  INVALID_REQUEST: 'there is no such type of election',
};
