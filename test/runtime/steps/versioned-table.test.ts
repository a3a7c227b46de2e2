import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../core/schema/primitive.ts';
import { compile, deadLetter, job, join, leftJoin, table, topic, toStream, toTable } from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';
import { startRig } from './restart-rig.ts';

const stream = topic('stream', utf8);
const rows = table('rows', utf8, { versioned: 20 });
const out = topic('out', utf8);
const asOf = job('j', [stream.pipe(leftJoin(rows, (value, row) => `${value}+${row}`)).to(out)]);

describe('a versioned table', () => {
  test('shows its newest row, whatever comes out of order', () => {
    const driver = createDriver(job('j', [rows.pipe(toStream()).to(out)]));
    const rowsIn = driver.in(rows);
    for (const [value, timestampMs] of [
      ['a', 10],
      ['b', 30],
      ['c', 20],
      [null, 30],
      ['late', 9],
    ] as const) {
      rowsIn.send('k', value, { timestampMs });
    }
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value, timestampMs }) => [value, timestampMs]),
    ).toEqual([
      ['a', 10],
      ['b', 30],
      [null, 30],
    ]);
    expect(driver.store('rows').entries()).toEqual([]);
    expect(driver.store('rows').get('k')).toBeUndefined();
    expect(driver.metrics.dropped.late).toBe(1);
  });

  test('a record meets the row of its own time, as far back as the history goes', () => {
    const driver = createDriver(asOf);
    for (const [value, timestampMs] of [
      ['a', 10],
      ['b', 20],
      ['c', 40],
    ] as const) {
      driver.in(rows).send('k', value, { timestampMs });
    }
    for (const timestampMs of [50, 39, 20, 19, 5]) driver.in(stream).send('k', String(timestampMs), { timestampMs });
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual(['50+c', '39+b', '20+b', '19+null', '5+null']);
  });

  test('answers as a plain list of all its updates, restarts or not', async () => {
    const step = fc.record({
      topic: fc.constantFrom('stream', 'rows', 'rows'),
      key: fc.constantFrom('a', 'b'),
      deletes: fc.boolean(),
      ahead: fc.integer({ min: -30, max: 10 }),
      restart: fc.nat(9),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('database' as const, 'changelog' as const),
        fc.array(step, { maxLength: 50 }),
        async (comeback, steps) => {
          const rig = await startRig(asOf, comeback);
          const updates: { key: string; value: string | null; ts: number }[] = [];
          let latest = 40;
          let now = -1;
          for (const [i, { topic: name, key, deletes, ahead, restart }] of steps.entries()) {
            if (restart === 0) await rig.restart();
            const ts = Math.max(0, latest + ahead);
            latest = Math.max(latest, ts);
            const value = name === 'rows' && deletes ? null : `v${i}`;
            rig.send(name, key, value, ts);
            if (name === 'rows') {
              now = Math.max(now, ts);
              if (ts >= now - 20) updates.push({ key, value, ts });
              continue;
            }
            const known = updates.filter((update) => update.key === key).sort((a, b) => a.ts - b.ts);
            const newest = known.at(-1);
            const valid =
              newest !== undefined && newest.ts > ts && ts < now - 20
                ? undefined
                : known.findLast((update) => update.ts <= ts);
            expect(rig.take()).toEqual([`${key}=${value}+${valid?.value ?? null}@${ts}`]);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('a join with a versioned table and a grace', () => {
  const joined = stream.pipe(join(rows, (value, row) => `${value}+${row}`, { as: 'wait', grace: 5, waiting: utf8 }));

  test('waits for rows that come late, over a restart too', async () => {
    for (const comeback of ['database', 'changelog'] as const) {
      const rig = await startRig(job('j', [joined.to(out)]), comeback);
      rig.send('rows', 'k', 'a', 1);
      rig.send('stream', 'k', '1', 10);
      await rig.restart();
      rig.send('rows', 'k', 'b', 9);
      rig.send('stream', 'k', '2', 14);
      expect(rig.take()).toEqual([]);
      await rig.restart();
      rig.send('stream', 'other', '3', 15);
      expect(rig.take()).toEqual(['k=1+b@10']);
      await rig.restart();
      rig.send('stream', 'k', 'late', 8);
      rig.send('stream', 'x', '4', 40);
      expect(rig.take()).toEqual(['k=late+a@8', 'k=2+b@14']);
    }
  });

  test('a longer grace lets what came late before wait too', async () => {
    const program = (grace: number) =>
      job('j', [
        stream.pipe(join(rows, (value, row) => `${value}+${row}`, { as: 'wait', grace, waiting: utf8 })).to(out),
      ]);
    const rig = await startRig(program(2), 'database');
    rig.send('rows', 'k', 'a', 1);
    rig.send('stream', 'k', '1', 10);
    rig.send('stream', 'k', '2', 16);
    expect(rig.take()).toEqual(['k=1+a@10']);
    await rig.restart(program(15));
    rig.send('stream', 'k', '3', 9);
    rig.send('stream', 'k', '4', 40);
    expect(rig.take()).toEqual(['k=3+a@9', 'k=2+a@16']);
  });

  test('the end of bounded inputs lets go of what waits, once', async () => {
    for (const comeback of ['database', 'changelog'] as const) {
      const rig = await startRig(job('j', [joined.to(out)]), comeback);
      rig.send('rows', 'k', 'a', 1);
      rig.send('stream', 'k', '1', 10);
      rig.send('stream', 'k', '2', 8);
      await rig.restart();
      await rig.closeWindows();
      expect(rig.take()).toEqual(['k=2+a@8', 'k=1+a@10']);
      await rig.restart();
      await rig.closeWindows();
      expect(rig.take()).toEqual([]);
    }
  });

  test('with idle the wall clock lets go of it', () => {
    const idling = { as: 'wait', grace: '5 seconds', idle: '30 seconds', waiting: utf8 } as const;
    const history = table('history', utf8, { versioned: '1 minute' });
    const waiting = stream.pipe(join(history, (value, row) => `${value}+${row}`, idling));
    const driver = createDriver(job('j', [waiting.to(out)]));
    driver.in(history).send('k', 'a', { timestampMs: 1 });
    driver.in(stream).send('k', '1', { timestampMs: 10_000 });
    driver.advanceWallClock('1 second');
    driver.advanceWallClock('29 seconds');
    expect(driver.out(out).readAll()).toEqual([]);
    driver.advanceWallClock('1 second');
    expect(driver.out(out).readAll()).toEqual([{ key: 'k', value: '1+a', timestampMs: 10_000 }]);
    expect(() => stream.pipe(join(history, (value) => value, { idle: '1 second' }))).toThrow('give a grace too');
  });

  test('a record that fails when its time has come is its own dead letter', () => {
    const failing = stream.pipe(
      join(
        rows,
        (value): string => {
          throw new Error(value);
        },
        { as: 'wait', grace: 5 },
      ),
    );
    const driver = createDriver(job('j', [failing.to(out)], { onError: deadLetter('dead') }));
    driver.in(rows).send('k', 'a', { timestampMs: 1 });
    driver.in(stream).send('k', 'first', { timestampMs: 2, headers: [['h', utf8.encode('x')]] });
    driver.in(stream).send('k', 'second', { timestampMs: 7 });
    const [letter] = driver.out('dead').readAll();
    expect(utf8.decode(letter!.value!)).toBe('first');
    expect(letter!.headers!.map(([name, value]) => [name, utf8.decode(value!)])).toEqual(
      expect.arrayContaining([
        ['h', 'x'],
        ['millrace.error.offset', '0'],
        ['millrace.error.topic', 'stream'],
      ]),
    );
  });

  test('needs a table that still has the row', () => {
    const plain = table('plain', utf8);
    const unkept = stream.pipe(join(plain, (value) => value, { grace: 5 }));
    expect(() => compile(job('j', [unkept.to(out)]))).toThrow("records wait 5 ms for 'plain', which keeps no history");
    const short = stream.pipe(join(rows, (value) => value, { grace: 21 }));
    expect(() => compile(job('j', [short.to(out)]))).toThrow("'rows', which keeps 20 ms of history");
  });
});

test('a stream read as a table may keep its history too, over a restart', async () => {
  const changes = topic('changes', utf8);
  const kept = changes.pipe(toTable({ as: 'kept', value: utf8, versioned: 20 }));
  const looked = job('j', [stream.pipe(join(kept, (value, row) => `${value}+${row}`)).to(out)]);
  for (const comeback of ['database', 'changelog'] as const) {
    const rig = await startRig(looked, comeback);
    rig.send('changes', 'k', 'a', 1);
    rig.send('changes', 'k', 'c', 9);
    await rig.restart();
    rig.send('changes', 'k', 'b', 5);
    for (const at of [2, 6, 9]) rig.send('stream', 'k', 'x', at);
    expect(rig.take()).toEqual(['k=x+a@2', 'k=x+b@6', 'k=x+c@9']);
  }
});
