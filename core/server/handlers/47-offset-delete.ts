// OffsetDelete: 0. Offsets of topics that a group reads are kept, each with an error of its own (KIP-496).
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

export const offsetDelete: Handler<'offsetDelete'> = async ({ groupId, topics }, { parts }) => {
  const { response } = apis.offsetDelete;
  if (groupId === '') return response.create({ errorCode: codeOf('INVALID_GROUP_ID') });
  const { image } = parts.catalog;
  const exists = (name: string, partition: number) =>
    partition >= 0 && partition < (image.topics.get(name)?.partitions ?? 0);
  const asked = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
  );
  const known = asked.filter(({ topic, partition }) => exists(topic, partition));
  const outcomes = await parts.groups
    .run(groupId, (shard) => shard.deleteOffsets(groupId, known))
    .catch(coordinatorErrorOf);
  if (typeof outcomes === 'string') return response.create({ errorCode: codeOf(outcomes) });
  let next = 0;
  return response.create({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: codeOf(exists(name, partitionIndex) ? outcomes[next++]! : 'UNKNOWN_TOPIC_OR_PARTITION'),
      })),
    })),
  });
};
