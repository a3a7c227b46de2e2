// OffsetFetch: 1-10. Version 2 takes null for all topics and has an error for the group, which 1 says of each partition, 7
// can insist on stable offsets, 8 asks for many groups at once, 9 names the member of a consumer group (KIP-848), from 10
// topics have ids. What was never committed is offset -1 without an error.
import type { OffsetReader } from '../../coordinator/group/consumer/consumer-offsets.ts';
import type { FetchedOffset } from '../../coordinator/group/offset-requests.ts';
import type { CommandResult } from '../../coordinator/shard.ts';
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { zeroUuid } from '../../protocol/uuid.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import { failedResponse } from '../failed-response.ts';
import type { Call, Handler } from '../handler.ts';

const batchedFrom = 8;
const idsFrom = 10;

type AskedTopic = RequestOf<'offsetFetch'>['groups'][number]['topics'];

export const offsetFetch: Handler<'offsetFetch'> = async (request, call) => {
  const { response } = apis.offsetFetch;
  if (call.version < batchedFrom) {
    const topics = request.topics?.map((topic) => ({ ...topic, topicId: zeroUuid })) ?? null;
    const asked = { groupId: request.groupId, memberId: null, memberEpoch: -1, topics };
    const group = await fetchGroup(asked, request.requireStable, call);
    if (group.errorCode !== 0) return failedResponse('offsetFetch', call.version, request, group.errorCode);
    return response.create({ topics: group.topics.map(({ name, partitions }) => ({ name, partitions })) });
  }
  const groups = request.groups.map((group) => fetchGroup(group, request.requireStable, call));
  return response.create({ groups: await Promise.all(groups) });
};

async function fetchGroup(
  { groupId, topics, ...reader }: OffsetReader & { readonly groupId: string; readonly topics: AskedTopic },
  requireStable: boolean,
  { parts, version }: Call,
) {
  const { image } = parts.catalog;
  const byId = version >= idsFrom;
  const named = topics?.map((topic) => ({
    ...topic,
    found: byId ? image.topicsById.get(topic.topicId) : { name: topic.name },
  }));
  const partitions =
    named?.flatMap(({ found, partitionIndexes }) =>
      found === undefined ? [] : partitionIndexes.map((partition) => ({ topic: found.name, partition })),
    ) ?? null;
  const fetched = await parts.groups
    .run(groupId, (shard): CommandResult<FetchedOffset[] | ErrorName> => {
      const error = shard.readerError(groupId, reader);
      return error === 'NONE' ? shard.fetch({ groupId, partitions, requireStable }) : { records: [], reply: error };
    })
    .catch(coordinatorErrorOf);
  if (typeof fetched === 'string') return { groupId, errorCode: codeOf(fetched), topics: [] };
  const byTopic = new Map<string, FetchedOffset[]>();
  for (const offset of fetched) {
    const ofTopic = byTopic.get(offset.topic);
    if (ofTopic === undefined) byTopic.set(offset.topic, [offset]);
    else ofTopic.push(offset);
  }
  const known = [...byTopic].map(([name, offsets]) => ({
    name,
    topicId: image.topics.get(name)?.id ?? zeroUuid,
    partitions: offsets.map(partitionOf),
  }));
  const unknown = (named ?? [])
    .filter(({ found }) => found === undefined)
    .map(({ name, topicId, partitionIndexes }) => ({
      name,
      topicId,
      partitions: partitionIndexes.map((partitionIndex) => ({
        ...none(partitionIndex),
        errorCode: codeOf('UNKNOWN_TOPIC_ID'),
      })),
    }));
  return { groupId, errorCode: 0, topics: [...known, ...unknown] };
}

const none = (partitionIndex: number) => ({
  partitionIndex,
  committedOffset: -1,
  committedLeaderEpoch: -1,
  metadata: '',
  errorCode: 0,
});

const partitionOf = ({ partition, error, committed }: FetchedOffset) =>
  committed === null
    ? { ...none(partition), errorCode: codeOf(error) }
    : {
        partitionIndex: partition,
        committedOffset: committed.offset,
        committedLeaderEpoch: committed.leaderEpoch,
        metadata: committed.metadata,
        errorCode: 0,
      };
