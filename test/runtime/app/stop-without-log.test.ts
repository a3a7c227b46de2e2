import { runJob } from 'millrace/run';
import { expect, test } from 'vitest';
import { job, map, topic, utf8 } from '../../../dsl/index.ts';
import { startListeningNode } from '../../support/listening-node.ts';
import { tempFolder } from '../../support/millrace.ts';

test('a job whose cluster is gone for good stops all the same, and says why it committed no more', async () => {
  await using folder = await tempFolder();
  const node = await startListeningNode();
  const { bootstrap } = node;
  const copy = job(
    'copy',
    [
      topic('a', utf8)
        .pipe(map((text) => text))
        .to(topic('b', utf8)),
    ],
    {
      commitInterval: '1 minute',
    },
  );
  const run = await runJob(copy, { data: folder.data, bootstrap, until: 'stopped' });
  await run.ready;
  await using producer = node.client.producer();
  await producer.send({ topic: 'a', key: null, value: utf8.encode('one') });
  await expect.poll(() => run.progress().recordsIn, { timeout: 10_000 }).toBe(1);
  await node[Symbol.asyncDispose]();
  await expect(run.stop()).rejects.toMatchObject({ code: 'STOPPED_WITHOUT_LOG' });
  await expect(run.done).rejects.toMatchObject({ code: 'STOPPED_WITHOUT_LOG' });
}, 90_000);
