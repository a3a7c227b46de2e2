// A commit that comes soon after another leaves its state to a later one. Where none comes, since nothing is read any
// more, the worker writes it all the same: a crash hours later must not replay what was committed before.
import { expect, test } from 'vitest';
import { compile, count, groupByKey, job, topic, utf8 } from '../../../dsl/index.ts';
import { createFaultyEngine } from '../../support/faulty-storage.ts';
import { startJobOnNode } from '../../support/job-on-node.ts';
import { startListeningNode } from '../../support/listening-node.ts';

test.each(['atLeastOnce', 'exactlyOnce'] as const)(
  'an idle worker writes state that is committed, %s',
  async (guarantee) => {
    await using node = await startListeningNode();
    const topology = compile(
      job('idle', [topic('events', utf8, { partitions: 1 }).pipe(groupByKey(), count({ as: 'n' }))], {
        commitInterval: '20 ms',
        guarantee,
      }),
    );
    const stateEngine = createFaultyEngine();
    const { app } = await startJobOnNode({ topology, client: node.client, stateEngine });
    await app.ready;
    await using producer = node.client.producer();
    const send = () => producer.send({ topic: 'events', key: utf8.encode('k'), value: utf8.encode('x') });
    const before = stateEngine.writes;
    await send();
    await expect.poll(() => stateEngine.writes).toBe(before + 1);
    await send();
    await expect.poll(() => stateEngine.writes, { timeout: 5_000 }).toBe(before + 2);
    await app.stop();
  },
);
