import { expect, test } from 'vitest';
import { systemClock } from '../../../core/kernel/clock.ts';
import { compile, count, groupBy, job, topic, utf8 } from '../../../dsl/index.ts';
import { prepareTopics } from '../../../runtime/app/prepare.ts';
import { startListeningNode } from '../../support/listening-node.ts';

test('processes of a job that start at the same moment have its topics made once', async () => {
  await using node = await startListeningNode();
  const words = topic('words', utf8, { partitions: 3 });
  const topology = compile(
    job('same', [
      words.pipe(
        groupBy((word) => word),
        count({ as: 'n' }),
      ),
    ]),
  );
  const layouts = await Promise.all(
    Array.from({ length: 6 }, () => prepareTopics(topology, node.client.admin(), systemClock)),
  );
  const partitions = layouts.map((layout) => [...layout.partitions].sort());
  expect(new Set(partitions.map((one) => JSON.stringify(one))).size).toBe(1);
  const made = await node.client.admin().listTopics();
  expect(made.map(({ name, partitions: count }) => [name, count])).toEqual(partitions[0]);
});
