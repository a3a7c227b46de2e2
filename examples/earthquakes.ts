// A week of earthquakes, newest first: all of them out of order. Time is the time of the quake, not of reading it, so the
// counts per day and the strongest so far come out the same in whatever order the quakes come.
// Run it with `npx millrace run examples/earthquakes.ts`. It shows two tables, by day and by network, and ends.
import {
  aggregateAll, count, groupByKey, job, json, max, safeInt64, selectKey, source, topic, toStream, tumbling, utf8, view,
  window, windowedKey,
} from 'millrace';
import { consoleTable } from 'millrace/connectors/console';
import { jsonLinesFile } from 'millrace/connectors/files';

/** As the US Geological Survey gives it. `net` is the network that reported it; not every quake has a magnitude. */
interface Quake { readonly net: string; readonly time: number; readonly mag: number | null; readonly place: string | null }
interface Network { readonly quakes: number; readonly strongest: number | null }

const kept = { partitions: 2, retention: 'forever' } as const;
const quakes = topic('quakes', json<Quake>(), { ...kept, timestamp: (quake) => quake.time });
const perDay = topic('quakes-per-day', safeInt64, { ...kept, key: windowedKey(utf8, '1 day') });
const networks = topic('networks', json<Network>(), kept);

export default job('earthquakes', [
  source(jsonLinesFile<Quake>(new URL('data/earthquakes.jsonl', import.meta.url))).pipe(
    selectKey((quake) => quake.net),
  ).to(quakes),

  // The first quake read is the newest, and the last is a week late: with less grace it would be dropped, and counted.
  quakes.pipe(
    groupByKey(),
    window(tumbling('1 day', { grace: '7 days' })),
    count({ as: 'quakes-per-day' }),
    toStream(),
  ).to(perDay),

  quakes.pipe(
    groupByKey(),
    aggregateAll({ quakes: count(), strongest: max((quake) => quake.mag) }, { as: 'networks' }),
    toStream(),
  ).to(networks),

  perDay.pipe(view(consoleTable({
    title: 'Earthquakes by day (UTC) and network',
    columns: [
      { header: 'day', value: (_count, { startMs }) => new Date(startMs).toISOString().slice(0, 10) },
      { header: 'network', value: (_count, { key }) => key },
      { header: 'earthquakes', value: (count) => count },
    ],
    sortBy: (count) => count, descending: true, limit: 8,
  }))),
  networks.pipe(view(consoleTable({
    title: 'Earthquakes by network',
    columns: [
      { header: 'network', value: (_row, network) => network },
      { header: 'earthquakes', value: (row) => row.quakes },
      { header: 'strongest', value: (row) => row.strongest },
    ],
    sortBy: (row) => row.strongest, descending: true,
  }))),
]);
