// Where a partition is, as the controller says: what replication needs to know of the cluster's image.

export interface Place {
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
  /** -1 while none of the in-sync replicas is up. */
  readonly leader: number;
  /** Goes up whenever the leader changes, or the same leads anew. */
  readonly leaderEpoch: number;
  /** Goes up with every change of the place. */
  readonly partitionEpoch: number;
}

export interface PlacedTopic {
  readonly name: string;
  readonly id: string;
  /** By the number of the partition. */
  readonly places: readonly Place[];
}
