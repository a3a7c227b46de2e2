// A topic that is deleted while a replica of it takes up its role: the erasure waits for the replica, which must not wait for
// its log in turn.
import { expect, test } from 'vitest';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { createLatch } from '../../../core/kernel/latch.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { createReplicas } from '../../../core/replication/replicas.ts';
import { createThrottle } from '../../../core/replication/throttle.ts';
import { createReplicaLogs } from '../../../core/server/cluster/replica-logs.ts';
import { openReplicaRegistry } from '../../../core/server/cluster/replica-registry.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';

const place = { replicas: [1, 2], inSync: [2], leader: 2, leaderEpoch: 3, partitionEpoch: 5 };
const topic = { name: 'orders', id: 'an id', places: [place] };

test.each(['opened', 'erased to be fetched anew'])('a damaged log that is being %s then', async (when) => {
  const registry = await openReplicaRegistry(createMemoryEngine());
  const [reached, released] = [createLatch(), createLatch()];
  const hold = async () => {
    reached.resolve();
    await released.promise;
  };
  const deleted: string[] = [];
  const logs = createReplicaLogs({
    registry,
    async openLog() {
      if (when === 'opened') await hold();
      throw new Fault('PARTITION_DAMAGED', { partition: 'orders-0', what: 'a test' });
    },
    async deleteLog(name) {
      if (when !== 'opened' && deleted.length === 0) await hold();
      deleted.push(name);
    },
    list: async () => [],
  });
  const replicas = createReplicas({
    ...{ nodeId: 1, nodeEpoch: () => 1, clock, logger, servesConsumers: false },
    open: logs.open,
    remove: (of, partition) => logs.erase(of, partition),
    peer: () => () => Promise.reject(new Error('nobody is asked')),
    throttle: createThrottle({ nodeId: 1, clock, replicasOf: () => undefined, rate: () => Number.POSITIVE_INFINITY }),
    ...{ lagMsMax: 1_000, fetchWaitMsMax: 100, backoffMs: 10 },
    dropDamaged: async () => true,
  });
  replicas.apply([topic]);
  await reached.promise;
  const erased = logs.erase(topic, 0, replicas.forget(topic));
  released.resolve();
  await erased;
  expect(await registry.ownerOf({ topic: 'orders', partition: 0 })).toBe(null);
  expect(replicas.following(topic.id, 0)).toBe(null);
  await replicas.close();
});
