// DescribeQuorum: 0-2. The one partition that there is to describe is Kafka's name for the metadata log, `__cluster_metadata`-0;
// any node asks its leader. Folders have no ids here: zero, as in Kafka where voters aren't told by their folders.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { QuorumMember } from '../../raft/description.ts';
import type { ShownQuorum } from '../cluster-view.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

const metadataTopic = '__cluster_metadata';
/** Kafka's usual name of the listener that controllers are asked at. */
const listenerName = 'CONTROLLER';

export const describeQuorum: Handler<'describeQuorum'> = async ({ topics }, { parts, version }) => {
  const { response } = apis.describeQuorum;
  if (!asksForMetadata(topics)) return response.create({ topics: topics.map(unknownTopic) });
  const { leader, epoch, highWatermark, voters, observers, addresses } = await parts.view.describeQuorum();
  const partition = {
    ...{ partitionIndex: 0, errorCode: 0, errorMessage: null },
    ...{ leaderId: leader, leaderEpoch: epoch, highWatermark },
    currentVoters: voters.map(replicaState),
    observers: observers.map(replicaState),
  };
  return response.create({
    errorMessage: null,
    topics: [{ topicName: metadataTopic, partitions: [partition] }],
    ...(version >= 2 && { nodes: addresses.map(shownNode) }),
  });
};

type Asked = RequestOf<'describeQuorum'>['topics'];

/** Kafka's KafkaRaftClient.hasValidTopicPartition: this and nothing beside it. */
function asksForMetadata([topic, ...more]: Asked): boolean {
  const [partition, ...others] = topic?.partitions ?? [];
  return (
    topic?.topicName === metadataTopic && partition?.partitionIndex === 0 && more.length === 0 && others.length === 0
  );
}

const unknownTopic = ({ topicName, partitions }: Asked[number]) => ({
  topicName,
  partitions: partitions.map(({ partitionIndex }) => ({
    partitionIndex,
    errorCode: codeOf('UNKNOWN_TOPIC_OR_PARTITION'),
    errorMessage: `only ${metadataTopic}-0 has a quorum, and it is asked for alone`,
  })),
});

const shownNode = ({ nodeId, host, port }: ShownQuorum['addresses'][number]) => ({
  nodeId,
  listeners: [{ name: listenerName, host, port }],
});

const replicaState = ({ id, endOffset, fetchedAtMs, caughtUpAtMs }: QuorumMember) => ({
  replicaId: id,
  logEndOffset: endOffset,
  lastFetchTimestamp: fetchedAtMs,
  lastCaughtUpTimestamp: caughtUpAtMs,
});
