// A week of earthquakes, newest first, so all are out of order. Time is when the earth shook: counts per day and the
// strongest so far come out the same in any order. `npx millrace run examples/earthquakes.ts` shows the networks; by
// day: `npx millrace consume quakes-per-day --until end --keys --key-as windowed --value-as int64`.
import {
  aggregateAll,
  count,
  groupByKey,
  job,
  json,
  max,
  safeInt64,
  selectKey,
  source,
  topic,
  toStream,
  tumbling,
  utf8,
  view,
  window,
  windowedKey,
} from 'millrace';
import { consoleTable } from 'millrace/connectors/console';
import { jsonLinesFile } from 'millrace/connectors/files';

/** As the US Geological Survey gives it: `net` is the network that reported it, and `mag` can be missing. */
type Quake = { readonly net: string; readonly time: number; readonly mag: number | null };
type Network = { readonly quakes: number; readonly strongest: number | null };

const kept = { partitions: 2, retention: 'forever' } as const;
const quakes = topic('quakes', json<Quake>(), { ...kept, timestamp: (quake) => quake.time });
const perDay = topic('quakes-per-day', safeInt64, { ...kept, key: windowedKey(utf8, '1 day') });
const networks = topic('networks', json<Network>(), kept);

export default job('earthquakes', [
  source(jsonLinesFile<Quake>(new URL('data/earthquakes.jsonl', import.meta.url)))
    .pipe(selectKey((quake) => quake.net))
    .to(quakes),
  // The newest quake is read first, the oldest a week late: with less grace it would be dropped, and the run says so.
  quakes
    .pipe(groupByKey(), window(tumbling('1 day', { grace: '7 days' })), count({ as: 'per-day' }), toStream())
    .to(perDay),
  quakes
    .pipe(groupByKey(), aggregateAll({ quakes: count(), strongest: max((q) => q.mag) }, { as: 'networks' }), toStream())
    .to(networks),
  networks.pipe(
    view(
      consoleTable({
        title: 'Earthquakes by network',
        columns: {
          network: (_row, network) => network,
          earthquakes: (row) => row.quakes,
          strongest: (row) => row.strongest,
        },
        sortBy: (row) => row.strongest,
        descending: true,
      }),
    ),
  ),
]);
