// Where a partition is, as Metadata and DescribeTopicPartitions show it. Without a leader it is LEADER_NOT_AVAILABLE.
import { codeOf } from './error-names.ts';
import type { ShownPlace } from './partitions.ts';

export const partitionPlace = (partitionIndex: number, place: ShownPlace) => ({
  errorCode: place.leaderId < 0 ? codeOf('LEADER_NOT_AVAILABLE') : 0,
  partitionIndex,
  ...place,
});
