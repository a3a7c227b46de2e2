import { expect, test } from 'vitest';
import type { Client } from '../../../core/client/index.ts';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { compile, count, groupByKey, job, safeInt64, selectKey, topic, toStream, utf8 } from '../../../dsl/index.ts';
import { consume } from '../../../runtime/rx/index.ts';
import { startJobOnNode } from '../../support/job-on-node.ts';
import { startListeningNode } from '../../support/listening-node.ts';

const one = { partitions: 1 };
const counts = topic('counts', safeInt64, one);
const topology = compile(
  job(
    'latest',
    [
      topic('events', utf8, one)
        .pipe(
          selectKey((event) => event),
          groupByKey(),
          count({ as: 'n' }),
          toStream(),
        )
        .to(counts),
    ],
    { commitInterval: '20 ms' },
  ),
);
const between = topology.internalTopics.find(({ purpose }) => purpose === 'repartition')!.name;

/** Learns late where the topic between the two halves of the job stands. */
function slow(client: Client): Client {
  return {
    ...client,
    admin() {
      const admin = client.admin();
      return {
        ...admin,
        async listOffsets(partitions, ...rest) {
          if (partitions.some(({ topic: name }) => name === between)) await clock.sleep(1_000);
          return await admin.listOffsets(partitions, ...rest);
        },
      };
    },
  };
}

test('from latest, what the job itself has put between its halves is read all the same', async () => {
  await using node = await startListeningNode();
  const { client } = node;
  const stateEngine = createMemoryEngine();
  const { app } = await startJobOnNode({ topology, client: slow(client), stateEngine, from: 'latest' });
  await using producer = client.producer();
  const send = () => producer.send({ topic: 'events', key: null, value: utf8.encode('a') });
  await expect.poll(() => app.progress().workers[0]!.tasks).toEqual(['0_0']);
  await send();
  await app.ready;
  await send();
  const seen = async () => {
    const found: (number | null)[] = [];
    for await (const { value } of consume(client, counts, { until: 'end' })) found.push(value);
    return found;
  };
  await expect.poll(seen, { timeout: 5_000 }).toEqual([1, 2]);
  await app.stop();
});
