// An operator of your own is a function from stream to stream, put together from others. It stands in a pipe as they
// do, and the types go through it. Here: the mean per key and span of time, as a stream with the plain key again.
// Run it with `npx millrace run examples/own-operator.ts`: each of twelve readings gives a newer mean of its room.
import {
  aggregateAll,
  type Duration,
  groupByKey,
  job,
  type KStream,
  mapRecord,
  mean,
  selectKey,
  sink,
  source,
  toStream,
  tumbling,
  window,
} from 'millrace';
import { stdoutLines } from 'millrace/connectors/console';
import { generate } from 'millrace/connectors/generate';

type Reading = { readonly room: string; readonly celsius: number };

/** The mean of `of` per key and `size` of time. Each record gives a newer one. */
const meanPer =
  <V>(size: Duration, of: (value: V) => number, { as }: { readonly as: string }) =>
  (stream: KStream<string, V>) =>
    stream.pipe(
      groupByKey(),
      window(tumbling(size, { grace: 0 })),
      aggregateAll({ mean: mean(of) }, { as }),
      toStream(),
      mapRecord(({ mean }, { key }) => ({ key: key.key, value: { fromMs: key.startMs, mean } })),
    );

/** One every ten minutes, two rooms in turn: the cellar has 12 degrees, the study gets warmer. */
const readings = generate({
  count: 12,
  value: (n): Reading => (n % 2 === 0 ? { room: 'cellar', celsius: 12 } : { room: 'study', celsius: 16 + n }),
  timestampMs: (n) => Date.UTC(2025, 0, 1) + n * 600_000,
});

export default job('own-operator', [
  source(readings).pipe(
    selectKey((reading) => reading.room),
    meanPer('1 hour', (reading) => reading.celsius, { as: 'hourly-means' }),
    sink(
      stdoutLines({ format: ({ key, value }) => `${new Date(value.fromMs).toISOString()} ${key}: ${value.mean} °C` }),
    ),
  ),
]);
