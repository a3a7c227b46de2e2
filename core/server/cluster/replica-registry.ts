// Which topic, by id, each log on this node's disk is of. A log's folder bears the topic's name alone, and a topic may have
// been deleted and made anew while the node was away.
import type { PlacedTopic } from '../../replication/place.ts';
import type { StorageEngine } from '../../storage/storage.ts';

export interface ReplicaRegistry {
  /** The log is of this topic from here on. @returns whether what is there is of another, and must go first */
  claim(topic: PlacedTopic, partition: number): Promise<boolean>;
  release(name: string, partition: number): Promise<void>;
  close(): Promise<void>;
}

export const registryDatabase = '__replicas';
const keyOf = (name: string, partition: number) => Buffer.from(`${name}-${partition}`);

export async function openReplicaRegistry(engine: StorageEngine): Promise<ReplicaRegistry> {
  const storage = await engine.open(registryDatabase);
  return {
    async claim({ name, id }, partition) {
      const key = keyOf(name, partition);
      const known = await storage.get(key);
      const of = known === undefined ? null : Buffer.from(known).toString();
      if (of !== id) await storage.write([{ type: 'put', key, value: Buffer.from(id) }], { sync: true });
      return of !== null && of !== id;
    },
    async release(name, partition) {
      await storage.write([{ type: 'del', key: keyOf(name, partition) }]);
    },
    close: () => storage.close(),
  };
}
