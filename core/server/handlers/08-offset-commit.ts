// OffsetCommit: 2-10. Each offset has its own error. Versions 2 to 4 may bring a retention of their own, 7 tells static
// members apart, from 10 topics have ids. The empty group id is a group here, as it was to clients of old.
import type { OffsetCommit } from '../../coordinator/group/offset-requests.ts';
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import { type Call, findTopic, type Handler } from '../handler.ts';

const idsFrom = 10;

export const offsetCommit: Handler<'offsetCommit'> = async (request, call) => {
  const { groupId } = request;
  const { offsets, errorOf } = knownOffsets(request, call);
  if (offsets.length === 0) return answer(request, (topic, partition) => errorOf(topic, partition) ?? 'NONE');
  const commit = {
    groupId,
    committer: {
      generationId: request.generationIdOrMemberEpoch,
      memberId: request.memberId,
      groupInstanceId: request.groupInstanceId,
    },
    offsets,
    retentionMs: request.retentionTimeMs,
  };
  const outcomes = await call.parts.groups.run(groupId, (shard) => shard.commit(commit)).catch(coordinatorErrorOf);
  if (typeof outcomes === 'string') return answer(request, () => outcomes);
  let next = 0;
  return answer(request, (topic, partition) => errorOf(topic, partition) ?? outcomes[next++]!);
};

type Topic = RequestOf<'offsetCommit'>['topics'][number];
type Partition = Topic['partitions'][number];

/** The offsets of partitions that there are, in order, and what is wrong with each of the rest. */
function knownOffsets({ topics }: RequestOf<'offsetCommit'>, { parts, version }: Call) {
  const found = topics.map((topic) => findTopic(parts, topic, version >= idsFrom));
  const errorOf = (topic: number, partition: Partition): ErrorName | null => {
    const image = found[topic]!;
    if (typeof image === 'string') return image;
    return partition.partitionIndex >= 0 && partition.partitionIndex < image.partitions
      ? null
      : 'UNKNOWN_TOPIC_OR_PARTITION';
  };
  const offsets: OffsetCommit['offsets'][number][] = [];
  for (const [i, topic] of topics.entries()) {
    const image = found[i]!;
    for (const partition of topic.partitions) {
      if (errorOf(i, partition) !== null || typeof image === 'string') continue;
      offsets.push({
        topic: image.name,
        partition: partition.partitionIndex,
        offset: partition.committedOffset,
        leaderEpoch: partition.committedLeaderEpoch,
        metadata: partition.committedMetadata ?? '',
      });
    }
  }
  return { offsets, errorOf };
}

const answer = ({ topics }: RequestOf<'offsetCommit'>, errorOf: (topic: number, partition: Partition) => ErrorName) =>
  apis.offsetCommit.response.create({
    topics: topics.map(({ name, topicId, partitions }, i) => ({
      name,
      topicId,
      partitions: partitions.map((partition) => ({
        partitionIndex: partition.partitionIndex,
        errorCode: codeOf(errorOf(i, partition)),
      })),
    })),
  });
