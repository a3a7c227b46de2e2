// What a node cleans by itself, and when, with a clock moved by hand.
import { expect, test } from 'vitest';
import { createClient, inProcess } from '../../../core/client/index.ts';
import { systemClock } from '../../../core/kernel/clock.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { createNode } from '../../../core/server/index.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';

test('compaction comes every log.cleaner.backoff.ms, retention only with its own interval', async () => {
  const clock = createManualClock(Date.UTC(2026, 0, 1));
  const shared = { random: seededRandom(1), logger: silentLogger };
  await using node = await createNode({ ...shared, clock, engine: createMemoryEngine() });
  await using client = createClient({ ...shared, clock: systemClock, network: inProcess(node) });
  const admin = client.admin();
  const small = { 'segment.bytes': '1048576', 'segment.ms': '1', 'min.cleanable.dirty.ratio': '0' };
  await admin.createTopics([
    { name: 'kept', partitions: 1, config: { ...small, 'cleanup.policy': 'compact' } },
    { name: 'old', partitions: 1, config: { ...small, 'retention.ms': '1000' } },
  ]);
  await using producer = client.producer();
  for (const value of ['1', '2', '3']) {
    for (const topic of ['kept', 'old'])
      await producer.send({
        topic,
        partition: 0,
        timestampMs: clock.now(),
        key: Buffer.from('k'),
        value: Buffer.from(value),
      });
    clock.advance(2_000);
  }
  const count = async (topic: string) => {
    await using consumer = client.consumer({ from: 'earliest' });
    await consumer.assign([{ topic, partition: 0, offset: 0 }]);
    const [end] = await admin.listOffsets([{ topic, partition: 0 }], 'latest');
    let records = 0;
    while ((consumer.position({ topic, partition: 0 }) ?? 0) < end!.offset)
      records += (await consumer.poll(100)).length;
    return records;
  };
  expect([await count('kept'), await count('old')]).toEqual([3, 3]);
  clock.advance(15_000);
  await expect.poll(() => count('kept')).toBeLessThan(3);
  expect(await count('old')).toBe(3);
  clock.advance(300_000);
  await expect
    .poll(async () => (await admin.listOffsets([{ topic: 'old', partition: 0 }], 'earliest'))[0]!.offset)
    .toBeGreaterThan(0);
});
