// Flights and airports from CSV files, through the log: joined, counted per airport and per day, and shown.
// Run it with `npm start`. The data: examples/data/README.md.
import { fileURLToPath } from 'node:url';
import {
  aggregateAll, count, groupByKey, job, join, json, map, max, mean, safeInt64, selectKey, source, table, topic, toStream,
  tumbling, utf8, view, window, windowedKey,
} from 'millrace';
import { consoleTable } from 'millrace/connectors/console';
import { csvFile } from 'millrace/connectors/files';

interface Airport { readonly iata: string; readonly name: string; readonly city: string }
interface Flight { readonly origin: string; readonly delay: number; readonly atMs: number }
interface Delay { readonly city: string; readonly flights: number; readonly meanDelay: number; readonly worst: number }

const data = (file: string) => fileURLToPath(new URL(`data/${file}`, import.meta.url));
/** The flights are of 2001: by time, a topic would let them go at once. */
const kept = { partitions: 4, retention: 'forever' } as const;

const airports = table('airports', json<Airport>(), kept);
const flights = topic('flights', json<Flight>(), { ...kept, timestamp: (flight) => flight.atMs });
const delays = topic('delays', json<Delay>(), kept);
const perDay = topic('flights-per-day', safeInt64, { ...kept, key: windowedKey(utf8, '1 day') });

export default job('flight-delays', [
  source(csvFile(data('airports.csv'), { columns: ['iata', 'name', 'city'] })).pipe(
    map(({ iata, name, city }): Airport => ({ iata, name, city })),
    selectKey((airport) => airport.iata),
  ).to(airports),

  source(csvFile(data('flights.csv'), { columns: ['date', 'delay', 'origin'] })).pipe(
    map(({ date, delay, origin }): Flight => ({ origin, delay: Number(delay), atMs: Date.parse(`${date}Z`) })),
    selectKey((flight) => flight.origin),
  ).to(flights),

  flights.pipe(
    join(airports, (flight, airport) => ({ city: airport.city, delay: flight.delay })),
    groupByKey(),
    aggregateAll(
      { city: max((f) => f.city), flights: count(), meanDelay: mean((f) => f.delay), worst: max((f) => f.delay) },
      { as: 'delays-by-airport' },
    ),
    toStream(),
  ).to(delays),

  flights.pipe(
    groupByKey(), window(tumbling('1 day', { grace: '1 day' })), count({ as: 'flights-per-day' }), toStream(),
  ).to(perDay),

  delays.pipe(view(consoleTable({
    title: 'The ten busiest airports, January to March 2001',
    columns: [
      { header: 'airport', value: (_delay, iata) => iata },
      { header: 'city', value: (delay) => delay.city },
      { header: 'flights', value: (delay) => delay.flights },
      { header: 'mean delay', value: (delay) => delay.meanDelay, format: (minutes) => `${minutes.toFixed(4)} min` },
      { header: 'worst', value: (delay) => delay.worst, format: (minutes) => `${minutes} min` },
    ],
    sortBy: (delay) => delay.flights, descending: true, limit: 10,
  }))),
], { guarantee: 'exactlyOnce' });
