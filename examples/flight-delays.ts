// Flights and airports from CSV files, through the log: joined, counted per airport and per day, and shown.
// Run it with `npm start`. The data: examples/data/README.md.
// biome-ignore format: a line a name would be a third of the example
import {
  aggregateAll, count, groupByKey, job, join, json, map, max, mean, safeInt64, selectKey, source, table, topic, toStream,
  tumbling, utf8, view, window, windowedKey,
} from 'millrace';
import { consoleTable } from 'millrace/connectors/console';
import { csvFile } from 'millrace/connectors/files';

type Flight = { readonly origin: string; readonly delay: number; readonly atMs: number };
type Delays = { readonly city: string; readonly flights: number; readonly meanDelay: number; readonly worst: number };
const kept = { partitions: 4, retention: 'forever' } as const; // the flights are of 2001: by time, they would go at once
const airports = table('airports', json<{ iata: string; city: string }>(), kept);
const flights = topic('flights', json<Flight>(), { ...kept, timestamp: (flight) => flight.atMs });
const delays = topic('delays', json<Delays>(), kept);
const perDay = topic('flights-per-day', safeInt64, { ...kept, key: windowedKey(utf8, '1 day') });

const airportsFile = csvFile(new URL('data/airports.csv', import.meta.url), { columns: ['iata', 'city'] });
const flightsFile = csvFile(new URL('data/flights.csv', import.meta.url), { columns: ['date', 'delay', 'origin'] });
const readAirports = source(airportsFile)
  .pipe(selectKey((airport) => airport.iata))
  .to(airports);

const readFlights = source(flightsFile)
  .pipe(
    map((row) => ({ origin: row.origin, delay: Number(row.delay), atMs: Date.parse(`${row.date}Z`) })),
    selectKey((flight) => flight.origin),
  )
  .to(flights);

const countPerAirport = flights
  .pipe(
    join(airports, (flight, airport) => ({ city: airport.city, delay: flight.delay })),
    groupByKey(),
    aggregateAll(
      { city: max((f) => f.city), flights: count(), meanDelay: mean((f) => f.delay), worst: max((f) => f.delay) },
      { as: 'delays-by-airport' },
    ),
    toStream(),
  )
  .to(delays);

const countPerDay = flights
  .pipe(groupByKey(), window(tumbling('1 day', { grace: '1 day' })), count({ as: 'flights-per-day' }), toStream())
  .to(perDay);

// biome-ignore format: a row a column
const busiest = consoleTable<string, Delays>({
  title: 'The ten busiest airports, January to March 2001',
  columns: {
    airport: (_, iata) => iata, city: (row) => row.city, flights: (row) => row.flights,
    'mean delay': (row) => row.meanDelay.toFixed(4), worst: (row) => row.worst,
  },
  sortBy: (row) => row.flights, descending: true, limit: 10,
});

const outputs = [readAirports, readFlights, countPerAirport, countPerDay, delays.pipe(view(busiest))];
export default job('flight-delays', outputs, { guarantee: 'exactlyOnce' });
