// Where a partition is, as Metadata and DescribeTopicPartitions show it: all on the one node, in its first leader epoch.
export const partitionPlace = (partitionIndex: number, nodeId: number) => ({
  errorCode: 0,
  partitionIndex,
  leaderId: nodeId,
  leaderEpoch: 0,
  replicaNodes: [nodeId],
  isrNodes: [nodeId],
  offlineReplicas: [],
});
