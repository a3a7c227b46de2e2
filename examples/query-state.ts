// Looks into the state of a running job: it counts the visits of each page, in all and per minute; a program asks it.
// Run it with `npx tsx examples/query-state.ts`: the counts grow for a second, then it shows all of them, and ends.
// `npx millrace run examples/query-state.ts` runs the job alone.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { count, groupByKey, job, json, selectKey, source, topic, tumbling, window } from 'millrace';
import { generate } from 'millrace/connectors/generate';
import { runJob } from 'millrace/run';

interface Visit {
  readonly page: string;
}

const pages = ['/', '/about', '/prices', '/'];
const startMs = Date.UTC(2025, 0, 1);
const visits = topic('visits', json<Visit>(), { partitions: 2, retention: 'forever' });

const counting = job('query-state', [
  source(
    generate({
      count: 1_000,
      rate: 1_000,
      value: (n): Visit => ({ page: pages[n % pages.length]! }),
      timestampMs: (n) => startMs + n * 1_000,
    }),
  )
    .pipe(selectKey((visit) => visit.page))
    .to(visits),

  // Tables that end in no topic are kept to be queried; of the windows, those that late visits may still change.
  visits.pipe(groupByKey(), count({ as: 'visits-per-page' })),
  visits.pipe(groupByKey(), window(tumbling('1 minute', { grace: '5 minutes' })), count({ as: 'visits-per-minute' })),
]);
export default counting;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await using run = await runJob(counting, { fresh: true, until: 'stopped' });
  await run.ready;
  const perPage = run.query<string, number>('visits-per-page');
  const perMinute = run.query<string, number>('visits-per-minute');

  while ((perPage.get('/')?.value ?? 0) < 500) {
    console.log(`visits of / so far: ${perPage.get('/')?.value ?? 0}`);
    await sleep(200);
  }
  for await (const [page, { value }] of perPage.all()) console.log(`visits of ${page}: ${value}`);
  for (const [minuteMs, { value }] of perMinute.fetch('/prices', startMs + 720_000, startMs + 900_000))
    console.log(`visits of /prices from ${new Date(minuteMs).toISOString()}: ${value}`);
}
