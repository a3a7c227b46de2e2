// Names of things in a cluster. Plain numbers and strings with the unit in the name: a brand would cost a cast at each
// codec field and catches only what the names already say.

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** As the partition's folder is named, and as Kafka prints it. */
export const partitionName = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`;
