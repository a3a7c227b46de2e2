// Which topic, by id, each log on this node's disk is of. A log's folder bears the topic's name alone, and a topic may have
// been deleted and made anew while the node was away.
import type { TopicPartition } from '../../kernel/ids.ts';
import { partitionName } from '../../kernel/ids.ts';
import { createGroupCommit } from '../../log/group-commit.ts';
import { openSteadyStorage } from '../../storage/steady-storage.ts';
import type { BatchOperation, StorageEngine } from '../../storage/storage.ts';

export interface ReplicaRegistry {
  /** The topic's id; null where nobody has claimed it. */
  ownerOf(log: TopicPartition): Promise<string | null>;
  /** The log is of this topic from here on. */
  claim(log: TopicPartition, topicId: string): Promise<void>;
  release(log: TopicPartition): Promise<void>;
  close(): Promise<void>;
}

export const registryDatabase = '__replicas';
const keyOf = (log: TopicPartition) => Buffer.from(partitionName(log));

export async function openReplicaRegistry(engine: StorageEngine): Promise<ReplicaRegistry> {
  const storage = await openSteadyStorage(engine, registryDatabase);
  const queue = createGroupCommit({
    write: (operations, sync) => storage.write(operations, { sync }),
    onGroupWritten() {},
    onFailed() {},
  });
  const write = (operation: BatchOperation, sync: boolean) =>
    queue.add({ operations: [operation], sizeBytes: 0, sync, onWritten() {} });
  return {
    async ownerOf(log) {
      const known = await storage.get(keyOf(log));
      return known === undefined ? null : Buffer.from(known).toString();
    },
    claim: (log, topicId) => write({ type: 'put', key: keyOf(log), value: Buffer.from(topicId) }, true),
    release: (log) => write({ type: 'del', key: keyOf(log) }, false),
    async close() {
      await queue.drain();
      await storage.close();
    },
  };
}
