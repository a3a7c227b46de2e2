import { expect, test } from 'vitest';
import { createController } from '../../../core/controller/controller.ts';
import { controllerDefaults } from '../../../core/controller/controller-options.ts';
import type { Outcome } from '../../../core/controller/outcome.ts';
import { createLatch } from '../../../core/kernel/latch.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { node } from './cluster.ts';
import { createMemoryMetadataLog } from './memory-metadata-log.ts';

function worth<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error}: ${outcome.message}`);
  return outcome.value;
}

function start() {
  const log = createMemoryMetadataLog();
  const clock = createManualClock();
  const controller = createController({
    ...{ log, clock, random: seededRandom(1), logger: silentLogger, settings: controllerDefaults },
  });
  const epochs = new Map<number, number>();

  const beat = (id: number, change: { wantShutDown?: boolean; wantFence?: boolean } = {}) => {
    const metadataOffset = log.nextOffset - 1;
    const heartbeat = { node: id, epoch: epochs.get(id)!, metadataOffset, wantFence: false, wantShutDown: false };
    return controller.heartbeat({ ...heartbeat, ...change });
  };
  async function join(id: number) {
    const { epoch: _, fenced: __, inControlledShutdown: ___, ...registered } = node(id);
    epochs.set(id, worth(await controller.register({ clusterId: null, node: registered })).epoch);
    return worth(await beat(id));
  }
  const make = async (name: string, assignments: number[][]) =>
    worth(await controller.createTopic({ name, configs: {}, where: { assignments } }));
  const leaders = (name: string) => controller.image.topics.get(name)!.places!.map(({ leader }) => leader);
  /** Commands are carried out in turn, so an answer to this one comes after all that timers have begun. */
  const settled = async () => {
    for (let i = 0; i < 10; i++) await controller.topicErased('none');
  };
  return { log, clock, controller, beat, join, make, leaders, settled };
}

test('a new cluster is given an id, nodes join it, and topics are placed on them', async () => {
  const { controller, join, log } = start();
  for (const id of [1, 2, 3]) expect(await join(id)).toMatchObject({ isCaughtUp: true, isFenced: false });
  expect(log.records[0]).toMatchObject({ kind: 'cluster', format: 2 });
  expect(controller.image.clusterId).toMatch(/^[\w-]{22}$/);
  const where = { partitions: 4, replicationFactor: 3 };
  const tried = worth(await controller.createTopic({ name: 'orders', configs: {}, where }, { validateOnly: true }));
  expect(tried.places).toHaveLength(4);
  expect(controller.image.topics.size).toBe(0);
  const made = worth(await controller.createTopic({ name: 'orders', configs: {}, where }));
  expect(controller.image.topics.get('orders')).toEqual(made);
  await controller.close();
});

test('a node that is not heard of is fenced when its session ends, and leads again where it is preferred', async () => {
  const { controller, clock, join, beat, make, leaders, settled } = start();
  for (const id of [1, 2, 3]) await join(id);
  await make('orders', [
    [1, 2],
    [2, 3],
    [1, 3],
  ]);
  for (let passed = 0; passed < 10; passed++) {
    clock.advance(1_000);
    await Promise.all([2, 3].map((id) => beat(id)));
  }
  await settled();
  expect(controller.image.nodes.get(1)!.fenced).toBe(true);
  expect(leaders('orders')).toEqual([2, 2, 3]);
  expect([2, 3].map((id) => controller.image.nodes.get(id)!.fenced)).toEqual([false, false]);
  expect(worth(await beat(1))).toMatchObject({ isFenced: false });
  expect(leaders('orders')).toEqual([2, 2, 3]);
  const { id: topicId, places } = controller.image.topics.get('orders')!;
  const { leaderEpoch, partitionEpoch } = places![0]!;
  const inSync = [1, 2].map((nodeId) => ({ nodeId, nodeEpoch: -1 }));
  const change = { topicId, partition: 0, leaderEpoch, partitionEpoch, inSync };
  const { epoch: nodeEpoch } = controller.image.nodes.get(2)!;
  worth(await controller.alterPartitions({ node: 2, nodeEpoch, changes: [change] }));
  for (let passed = 0; passed < 310; passed += 5) {
    clock.advance(5_000);
    await Promise.all([1, 2, 3].map((id) => beat(id)));
  }
  await settled();
  expect(leaders('orders')).toEqual([1, 2, 3]);
  await controller.close();
});

test('all nodes may be lost at once, and the last in sync lead when they are back', async () => {
  const { controller, clock, join, beat, make, leaders, settled } = start();
  for (const id of [1, 2]) await join(id);
  await make('orders', [[1, 2]]);
  clock.advance(9_000);
  await settled();
  expect([...controller.image.nodes.values()].map(({ fenced }) => fenced)).toEqual([true, true]);
  expect(leaders('orders')).toEqual([-1]);
  for (const id of [1, 2]) await beat(id);
  expect(leaders('orders')).toEqual([2]);
  await controller.close();
});

test('a controlled shutdown waits until the others have read who leads now', async () => {
  const { controller, join, beat, make, leaders, log } = start();
  for (const id of [1, 2]) await join(id);
  await make('orders', [[1, 2]]);
  await beat(2);
  expect(worth(await beat(1, { wantShutDown: true }))).toMatchObject({ shouldShutDown: false, isFenced: false });
  expect(leaders('orders')).toEqual([2]);
  expect(worth(await beat(1, { wantShutDown: true }))).toMatchObject({ shouldShutDown: false });
  await beat(2);
  expect(worth(await beat(1, { wantShutDown: true }))).toMatchObject({ shouldShutDown: true, isFenced: true });
  const written = log.nextOffset;
  await beat(1, { wantShutDown: true });
  expect(log.nextOffset).toBe(written);
  await controller.close();
});

test('commands at the same time are decided one after another', async () => {
  const { controller, join, log } = start();
  for (const id of [1, 2, 3]) await join(id);
  const latch = createLatch();
  log.holdUp(latch.promise);
  const where = { partitions: 1, replicationFactor: 3 };
  const made = Promise.all([1, 2, 3].map(() => controller.createTopic({ name: 'orders', configs: {}, where })));
  latch.resolve();
  const errors = (await made).map((outcome) => (outcome.ok ? 'ok' : outcome.error));
  expect(errors).toEqual(['ok', 'TOPIC_ALREADY_EXISTS', 'TOPIC_ALREADY_EXISTS']);
  const blocks = await Promise.all(
    [1, 2, 3].map((id) =>
      controller.allocateProducerIds({ node: id, nodeEpoch: controller.image.nodes.get(id)!.epoch }),
    ),
  );
  expect(new Set(blocks.map((block) => worth(block).first)).size).toBe(3);
  await controller.close();
});

test('one that is not active refuses; one that takes over gives every node a whole session', async () => {
  const { controller, clock, join, beat, log, settled } = start();
  for (const id of [1, 2]) await join(id);
  const latch = createLatch();
  log.holdUp(latch.promise);
  const pending = controller.unregister(2);
  log.setActive(false);
  latch.resolve();
  log.holdUp(null);
  await expect(pending).rejects.toMatchObject({ code: 'NOT_CONTROLLER', retriable: true });
  await expect(beat(1)).rejects.toMatchObject({ code: 'NOT_CONTROLLER' });
  clock.advance(60_000);
  log.setActive(true);
  clock.advance(8_999);
  await settled();
  expect([...controller.image.nodes.values()].map(({ fenced }) => fenced)).toEqual([false, false]);
  await beat(1);
  clock.advance(1);
  await settled();
  expect([...controller.image.nodes.values()].map(({ fenced }) => fenced)).toEqual([false, true]);
  await controller.close();
});

test('settings of topics and nodes are changed by what they are at the time', async () => {
  const { controller, join, make } = start();
  await join(1);
  const { id } = await make('orders', [[1]]);
  const changes = [1, 2, 3].map((n) => controller.changeConfigs(id, (configs) => ({ ...configs, [`n${n}`]: '1' })));
  await Promise.all(changes);
  expect(controller.image.topics.get('orders')!.configs).toEqual({ n1: '1', n2: '1', n3: '1' });
  expect(await controller.changeConfigs('none', () => ({}))).toBeNull();
  await controller.changeNodeConfigs('', () => ({ a: 'b' }));
  expect(controller.image.nodeConfigs.get('')).toEqual({ a: 'b' });
  worth(await controller.deleteTopic(id));
  expect([...controller.image.erasing.keys()]).toEqual([id]);
  await controller.topicErased(id);
  expect(controller.image.erasing.size).toBe(0);
  await controller.close();
});
