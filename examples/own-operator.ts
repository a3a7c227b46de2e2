// An operator of your own is a function from stream to stream, put together from others. It stands in a pipe as they do,
// and the types go through it. Here: the mean per key and span of time, as a stream that has the plain key again.
// Run it with `npx millrace run examples/own-operator.ts`. It shows the newest hourly mean of two rooms, and ends.
import {
  aggregateAll, type Duration, groupByKey, job, json, type KStream, mapRecord, mean, selectKey, source, topic, toStream,
  tumbling, view, window,
} from 'millrace';
import { consoleTable } from 'millrace/connectors/console';
import { generate } from 'millrace/connectors/generate';

interface Reading { readonly room: string; readonly celsius: number; readonly atMs: number }
interface Mean { readonly fromMs: number; readonly mean: number }

/** The mean of `of` per key and `size` of time. Each record gives a newer one. */
const meanPer = <V>(size: Duration, of: (value: V) => number, { as }: { readonly as: string }) =>
  (stream: KStream<string, V>): KStream<string, Mean> =>
    stream.pipe(
      groupByKey(),
      window(tumbling(size, { grace: 0 })),
      aggregateAll({ mean: mean(of) }, { as }),
      toStream(),
      mapRecord(({ mean }, { key }) => ({ key: key.key, value: { fromMs: key.startMs, mean } })),
    );

const midnight = Date.UTC(2025, 0, 1);
/** One a minute, the rooms in turn: the cellar has 12 degrees, the study gets warmer with every hour. */
const makeReading = (n: number): Reading => {
  const room = n % 2 === 0 ? 'cellar' : 'study';
  return { room, celsius: room === 'cellar' ? 12 : 16 + Math.floor(n / 60) / 4, atMs: midnight + n * 60_000 };
};

const kept = { retention: 'forever' } as const;
const readings = topic('readings', json<Reading>(), { ...kept, timestamp: (reading) => reading.atMs });
const means = topic('hourly-means', json<Mean>(), kept);

export default job('own-operator', [
  source(generate({ count: 24 * 60, value: makeReading })).pipe(selectKey((reading) => reading.room)).to(readings),

  readings.pipe(meanPer('1 hour', (reading) => reading.celsius, { as: 'hourly-means' })).to(means),

  means.pipe(view(consoleTable({
    title: 'The last hour',
    columns: [
      { header: 'room', value: (_mean, room) => room },
      { header: 'from', value: ({ fromMs }) => new Date(fromMs).toISOString() },
      { header: 'mean', value: ({ mean }) => mean, format: (celsius) => `${celsius.toFixed(2)} °C` },
    ],
  }))),
]);
