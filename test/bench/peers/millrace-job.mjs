// One of the jobs of jobs.mjs in Millrace, in a process of its own, on the embedded log of a folder or on a cluster: from the
// first record that a function of the job's sees to its end, when all is committed. Prints one line of JSON.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import {
  aggregate,
  count,
  filter,
  groupByKey,
  job,
  join,
  map,
  safeInt64,
  selectKey,
  table,
  tap,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
  within,
} from 'millrace';
import { connect, runJob } from 'millrace/run';
import { orders, totals } from './orders.mjs';

// As `millrace run` does.
const { letGarbagePileUp } = await import('../../../dist/runtime/cli/garbage.js');
letGarbagePileUp();

const [mode, guarantee, partitionsText, place, updates] = process.argv.slice(2);
const partitions = Number(partitionsText);
const isCluster = place.includes(':');
const each = { partitions, key: utf8 };
const name = `millrace-${mode}-${Date.now()}`;
const text = topic(`${name}-out`, utf8, each);
const counts = topic(`${name}-out`, safeInt64, each);
let seen = 0;
let firstMs = 0;
const tick = () => {
  if (seen++ === 0) firstMs = performance.now();
};

const input = topic('bench-in', utf8, each);
const topologies = {
  stateless: () =>
    input
      .pipe(
        map((value) => {
          tick();
          return `${value}!`;
        }),
        filter((value) => (value.charCodeAt(0) & 7) !== 0),
      )
      .to(text),
  count: () => input.pipe(tap(tick), groupByKey(), count({ as: 'counts' }), toStream()).to(counts),
  windowed: () =>
    input
      .pipe(
        tap(tick),
        groupByKey(),
        window(tumbling('10 seconds', { grace: 0 })),
        count({ as: 'counts' }),
        toStream(),
        selectKey((_, { key }) => `${key.key}@${key.start}`),
      )
      .to(counts),
  tableJoin: () =>
    input
      .pipe(
        tap(tick),
        join(table('bench-table', utf8, each), (value, row) => value + row),
      )
      .to(text),
  streamJoin: () =>
    topic('bench-left', utf8, each)
      .pipe(
        tap(tick),
        join(
          topic('bench-right', utf8, each).pipe(tap(tick)),
          within('500 ms', { grace: 0 }),
          (left, right) => left + right,
        ),
      )
      .to(text),
};

/** Filter and aggregate orders of `orders.mjs`; `add` adds one to a total. */
const summed = (format, zero, add) => () =>
  topic(`bench-${format}`, orders[format], each)
    .pipe(
      tap(tick),
      filter(({ amount }) => amount >= 100),
      groupByKey(),
      aggregate(() => zero, add, { as: 'totals', value: totals[format] }),
      toStream(),
    )
    .to(topic(`${name}-out`, totals[format], each));
const ofOrders = {
  json: summed('json', { orders: 0, amount: 0 }, (total, { amount }) => ({
    orders: total.orders + 1,
    amount: total.amount + amount,
  })),
  avro: summed('avro', { orders: 0n, amount: 0 }, (total, { amount }) => ({
    orders: total.orders + 1n,
    amount: total.amount + amount,
  })),
};

const folder = isCluster ? await mkdtemp(joinPath(tmpdir(), 'millrace-bench-')) : place;
const where = isCluster ? { bootstrap: place, data: folder } : { data: folder };
try {
  const running = await runJob(job(name, [(topologies[mode] ?? ofOrders[mode])()], { guarantee, updates }), {
    ...where,
    until: 'end',
  });
  await running.done;
  const seconds = (performance.now() - firstMs) / 1_000;
  await running[Symbol.asyncDispose]();
  process.stdout.write(`${JSON.stringify({ seconds, records: seen })}\n`);
  const connection = await connect(where);
  const admin = connection.client.admin();
  const own = (await admin.listTopics({ internal: true })).filter((one) => one.name.startsWith(name));
  await admin.deleteTopics(own.map((one) => one.name));
  await connection[Symbol.asyncDispose]();
} finally {
  if (isCluster) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(0);
