// AlterPartitionReassignments: 0-1. Replicas are moved by the controller. A node alone has one way to place a partition, and it is
// there already.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import { codeOf } from '../error-names.ts';
import type { Handler, NodeParts } from '../handler.ts';
import type { Refused } from '../topic-rules.ts';

type AskedPartition = RequestOf<'alterPartitionReassignments'>['topics'][number]['partitions'][number];

export const alterPartitionReassignments: Handler<'alterPartitionReassignments'> = async (request, { parts }) => {
  const asked = request.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, replicas }) => ({ topic: name, partition: partitionIndex, replicas })),
  );
  const { allowReplicationFactorChange } = request;
  const moved = (await parts.cluster?.controller.alterReassignments(asked, { allowReplicationFactorChange })) ?? null;
  let next = 0;
  return apis.alterPartitionReassignments.response.create({
    allowReplicationFactorChange,
    responses: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((partition) => {
        const outcome = moved?.[next++];
        const refused = moved === null ? objection(name, partition, parts) : outcome?.ok === false ? outcome : null;
        return {
          partitionIndex: partition.partitionIndex,
          errorCode: codeOf(refused?.error ?? 'NONE'),
          errorMessage: refused?.message ?? null,
        };
      }),
    })),
  });
};

function objection(
  name: string,
  { partitionIndex, replicas }: AskedPartition,
  { catalog, settings: { nodeId } }: NodeParts,
): Refused | null {
  const topic = catalog.image.topics.get(name);
  if (topic === undefined || partitionIndex < 0 || partitionIndex >= topic.partitions)
    return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `there is no partition ${partitionIndex} of '${name}'` };
  if (replicas === null) return { error: 'NO_REASSIGNMENT_IN_PROGRESS', message: 'no replica is being moved' };
  if (replicas.length === 1 && replicas[0] === nodeId) return null;
  return { error: 'INVALID_REPLICA_ASSIGNMENT', message: `the only node is ${nodeId}; name it once` };
}
