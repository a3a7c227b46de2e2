// Windows behind a foreign join, end to end on the embedded log: they close once both sides have told each other all.
import { generate } from 'millrace/connectors/generate';
import { connect, runJob } from 'millrace/run';
import { consume } from 'millrace/rx';
import { expect, test } from 'vitest';
import {
  filterRows,
  foreignJoin,
  groupByKey,
  job,
  map,
  mapRows,
  reduce,
  selectKey,
  source,
  table,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
  windowedKey,
} from '../../../dsl/index.ts';
import { tempFolder } from '../../support/millrace.ts';

const orders = 60;
const rooms = 7;
const spec = tumbling('1 hour', { grace: 0 });
const partitions = { partitions: 3, timestamp: () => 1_000 };

test('the last windows of what a foreign join gives are whole', async () => {
  await using folder = await tempFolder();
  const finals = topic('finals', utf8, { partitions: 3, key: windowedKey(utf8, spec) });
  const orderTable = table('orders', utf8, partitions);
  const roomTable = table('rooms', utf8, partitions);
  const program = job(
    'combined',
    [
      source(generate({ name: 'orders-made', value: (n) => n, count: orders }))
        .pipe(
          selectKey((n) => `order ${n}`),
          map((n) => `room ${n % rooms}`),
        )
        .to(orderTable),
      source(generate({ name: 'rooms-made', value: (n) => `room ${n}`, count: rooms }))
        .pipe(selectKey((room) => room))
        .to(roomTable),
      orderTable
        .pipe(
          foreignJoin(
            roomTable.pipe(
              filterRows((room) => room !== 'room 0'),
              mapRows((room) => room.toUpperCase()),
            ),
            (order) => order,
            (order, room) => `${order} is ${room}`,
            { as: 'placed', value: utf8 },
          ),
          toStream(),
          groupByKey(),
          window(spec, { emit: 'windowCloses' }),
          reduce((_, last) => last, { as: 'last', value: utf8 }),
          toStream(),
        )
        .to(finals),
    ],
    { guarantee: 'exactlyOnce' },
  );
  await (await runJob(program, { data: folder.data })).done;
  await using connection = await connect({ data: folder.data });
  const found: string[] = [];
  for await (const { key, value } of consume(connection.client, finals, { until: 'end' })) {
    found.push(`${key?.key}: ${value}`);
  }
  const wanted = Array.from({ length: orders }, (_, n) => n)
    .filter((n) => n % rooms !== 0)
    .map((n) => `order ${n}: room ${n % rooms} is ROOM ${n % rooms}`);
  expect(found.sort()).toEqual(wanted.sort());
});
