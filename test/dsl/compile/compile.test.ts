import { pairwise } from 'rxjs';
import { expect, test } from 'vitest';
import { TopologyError } from '../../../dsl/compile/topology-error.ts';
import {
  aggregateAll,
  compile,
  count,
  describe,
  filter,
  float64,
  groupBy,
  groupByKey,
  int64,
  job,
  join,
  json,
  leftJoin,
  map,
  max,
  mean,
  merge,
  reduce,
  rx,
  safeInt64,
  selectKey,
  sink,
  source,
  split,
  table,
  topic,
  toStream,
  toTable,
  tumbling,
  utf8,
  view,
  window,
  windowedKey,
} from '../../../dsl/index.ts';
import { sinkNamed, sourceNamed, viewNamed } from '../support.ts';

interface Flight {
  readonly origin: string;
  readonly delay: number;
}

const flights = topic('flights', json<Flight>(), { partitions: 4 });
const airports = table('airports', json<{ iata: string; city: string }>(), { partitions: 4 });
const delays = topic('delays', json<{ flights: number; meanDelay: number; worst: number }>(), { partitions: 4 });
const daily = topic('daily', safeInt64, { key: windowedKey(utf8, 86_400_000) });

const flightDelays = job('flight-delays', [
  source(sourceNamed<{ iata: string; city: string }>('csv:airports.csv'))
    .pipe(selectKey((a) => a.iata))
    .to(airports),
  source(sourceNamed<Flight>('csv:flights.csv'))
    .pipe(selectKey((flight) => flight.origin))
    .to(flights),
  flights
    .pipe(
      join(airports, (flight, airport) => ({ ...flight, city: airport.city })),
      groupByKey(),
      aggregateAll(
        { flights: count(), meanDelay: mean((f) => f.delay), worst: max((f) => f.delay) },
        { as: 'delays-by-airport' },
      ),
      toStream(),
    )
    .to(delays),
  flights
    .pipe(groupByKey(), window(tumbling('1 day', { grace: '0 seconds' })), count({ as: 'daily' }), toStream())
    .to(daily),
  delays.pipe(view(viewNamed<string, { flights: number }>('busiest airports'))),
]);

test('the flights program compiles to three sub-topologies, its table read first', () => {
  expect(describe(compile(flightDelays, { environment: 'production' }))).toMatchInlineSnapshot(`
    "Job flight-delays: atLeastOnce, ends by itself

    Sub-topology 0
      reads
        source csv:airports.csv, bounded
      steps
        csv:airports.csv → selectKey → to airports

    Sub-topology 1
      reads
        source csv:flights.csv, bounded
      steps
        csv:flights.csv → selectKey → to flights

    Sub-topology 2 (after 0, 1)
      reads
        topic flights
        table airports, to its end before the others
      steps
        flights
        airports → table airports
        flights → join airports → aggregateAll delays-by-airport → toStream → to delays
        flights → count daily → toStream 2 → to daily
      keeps
        store airports: utf8 → json, changelog airports, the topic itself
        store delays-by-airport: utf8 → structured, changelog flight-delays-delays-by-airport-changelog
        store of tumbling windows (86400000 ms, grace 0 ms) daily: utf8 → safeInt64, changelog flight-delays-daily-changelog

    Topics
      airports: utf8 → json, 4 partitions, cleanup.policy=compact
      flights: utf8 → json, 4 partitions
      delays: utf8 → json, 4 partitions
      daily: windowed utf8 → safeInt64

    Internal topics
      flight-delays-delays-by-airport-changelog, cleanup.policy=compact
      flight-delays-daily-changelog, cleanup.policy=compact,delete, retention.ms=172800000
      flight-delays-source-offsets, cleanup.policy=compact

    Views
      busiest airports of delays"
  `);
});

test('compiling twice gives the same topology', () => {
  expect(describe(compile(flightDelays))).toBe(describe(compile(flightDelays)));
});

test('a stream straight from a topic is grouped without a repartition; a rekeyed one is cut', () => {
  const straight = compile(
    job('j', [
      flights.pipe(
        map((f) => f.delay),
        groupByKey(),
        count(),
      ),
    ]),
  );
  expect(straight.internalTopics.map(({ purpose }) => purpose)).toEqual(['changelog']);
  const rekeyed = compile(
    job('j', [
      flights.pipe(
        groupBy((f) => f.origin),
        count({ as: 'n' }),
      ),
    ]),
  );
  expect(rekeyed.internalTopics).toEqual([
    {
      name: 'j-n-repartition',
      purpose: 'repartition',
      subTopology: 1,
      config: { 'cleanup.policy': 'delete', 'retention.ms': '-1' },
    },
    { name: 'j-n-changelog', purpose: 'changelog', subTopology: 1, config: { 'cleanup.policy': 'compact' } },
  ]);
  expect(rekeyed.subTopologies.map(({ upstream }) => upstream)).toEqual([[], [0]]);
});

test('a stream that was rekeyed once is repartitioned once, however often it is used (C8)', () => {
  const byOrigin = flights.pipe(selectKey((flight) => flight.origin));
  const topology = compile(
    job('twice', [
      byOrigin.pipe(join(airports, (flight, { city }) => ({ flight, city }))).to(topic('a', json<unknown>())),
      byOrigin.pipe(leftJoin(airports, (flight, airport) => ({ flight, airport }))).to(topic('b', json<unknown>())),
      byOrigin.pipe(groupByKey(), count({ as: 'per-origin' })),
    ]),
  );
  expect(topology.internalTopics.map(({ name }) => name)).toEqual([
    'twice-per-origin-repartition',
    'twice-per-origin-changelog',
  ]);
  expect(topology.subTopologies).toHaveLength(2);
});

test('groupBy() twice by one function is one repartition', () => {
  const origin = (flight: Flight) => flight.origin;
  const topology = compile(
    job('j', [
      flights.pipe(groupBy(origin), count({ as: 'all' })),
      flights.pipe(groupBy(origin), window(tumbling('1 day', { grace: 0 })), count({ as: 'per-day' })),
    ]),
  );
  expect(topology.internalTopics.filter(({ purpose }) => purpose === 'repartition').map(({ name }) => name)).toEqual([
    'j-all-repartition',
  ]);
});

test('behind a join or an aggregation the keys are together again', () => {
  const topology = compile(
    job('j', [
      flights.pipe(
        selectKey((f) => f.origin),
        leftJoin(airports, (f) => f),
        groupByKey(),
        count({ as: 'a' }),
        toStream(),
        groupByKey(),
        reduce((a, b) => a + b, { as: 'b' }),
      ),
    ]),
  );
  expect(topology.internalTopics.map(({ name }) => name)).toEqual([
    'j-flights-selectKey-repartition',
    'j-a-changelog',
    'j-b-changelog',
  ]);
});

test('windows go from the changelog when they can not change any more, a day later', () => {
  const spec = tumbling('1 hour', { grace: '10 minutes' });
  const [changelog] = compile(job('j', [flights.pipe(groupByKey(), window(spec), count({ as: 'n' }))])).internalTopics;
  expect(changelog?.config).toEqual({
    'cleanup.policy': 'compact,delete',
    'retention.ms': String(3_600_000 + 600_000 + 86_400_000),
  });
});

test('a table read from a topic is its own changelog; others have one', () => {
  const topology = compile(
    job('j', [airports, flights.pipe(toTable({ as: 'latest' })), flights.pipe(groupByKey(), count({ as: 'n' }))]),
  );
  const stores = topology.subTopologies.flatMap((sub) => sub.stores);
  expect(stores.map(({ name, changelog, ownChangelog }) => [name, changelog, ownChangelog])).toEqual([
    ['airports', 'airports', false],
    ['latest', 'j-latest-changelog', true],
    ['n', 'j-n-changelog', true],
  ]);
  expect(stores.map(({ key, value }) => [key.name, value.name])).toEqual([
    [utf8.name, json().name],
    [utf8.name, 'structured'],
    [utf8.name, safeInt64.name],
  ]);
});

test('keys are written as the program says, on the way to the store and in it', () => {
  const [, sub] = compile(
    job('j', [
      flights.pipe(
        selectKey((f) => f.delay, { key: float64 }),
        groupByKey(),
        count({ as: 'n' }),
      ),
    ]),
  ).subTopologies;
  const [input] = sub!.inputs;
  expect(input?.kind === 'topic' && input.topic.key).toBe(float64);
  expect(sub!.stores[0]!.key).toBe(float64);
});

test('only a table that bounded sources of the job fill is read first', () => {
  const bootstraps = (bounded: boolean) => {
    const { subTopologies } = compile(
      job('j', [
        source(sourceNamed<{ iata: string; city: string }>('s', { bounded }))
          .pipe(selectKey((a) => a.iata))
          .to(airports),
        flights.pipe(join(airports, (f) => f)).to(topic('out', json<Flight>())),
      ]),
    );
    return subTopologies.flatMap(({ inputs }) => inputs.map((input) => input.kind === 'topic' && input.bootstrap));
  };
  expect(bootstraps(true)).toEqual([false, false, true]);
  expect(bootstraps(false)).toEqual([false, false, false]);
});

test('a table that nobody here fills, or its own sub-topology does, is not read first', () => {
  const load = source(sourceNamed<Flight>('s')).pipe(selectKey((f) => f.origin));
  const late = table('late', json<Flight>(), { partitions: 4 });
  const { subTopologies } = compile(
    job('j', [
      load.to(flights),
      flights.pipe(filter((f) => f.delay > 0)).to(late),
      flights
        .pipe(
          leftJoin(late, (f) => f),
          join(airports, (f) => f),
        )
        .to(topic('out', json<Flight>())),
    ]),
  );
  expect(
    subTopologies.flatMap(({ inputs }) =>
      inputs.map((input) => input.kind === 'topic' && [input.topic.name, input.bootstrap]),
    ),
  ).toEqual([false, ['flights', false], ['late', false], ['airports', false]]);
});

test('a job ends by itself when its sources do and nobody else writes what it reads', () => {
  const copy = (bounded: boolean) =>
    source(sourceNamed<Flight>(`s ${bounded}`, { bounded }))
      .pipe(selectKey((f) => f.origin))
      .to(flights);
  const out = topic('out', json<Flight>());
  expect(compile(flightDelays).bounded).toBe(true);
  expect(compile(job('j', [copy(true), flights.to(out)])).bounded).toBe(true);
  expect(compile(job('j', [copy(true), copy(false)])).bounded).toBe(false);
  expect(compile(job('j', [flights.to(out)])).bounded).toBe(false);
  expect(compile(job('j', [copy(true), out.to(topic('other', json<Flight>()))])).bounded).toBe(false);
});

test('a topic is read by one sub-topology and a connector opened once, however often they are used', () => {
  const connector = sourceNamed<Flight>('s');
  const { subTopologies } = compile(
    job('j', [
      source(connector).pipe(
        filter((f) => f.delay > 0),
        sink(sinkNamed('late')),
      ),
      source(connector).pipe(
        filter((f) => f.delay <= 0),
        sink(sinkNamed('early')),
      ),
      flights.pipe(groupByKey(), count({ as: 'n' })),
      topic('flights', json<Flight>(), { partitions: 4 }).pipe(sink(sinkNamed('all'))),
    ]),
  );
  expect(subTopologies.map(({ inputs }) => inputs.length)).toEqual([1, 1]);
});

test('the branches of a split hang on one step, and only those that are used', () => {
  const { late, rest } = flights.pipe(split({ late: (f) => f.delay > 0, early: (f) => f.delay < 0 }));
  const { subTopologies } = compile(job('j', [late.pipe(sink(sinkNamed('l'))), rest.pipe(sink(sinkNamed('r')))]));
  expect(
    subTopologies[0]!.steps.map((step) => [step.id, step.name, step.parents, step.kind === 'branch' && step.index]),
  ).toMatchInlineSnapshot(`
    [
      [
        0,
        "flights",
        [],
        false,
      ],
      [
        1,
        "drop tombstones",
        [
          0,
        ],
        false,
      ],
      [
        2,
        "split",
        [
          1,
        ],
        false,
      ],
      [
        3,
        "branch late",
        [
          2,
        ],
        0,
      ],
      [
        4,
        "to l",
        [
          3,
        ],
        false,
      ],
      [
        5,
        "branch rest",
        [
          2,
        ],
        2,
      ],
      [
        6,
        "to r",
        [
          5,
        ],
        false,
      ],
    ]
  `);
});

test('null values are dropped before functions of the program, and nowhere else', () => {
  const { subTopologies } = compile(
    job('j', [
      flights.to(topic('copy', json<Flight>())),
      flights.pipe(toTable({ as: 'latest' })),
      flights.pipe(map((f) => f.delay)).to(topic('delays', float64)),
      flights.pipe(filter((f) => f.delay > 0)).to(topic('late', json<Flight>())),
    ]),
  );
  expect(subTopologies[0]!.steps.map(({ name, parents }) => [name, ...parents])).toEqual([
    ['flights'],
    ['to copy', 0],
    ['table latest', 0],
    ['drop tombstones', 0],
    ['map', 3],
    ['to delays', 4],
    ['filter', 3],
    ['to late', 6],
  ]);
  const passing = topic('flights', json<Flight>(), { tombstones: 'pass' });
  const { subTopologies: passed } = compile(
    job('j', [passing.pipe(map((f) => f?.delay ?? 0)).to(topic('d', float64))]),
  );
  expect(passed[0]!.steps.map(({ name }) => name)).toEqual(['flights', 'map', 'to d']);
});

test('a merge with a rekeyed stream is rekeyed, and reads all its topics in one sub-topology', () => {
  const other = topic('other', json<Flight>(), { partitions: 4 });
  const { internalTopics, subTopologies } = compile(
    job('j', [flights.pipe(merge(other.pipe(selectKey((f) => f.origin))), groupByKey(), count({ as: 'n' }))]),
  );
  expect(internalTopics.map(({ name }) => name)).toEqual(['j-n-repartition', 'j-n-changelog']);
  expect(subTopologies[0]!.inputs).toHaveLength(2);
});

test('windowed results are grouped where they are, and repartitioned before they are joined', () => {
  const perDay = flights.pipe(groupByKey(), window(tumbling('1 day', { grace: 0 })), count({ as: 'n' }), toStream());
  const limits = table('limits', json<number>(), { key: windowedKey(utf8, 86_400_000) });
  expect(compile(job('j', [perDay.pipe(groupByKey(), count({ as: 'm' }))])).subTopologies).toHaveLength(1);
  expect(
    compile(
      job('j', [
        perDay
          .pipe(join(limits, (n, max) => n > max))
          .to(topic('o', json<boolean>(), { key: windowedKey(utf8, 86_400_000) })),
      ]),
    ).subTopologies,
  ).toHaveLength(2);
});

test('a table is an output by itself, to be queried', () => {
  const { subTopologies } = compile(job('j', [airports]));
  expect(subTopologies[0]!.steps.map(({ kind }) => kind)).toEqual(['input', 'tableSource']);
});

test('all issues are reported at once, each with its place', () => {
  const bySize = table('sizes', json<number>(), { partitions: 6, key: int64 });
  const program = job(
    'bad name',
    [
      flights.pipe(groupByKey(), count({ as: 'twice' })),
      flights.pipe(
        filter((f) => f.delay > 0),
        groupByKey(),
        count({ as: 'twice' }),
      ),
      flights.pipe(
        groupByKey(),
        reduce((a) => a),
      ),
      flights.pipe(rx(pairwise()), sink(sinkNamed('mail', 'repeats'))),
      source(sourceNamed<Flight>('clicks', { replayable: false }))
        .pipe(selectKey((f) => f.origin))
        .to(flights),
      // As a program in JavaScript could say it.
      flights.pipe(join(bySize as never, (f: Flight) => f)).to(flights),
      topic('flights', json<Flight>(), { partitions: 8 }).to(topic('out', json<Flight>())),
    ],
    { guarantee: 'exactlyOnce', names: 'required' },
  );
  let error: unknown;
  try {
    compile(program);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(TopologyError);
  expect((error as TopologyError).message).toMatchInlineSnapshot(`
    "job 'bad name' can't run; 10 things to correct:
      BAD_NAME at job 'bad name': the name may have letters, digits, '.', '_' and '-' only
      DUPLICATE_STORE at flights → filter → groupByKey → count: its store 'twice' is that of flights → groupByKey → count too; choose another name with { as }
      UNNAMED_STORE at flights → groupByKey → reduce: its state has no name, and a derived one is lost when the program changes; write reduce(…, { as: 'flights-reduce' })
      RX_UNDER_EXACTLY_ONCE at flights → rx: what rx() keeps is lost at a restart, so exactlyOnce refuses it; write rx.stateless(…) if the operators keep nothing
      SINK_REPEATS at flights → rx → mail: the sink may write a record again after a crash, so exactlyOnce refuses it; run atLeastOnce, or choose an idempotent sink
      SOURCE_NOT_REPLAYABLE at clicks: the source can't give its records again, so exactlyOnce refuses it; run atLeastOnce, or choose a replayable source
      TOPIC_TWICE at flights: it is declared twice with different settings; declare it once and use that constant
      NOT_CO_PARTITIONED at flights → join: 'flights' has 4 partitions and 'sizes' 6; give both the same number, or put selectKey() before, which repartitions
      NOT_CO_PARTITIONED at flights → join: keys are written as utf8 on one side (flights) and as int64 on the other (sizes), so equal keys are in different partitions; give selectKey() the other side's serde with { key }
      CYCLE at flights → join → to flights: 'flights' is written from what is read from it, so records would go round for ever; write to another topic"
  `);
});
