// ListPartitionReassignments: 0. What is being moved, of the partitions asked for or of all. A node alone moves nothing.
import { apis } from '../../protocol/api-table.ts';
import type { Handler } from '../handler.ts';

export const listPartitionReassignments: Handler<'listPartitionReassignments'> = async ({ topics }, { parts }) => {
  const { image } = parts.catalog;
  const wanted =
    topics ??
    [...image.topics.values()].map(({ name, places = [] }) => ({ name, partitionIndexes: [...places.keys()] }));
  const found = wanted.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.flatMap((partitionIndex) => {
      const place = image.topics.get(name)?.places?.[partitionIndex];
      if (place === undefined || place.addingReplicas.length + place.removingReplicas.length === 0) return [];
      const { replicas, addingReplicas, removingReplicas } = place;
      return [
        {
          partitionIndex,
          replicas: [...replicas],
          addingReplicas: [...addingReplicas],
          removingReplicas: [...removingReplicas],
        },
      ];
    }),
  }));
  return apis.listPartitionReassignments.response.create({
    topics: found.filter(({ partitions }) => partitions.length > 0),
  });
};
