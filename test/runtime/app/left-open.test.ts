// Jobs that go to their end although a member that was killed has left a transaction open in their topics.
import { expect, test } from 'vitest';
import { count, groupByKey, job, safeInt64, selectKey, topic, toStream, utf8 } from '../../../dsl/index.ts';
import { runJob } from '../../../runtime/cli/index.ts';
import { consume } from '../../../runtime/rx/index.ts';
import { startListeningNode } from '../../support/listening-node.ts';
import { tempFolder } from '../../support/millrace.ts';

const words = topic('words', utf8, { partitions: 1 });
const totals = topic('totals', safeInt64, { partitions: 1 });
const letters = words.pipe(
  selectKey((word) => word[0]!),
  groupByKey(),
  count({ as: 'letters' }),
  toStream(),
);
const counting = job('counting', [letters.to(totals)], {
  guarantee: 'exactlyOnce',
  names: 'derived',
  commitInterval: 50,
});
const between = 'counting-letters-repartition';

test.each([between, 'totals'])(
  'a job that ends has done all of it: a transaction was left open in %s',
  async (name) => {
    await using node = await startListeningNode();
    await using producer = node.client.producer();
    const send = (word: string) => producer.send({ topic: 'words', key: utf8.encode('k'), value: utf8.encode(word) });
    const toEnd = async () => {
      await using folder = await tempFolder();
      await using run = await runJob(counting, { bootstrap: node.bootstrap, data: folder.data, until: 'end' });
      await run.done;
    };
    const counted = async () => {
      const last = new Map<string | null, number | null>();
      for await (const { key, value } of consume(node.client, totals, { until: 'end' })) last.set(key, value);
      return Object.fromEntries(last);
    };
    await node.client.admin().createTopics([{ name: 'words', partitions: 1 }]);
    await send('apple');
    await toEnd();
    expect(await counted()).toEqual({ a: 1 });

    const killed = node.client.producer({ transactionalId: 'counting-killed', transactionTimeoutMs: 2_000 });
    await killed.initTransactions();
    killed.begin();
    void killed.send({ topic: name, key: utf8.encode('a'), value: safeInt64.encode(99) }).catch(() => {});
    await killed.flush();
    await send('apricot');
    await send('banana');
    await toEnd();
    expect(await counted()).toEqual({ a: 2, b: 1 });
    await expect(killed.close()).rejects.toThrow(/its transaction timed out/);
  },
);
