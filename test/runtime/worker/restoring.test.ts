// While the state of one task is restored, the others go on; how far it is can be seen, and its rows are not given out.
import { expect, test } from 'vitest';
import { createLatch } from '../../../core/kernel/latch.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { StorageEngine } from '../../../core/storage/storage.ts';
import { compile, count, groupByKey, job, map, topic, utf8 } from '../../../dsl/index.ts';
import { createStoreRoutes } from '../../../runtime/app/store-routes.ts';
import { createMetricsText, jobFamilies } from '../../../runtime/cli/metrics-text.ts';
import { restoreText } from '../../../runtime/cli/restore-text.ts';
import { startJobOnNode } from '../../support/job-on-node.ts';
import { type ListeningNode, startListeningNode } from '../../support/listening-node.ts';

const one = { partitions: 1 };
const topology = compile(
  job(
    'restored',
    [
      topic('events', utf8, one).pipe(groupByKey(), count({ as: 'n' })),
      topic('pings', utf8, one)
        .pipe(map((value) => `${value} back`))
        .to(topic('pongs', utf8, one)),
    ],
    { commitInterval: '20 ms' },
  ),
);

const dataTag = 0x10;

/** Rows come to its databases once `open` is kept; what they say of themselves at once. */
function behindGate(engine: StorageEngine, open: Promise<void>): StorageEngine {
  return {
    ...engine,
    async open(name) {
      const storage = await engine.open(name);
      return {
        ...storage,
        async write(operations, options) {
          if (operations.some(({ key }) => key[0] === dataTag)) await open;
          await storage.write(operations, options);
        },
      };
    },
  };
}

async function start({ client }: ListeningNode, stateEngine: StorageEngine) {
  const { app, shared } = await startJobOnNode({ topology, client, stateEngine });
  const route = createStoreRoutes({
    ...shared,
    workers: () => app.workers.values(),
    address: 'here:1',
    forward: () => Promise.reject(new Error('there is nobody else')),
  });
  const ask = (...segments: string[]) => route({ segments, search: new URLSearchParams(), forwarded: false });
  return { app, ask };
}

const records = 500;
const metricsText = createMetricsText();

test('other tasks go on while a state is restored, and how far it is is told', async () => {
  await using node = await startListeningNode();
  const producer = node.client.producer();
  const send = (to: string, key: string, value: string) =>
    producer.send({ topic: to, key: utf8.encode(key), value: utf8.encode(value), timestampMs: 1 });
  {
    const { app, ask } = await start(node, createMemoryEngine());
    await app.ready;
    for (let i = 0; i < records; i++) void send('events', `k${i}`, 'x');
    await expect.poll(async () => (await ask('n', `k${records - 1}`)).status).toBe(200);
    await app.stop();
  }
  const gate = createLatch();
  const { app, ask } = await start(node, behindGate(createMemoryEngine(), gate.promise));
  const report = () => app.progress().workers[0]!;
  await expect.poll(() => report().restoring[0]?.recordsDone).toBe(records);
  await send('pings', 'a', 'ping');
  await expect.poll(() => report().recordsOut).toBe(1);
  expect(report()).toMatchObject({ tasks: ['1_0'], restoring: [{ task: '0_0', recordsTotal: records }] });
  expect(restoreText(report().restoring)).toMatch(
    /^restoring task 0_0: 500 of 500 records, [\d,]+ records\/s, 0\.0 s left$/,
  );
  const restoring = await ask('n', 'k1');
  expect(restoring).toMatchObject({ status: 503, body: { error: { code: 'STORE_RESTORING', retriable: true } } });

  const text = async () => {
    const measures = await app.workers.get(0)!.measures();
    const figures = [{ worker: 0, report: report(), measures }];
    return await metricsText.render(jobFamilies('restored', figures, 1_001));
  };
  expect(await text()).toContain(`millrace_restore_done_records{job="restored",worker="0",task="0_0"} ${records}`);

  gate.resolve();
  await expect.poll(async () => await ask('n', 'k1')).toMatchObject({ status: 200, body: { key: 'k1', value: 1 } });
  await send('events', 'k1', 'x');
  await expect.poll(async () => (await ask('n', 'k1')).body).toMatchObject({ value: 2 });
  const after = await text();
  expect(after).not.toContain('millrace_restore_done_records{');
  const labels = 'job="restored",worker="0",task="0_0"';
  expect(after).toContain(`millrace_records_in_total{${labels}} 1`);
  expect(after).toContain(`millrace_input_lag_records{${labels},topic="events",partition="0"} 0`);
  expect(after).toMatch(
    /millrace_operator_records_out_total\{job="restored",worker="0",task="1_0",operator="map"\} 1\n/,
  );
  expect(after).toMatch(/millrace_commits_total\{job="restored",worker="0"\} [1-9]/);
  expect(after).toContain('millrace_tasks{job="restored",worker="0",state="running"} 2');
  await producer.close();
  await app.stop();
});
