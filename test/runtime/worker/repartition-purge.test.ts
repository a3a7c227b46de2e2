// On a real node in memory, with a clock moved by hand.
import { expect, test } from 'vitest';
import { createClient, inProcess } from '../../../core/client/index.ts';
import { systemClock } from '../../../core/kernel/clock.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { createNode } from '../../../core/server/index.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { compile, count, groupByKey, job, safeInt64, selectKey, topic, toStream, utf8 } from '../../../dsl/index.ts';
import { createRepartitionPurge } from '../../../runtime/worker/repartition-purge.ts';

const topology = compile(
  job('words', [
    topic('lines', utf8)
      .pipe(
        selectKey((line) => line),
        groupByKey(),
        count({ as: 'n' }),
        toStream(),
      )
      .to(topic('counts', safeInt64)),
  ]),
);

test('what is committed of a repartition topic is deleted every 30 s, and other topics keep all', async () => {
  const shared = { clock: systemClock, random: seededRandom(1), logger: silentLogger };
  await using node = await createNode({ ...shared, engine: createMemoryEngine() });
  await using client = createClient({ ...shared, network: inProcess(node), clientId: 'test' });
  const admin = client.admin();
  const repartition = topology.internalTopics.find(({ purpose }) => purpose === 'repartition')!.name;
  await admin.createTopics([
    { name: repartition, partitions: 1 },
    { name: 'lines', partitions: 1 },
  ]);
  await using producer = client.producer();
  for (const name of [repartition, 'lines'])
    for (let i = 0; i < 10; i++) producer.write(name, 0, systemClock.now(), null, Buffer.from(`${i}`));
  await producer.flush();

  const clock = createManualClock();
  const purge = createRepartitionPurge({ topology, admin, clock, logger: silentLogger });
  const committed = (offset: number) =>
    purge.committed([repartition, 'lines'].map((name) => ({ topic: name, partition: 0, offset })));
  const starts = async () => {
    await purge.settle();
    const all = [repartition, 'lines'].map((name) => ({ topic: name, partition: 0 }));
    return (await admin.listOffsets(all, 'earliest')).map(({ offset }) => offset);
  };
  committed(4);
  expect(await starts()).toEqual([0, 0]);
  clock.advance(30_000);
  committed(7);
  expect(await starts()).toEqual([7, 0]);
  committed(9);
  expect(await starts()).toEqual([7, 0]);
});
