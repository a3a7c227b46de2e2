// A person's own operator on the embedded log: its stores and timers over stops and lost disks, under exactlyOnce.
import { rm } from 'node:fs/promises';
import { generate } from 'millrace/connectors/generate';
import { connect, runJob } from 'millrace/run';
import { consume } from 'millrace/rx';
import { expect, test } from 'vitest';
import {
  emits,
  job,
  keyValueStore,
  process,
  safeInt64,
  selectKey,
  sessionStore,
  source,
  topic,
  utf8,
  windowStore,
} from '../../../dsl/index.ts';
import { stateFolder } from '../../../runtime/cli/state-folder.ts';
import { tempFolder } from '../../support/millrace.ts';

const records = 600;
const keyOf = (n: number) => `k${n % 5}`;
const partitions = { partitions: 3 };

function counting(rate: number | null) {
  const events = topic('events', safeInt64, { ...partitions, timestamp: (n) => n * 10 });
  const totals = topic('totals', utf8, partitions);
  const made = source(generate({ value: (n) => n, count: records, ...(rate === null ? {} : { rate }) }));
  const counted = events.pipe(
    process(
      'counting',
      {
        stores: {
          counts: keyValueStore(safeInt64),
          windows: windowStore(safeInt64, { size: '1 second', keep: '1 day' }),
          sessions: sessionStore(safeInt64, { keep: '1 day' }),
        },
        outputs: emits<string>(),
        every: { tell: { streamTime: '1 second' } },
      },
      ({ stores: { counts, windows, sessions }, forward }) => ({
        process(_, { key, timestampMs }) {
          counts.put(key, (counts.get(key) ?? 0) + 1);
          const startMs = Math.floor(timestampMs / 1_000) * 1_000;
          windows.put(key, startMs, (windows.get(key, startMs) ?? 0) + 1);
          const [known] = sessions.find(key, 0, timestampMs);
          sessions.put({ key, startMs: known?.[0].startMs ?? timestampMs, endMs: timestampMs }, (known?.[1] ?? 0) + 1);
        },
        every: {
          async tell() {
            for await (const [key, n] of counts.all()) {
              const inWindows = windows.fetch(key, 0, 10_000).reduce((sum, [, some]) => sum + some, 0);
              forward(`${n} ${inWindows} ${sessions.find(key, 0, 10_000).map(([, some]) => some)}`, { key });
            }
          },
        },
      }),
    ),
  );
  const program = job('counting', [made.pipe(selectKey(keyOf)).to(events), counted.to(totals)], {
    guarantee: 'exactlyOnce',
  });
  return { program, totals };
}

test.each([
  ['in one run', null, false],
  ['with a stop in the middle', 600, false],
  ['with a stop after which its state comes from the changelogs', 600, true],
] as const)('a processor counts every record once and says so: %s', async (_, rate, lost) => {
  await using folder = await tempFolder();
  const { program, totals } = counting(rate);
  if (rate !== null) {
    await using run = await runJob(program, { data: folder.data });
    await run.ready;
    while (run.progress().recordsIn < records / 2) await new Promise((resolve) => setImmediate(resolve));
    await run.stop();
    if (lost) await rm(stateFolder(folder.data, 'counting'), { recursive: true });
  }
  await (await runJob(program, { data: folder.data })).done;
  await using connection = await connect({ data: folder.data });
  const last = new Map<string | null, string | null>();
  let told = 0;
  for await (const { key, value } of consume(connection.client, totals, { until: 'end' })) {
    last.set(key, value);
    told += 1;
  }
  const each = records / 5;
  expect([...last].sort()).toEqual([0, 1, 2, 3, 4].map((n) => [`k${n}`, `${each} ${each} ${each}`]));
  // Six seconds, of which each tells once, and once more at the end; a restart tells nothing again.
  expect(told).toBeGreaterThanOrEqual(5 * 6);
  expect(told).toBeLessThanOrEqual(5 * 7);
});

test('the wall clock calls its timers where nothing comes, and what they send is committed', async () => {
  await using folder = await tempFolder();
  const events = topic('events', utf8, { partitions: 1 });
  const out = topic('out', utf8, { partitions: 1 });
  const held = events.pipe(
    process(
      'held',
      {
        stores: { last: keyValueStore(utf8) },
        outputs: emits<string>(),
        every: { letGo: { wallClock: '50 ms' } },
      },
      ({ stores, forward }) => ({
        process: (value, { key }) => stores.last.put(key, value),
        every: {
          async letGo() {
            for await (const [key, value] of stores.last.all()) {
              forward(value, { key });
              stores.last.delete(key);
            }
          },
        },
      }),
    ),
  );
  const program = job('held', [held.to(out)], { guarantee: 'exactlyOnce' });
  await using run = await runJob(program, { data: folder.data, until: 'stopped' });
  await run.ready;
  const producer = run.client.producer();
  await producer.send({ topic: 'events', key: utf8.encode('k'), value: utf8.encode('v'), timestampMs: 1 });
  await producer.close();
  const first = await consume(run.client, out).next();
  expect(first.value).toMatchObject({ key: 'k', value: 'v' });
});
