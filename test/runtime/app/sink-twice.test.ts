// One sink at two places of a program.
import { generate } from 'millrace/connectors/generate';
import { runJob } from 'millrace/run';
import { expect, test } from 'vitest';
import { filter, job, type SinkConnector, sink, source } from '../../../dsl/index.ts';
import { tempFolder } from '../../support/millrace.ts';

test('a sink at two places of a program is opened once, called one call at a time, and closed', async () => {
  await using folder = await tempFolder();
  let [opened, closed, calls, callsMax] = [0, 0, 0, 0];
  const written: number[] = [];
  const out: SinkConnector<null, number> = {
    name: 'out',
    delivery: 'idempotent',
    async open() {
      opened += 1;
      return {
        async write(records) {
          callsMax = Math.max(callsMax, ++calls);
          await new Promise((resolve) => setTimeout(resolve, 5));
          written.push(...records.map(({ value }) => value));
          calls -= 1;
        },
        async flush() {
          callsMax = Math.max(callsMax, ++calls);
          await new Promise((resolve) => setTimeout(resolve, 5));
          calls -= 1;
        },
        async close() {
          closed += 1;
        },
      };
    },
  };
  const numbers = source(generate({ value: (n) => n, count: 100 }));
  const even = numbers.pipe(filter((n) => n % 2 === 0));
  const odd = numbers.pipe(filter((n) => n % 2 === 1));
  const program = job('twice', [even.pipe(sink(out)), odd.pipe(sink(out))]);
  await (await runJob(program, { data: folder.data })).done;
  expect(written.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  expect({ opened, closed, callsMax }).toEqual({ opened: 1, closed: 1, callsMax: 1 });
});
