// A topic that this node of a cluster has not heard of: the controller is asked before it is said not to be there.
import { expect, test } from 'vitest';
import { openCatalog } from '../../../core/controller/catalog.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { createLogManager } from '../../../core/log/log-manager.ts';
import { nodeSettings } from '../../../core/server/node-config.ts';
import { createTopics } from '../../../core/server/topics.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';

async function topicsThatHear(catchUp: (make: (name: string) => Promise<unknown>) => Promise<void>) {
  const engine = createMemoryEngine();
  const catalog = await openCatalog({ engine, random: seededRandom(1) });
  let asked = 0;
  const make = (name: string) =>
    catalog.createTopic({ name, partitions: 1, configs: {}, replicationFactor: 1, assignments: null });
  const topics = createTopics({
    catalog: {
      ...catalog,
      async catchUp() {
        asked += 1;
        await catchUp(make);
      },
    },
    logs: createLogManager({ engine, clock: createManualClock(0) }),
    settings: nodeSettings(),
    topicDefaults: () => ({}),
    logger: silentLogger,
  });
  return { topics, asked: () => asked };
}

test('one that another node has just made is found, and then nobody is asked again', async () => {
  const { topics, asked } = await topicsThatHear(async (make) => void (await make('orders')));
  expect(await topics.find('orders')).toMatchObject({ name: 'orders', partitions: 1 });
  expect(await topics.find('orders')).toMatchObject({ name: 'orders', partitions: 1 });
  expect(asked()).toBe(1);
});

test('one that nobody has made is refused by its name', async () => {
  const { topics } = await topicsThatHear(async () => {});
  expect(await topics.find('orders')).toEqual({ error: 'UNKNOWN_TOPIC_OR_PARTITION', message: "no topic 'orders'" });
});

test('without a controller nobody says that it is not there', async () => {
  const { topics } = await topicsThatHear(() => Promise.reject(new Fault('NOT_CONTROLLER', {})));
  expect(await topics.find('orders')).toEqual({
    error: 'NOT_CONTROLLER',
    message: 'the controller could not be asked',
  });
});
