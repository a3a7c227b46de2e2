// The logs of this node's replicas, each opened and erased as the log of one topic. Logs bear names, and a topic that is
// deleted and made anew has the name of the one before: so what is done to one log is done in turn, and nobody may open or
// erase a log here but as its own topic's.
import type { TopicPartition } from '../../kernel/ids.ts';
import { partitionName } from '../../kernel/ids.ts';
import type { PartitionLog } from '../../log/partition-log.ts';
import type { PlacedTopic } from '../../replication/place.ts';
import type { ReplicaRegistry } from './replica-registry.ts';

export interface ReplicaLogs {
  /** What another topic of the name left is erased first. */
  open(topic: PlacedTopic, partition: number): Promise<PartitionLog>;
  /**
   * Erases the log if it is that topic's. What is asked of the log after this call waits for it.
   *
   * @param given the replica has let go of the log
   */
  erase(topic: Pick<PlacedTopic, 'id' | 'name'>, partition: number, given?: Promise<void>): Promise<void>;
  /** Erases logs that are on the disk and of no replica here: their topic went, or they moved, while the node was away. */
  eraseStrays(isHere: (topicId: string, partition: number) => boolean): Promise<void>;
}

export interface ReplicaLogsOptions {
  readonly registry: ReplicaRegistry;
  readonly openLog: (topic: PlacedTopic, partition: number) => Promise<PartitionLog>;
  readonly deleteLog: (topic: string, partition: number) => Promise<void>;
  readonly list: () => Promise<readonly TopicPartition[]>;
}

export function createReplicaLogs({ registry, openLog, deleteLog, list }: ReplicaLogsOptions): ReplicaLogs {
  const lasts = new Map<string, Promise<unknown>>();

  function inTurn<T>(log: TopicPartition, work: () => Promise<T>): Promise<T> {
    const name = partitionName(log);
    const before = lasts.get(name) ?? Promise.resolve();
    const result = before.then(work);
    const settled: Promise<unknown> = result
      .catch(() => {})
      .then(() => {
        if (lasts.get(name) === settled) lasts.delete(name);
      });
    lasts.set(name, settled);
    return result;
  }

  async function eraseOwned(log: TopicPartition, topicId: string): Promise<void> {
    if ((await registry.ownerOf(log)) !== topicId) return;
    await deleteLog(log.topic, log.partition);
    await registry.release(log);
  }

  return {
    open(topic, partition) {
      const log = { topic: topic.name, partition };
      return inTurn(log, async () => {
        const owner = await registry.ownerOf(log);
        // The claim is written when the other's log is gone: after a crash between the two it is erased once more.
        if (owner !== null && owner !== topic.id) await deleteLog(topic.name, partition);
        if (owner !== topic.id) await registry.claim(log, topic.id);
        return openLog(topic, partition);
      });
    },
    erase(topic, partition, given) {
      const log = { topic: topic.name, partition };
      return inTurn(log, async () => {
        await given;
        await eraseOwned(log, topic.id);
      });
    },
    async eraseStrays(isHere) {
      const logs = await list();
      await Promise.all(
        logs.map((log) =>
          inTurn(log, async () => {
            const owner = await registry.ownerOf(log);
            if (owner !== null && !isHere(owner, log.partition)) await eraseOwned(log, owner);
          }),
        ),
      );
    },
  };
}
