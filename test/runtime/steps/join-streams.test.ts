import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../core/schema/primitive.ts';
import { job, join, leftJoin, outerJoin, topic, within } from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';
import { type Sent, startRig } from './restart-rig.ts';

const left = topic('left', utf8, { tombstones: 'pass' });
const right = topic('right', utf8, { tombstones: 'pass' });
const out = topic('out', utf8);
const options = { as: 'j', left: utf8, right: utf8 };
const joiner = (l: string | null, r: string | null) => `${l}+${r}`;

type Kind = 'inner' | 'left' | 'outer';

function program(kind: Kind, before: number, after: number, grace: number) {
  const near = within({ before, after, grace });
  const joined = {
    inner: () => left.pipe(join(right, near, (l, r) => joiner(l, r), options)),
    left: () => left.pipe(leftJoin(right, near, (l, r) => joiner(l, r), options)),
    outer: () => left.pipe(outerJoin(right, near, (l, r) => joiner(l, r), options)),
  }[kind]();
  return job('j', [joined.to(out)]);
}

function drive(kind: Kind, [before, after, grace]: readonly [number, number, number]) {
  const driver = createDriver(program(kind, before, after, grace));
  const sides = { l: driver.in(left), r: driver.in(right) };
  return {
    driver,
    /** 'l k=v@5' */
    send(...records: readonly string[]): string[] {
      for (const record of records) {
        const [, side, key, value, at] = /^([lr]) (\w*)=(\w+)@(\d+)$/.exec(record)!;
        sides[side as 'l' | 'r'].send(key === '' ? null : key!, value === 'null' ? null : value!, {
          timestampMs: Number(at),
        });
      }
      return driver
        .out('out')
        .readAll()
        .map(({ key, value, timestampMs }) => {
          const shown = (bytes: Uint8Array | null) => (bytes === null ? '' : utf8.decode(bytes));
          return `${shown(key)}=${shown(value)}@${timestampMs}`;
        });
    },
  };
}

describe('joinStreams', () => {
  test('draws as pictures', () => {
    const driver = createDriver(program('left', 2, 2, 0));
    driver.in(left).marbles('a--b', { a: ['k', 'a'], b: ['k', 'b'] });
    driver.in(right).marbles('-----c---d', { c: ['k', 'c'], d: ['k', 'd'] });
    const legend = { x: ['k', 'a+null'], y: ['k', 'b+c'] } as const;
    expect(driver.out(out).toMarbles(legend)).toBe('x----y');
  });

  test('what matched never comes with null too (C1)', () => {
    const { send } = drive('left', [100, 100, 0]);
    expect(send('l k=L@0')).toEqual([]);
    expect(send('r k=R@50', 'r x=later@1000')).toEqual(['k=L+R@50']);
  });

  test('unmatched rows come when any record of either side moves time past them, and before its own results (C2)', () => {
    const { send } = drive('outer', [10, 10, 5]);
    expect(send('l a=1@0', 'r b=2@0')).toEqual([]);
    expect(send('r c=x@15')).toEqual([]);
    expect(send('l c=3@16')).toEqual(['b=null+2@0', 'a=1+null@0', 'c=3+x@16']);
  });

  test('each side waits as long as its own side of the window (C3)', () => {
    const { send } = drive('outer', [5, 20, 0]);
    expect(send('l a=A@30', 'r b=B@30', 'r t=_@35')).toEqual([]);
    expect(send('r t=_@36')).toEqual(['b=null+B@30']);
    expect(send('r t=_@50')).toEqual(['t=null+_@35', 't=null+_@36']);
    expect(send('r t=_@51')).toEqual(['a=A+null@30']);
  });

  test('a record that comes after its window has closed, and meets nothing, is dropped and counted (C4)', () => {
    const { send, driver } = drive('left', [10, 10, 0]);
    expect(send('r z=z@1000', 'l k=L@5', 'l k=M@989')).toEqual([]);
    expect(driver.metrics.dropped.late).toBe(2);
    expect(send('l k=N@990', 'r t=_@1001')).toEqual(['k=N+null@990']);
  });

  test('what came out unmatched meets nothing any more', () => {
    const { send } = drive('outer', [10, 10, 0]);
    expect(send('l k=L@0', 'r t=_@11')).toEqual(['k=L+null@0']);
    expect(send('r k=R@10')).toEqual([]);
    expect(send('r t=_@30')).toEqual(['k=null+R@10', 't=null+_@11']);
  });

  test('keeps several records of one key and time', () => {
    const { send } = drive('inner', [0, 0, 0]);
    expect(send('l k=1@5', 'l k=2@5', 'l k=1@5', 'r k=R@5')).toEqual(['k=1+R@5', 'k=2+R@5', 'k=1+R@5']);
  });

  test('drops and counts null values, and null keys where they can meet nothing', () => {
    const inner = drive('inner', [10, 10, 0]);
    expect(inner.send('l k=null@1', 'r =R@1', 'l =L@1')).toEqual([]);
    expect(inner.driver.metrics.dropped).toMatchObject({ nullKey: 2, nullValue: 1 });
    const outer = drive('outer', [10, 10, 0]);
    expect(outer.send('r =R@1', 'l =L@1')).toEqual(['=null+R@1', '=L+null@1']);
  });

  test('many rows of one key are kept in parts, and come in the order of time', () => {
    const { send } = drive('inner', [1000, 1000, 1000]);
    const times = Array.from({ length: 500 }, (_, i) => (i * 37) % 499);
    expect(send(...times.map((at, i) => `l k=v${i}@${at}`))).toEqual([]);
    const got = send('r k=R@499').map((line) => Number(/v(\d+)/.exec(line)![1]));
    expect(got).toEqual(
      times
        .map((at, i) => ({ at, i }))
        .sort((a, b) => a.at - b.at)
        .map(({ i }) => i),
    );
  });

  test('a function that throws fails its own pair only', () => {
    const failing = left.pipe(
      join(
        right,
        within(10, { grace: 0 }),
        (l, r) => {
          if (l === 'bad') throw new Error('no');
          return joiner(l, r);
        },
        options,
      ),
    );
    const driver = createDriver(job('j', [failing.to(out)], { onError: { kind: 'skip' } }));
    for (const value of ['a', 'bad', 'c']) driver.in(left).send('k', value, { timestampMs: 1 });
    driver.in(right).send('k', 'R', { timestampMs: 2 });
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual(['a+R', 'c+R']);
    expect(driver.metrics.skipped.process).toBe(1);
  });
});

interface Row {
  readonly key: string;
  readonly value: string;
  readonly ts: number;
  matched: boolean;
  out: boolean;
}

/** The rules as loops over everything that ever came. */
function model(kind: Kind, [before, after, grace]: readonly [number, number, number], records: readonly Sent[]) {
  const rows: Record<string, Row[]> = { left: [], right: [] };
  const waits: Record<string, number> = { left: after, right: before };
  const keeps: Record<string, boolean> = { left: kind !== 'inner', right: kind === 'outer' };
  const results: string[] = [];
  let now = -1;
  let late = 0;
  const closed = (side: string, ts: number) => ts + waits[side]! + grace < now;
  const text = (side: string, own: string, other: string | null) =>
    side === 'left' ? `${own}+${other}` : `${other}+${own}`;
  for (const { topic: side, key, value, ts } of records) {
    const other = side === 'left' ? 'right' : 'left';
    if (ts > now) {
      now = ts;
      const due = ['right', 'left'].flatMap((of, order) =>
        rows[of]!.filter((row) => keeps[of] && !row.matched && !row.out && closed(of, row.ts)).map((row) => ({
          of,
          order,
          row,
        })),
      );
      due.sort(
        (a, b) =>
          a.row.ts - b.row.ts || a.order - b.order || (a.row.key < b.row.key ? -1 : a.row.key > b.row.key ? 1 : 0),
      );
      for (const { of, row } of due) {
        row.out = true;
        results.push(`${row.key}=${text(of, row.value, null)}@${row.ts}`);
      }
    }
    const [from, to] = side === 'left' ? [ts - before, ts + after] : [ts - after, ts + before];
    const found = rows[other]!.filter(
      (row) => row.key === key && row.ts >= from && row.ts <= to && !row.out && row.ts + before + after + grace >= now,
    ).sort((a, b) => a.ts - b.ts);
    if (found.length === 0 && closed(side, ts)) {
      late += 1;
      continue;
    }
    rows[side]!.push({ key: key!, value: value!, ts, matched: found.length > 0, out: false });
    for (const row of found) {
      row.matched = true;
      results.push(`${key}=${text(side, value!, row.value)}@${Math.max(ts, row.ts)}`);
    }
  }
  return { results, late };
}

describe('joinStreams where nothing comes any more', () => {
  const near = within('10 seconds', { grace: '5 seconds' });
  const idling = { ...options, idle: '30 seconds' } as const;
  const joined = left.pipe(outerJoin(right, near, (l, r) => joiner(l, r), idling));
  const seconds = 1_000;

  test('with idle the wall clock lets unmatched rows go, and any record of either side says that something comes (C9)', () => {
    const driver = createDriver(job('j', [joined.to(out)]));
    const values = () =>
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value);
    driver.in(left).send('a', 'A', { timestampMs: 100 * seconds });
    driver.advanceWallClock('20 seconds');
    driver.in(right).send('b', 'B', { timestampMs: 100 * seconds });
    driver.advanceWallClock('20 seconds');
    driver.advanceWallClock('15 seconds');
    expect(values()).toEqual([]);
    driver.advanceWallClock('16 seconds');
    expect(values()).toEqual(['null+B', 'A+null']);
    driver.in(left).send('a', 'late', { timestampMs: 100 * seconds });
    expect(driver.metrics.lateBy).toEqual({ 'outerJoin j': 1 });
  });

  test('without idle it does not, and an inner join has nothing to let go', () => {
    const driver = createDriver(program('outer', 10, 10, 0));
    driver.in(left).send('a', 'A', { timestampMs: 0 });
    driver.advanceWallClock('10 days');
    expect(driver.out(out).readAll()).toEqual([]);
    // @ts-expect-error only what keeps rows without a partner has it
    expect(() => left.pipe(join(right, near, (l, r) => joiner(l, r), { as: 'j', idle: 1 }))).toThrow('for idle');
  });
});

describe('joinStreams over a restart', () => {
  test.each(['database', 'changelog'] as const)('goes on from its %s', async (comeback) => {
    const rig = await startRig(program('outer', 10, 10, 0), comeback);
    rig.send('left', 'a', '1', 5);
    rig.send('left', 'b', '2', 5);
    await rig.restart();
    rig.send('right', 'a', 'R', 6);
    expect(rig.take()).toEqual(['a=1+R@6']);
    await rig.restart();
    rig.send('left', 'late', 'x', 5);
    rig.send('right', 't', '_', 16);
    expect(rig.take()).toEqual(['b=2+null@5', 'late=x+null@5']);
    await rig.restart();
    rig.send('right', 't', '_', 40);
    await rig.restart();
    rig.send('left', 'late', 'x', 20);
    expect(rig.metrics.dropped.late).toBe(1);
    rig.send('left', 't', '!', 50);
    expect(rig.take()).toEqual(['t=null+_@16', 't=!+_@50']);
  });

  test('another grace loses nothing of what waits; another span is refused (C35)', async () => {
    for (const [before, after] of [
      [1_000, 0],
      [0, 1_000],
    ] as const) {
      const rig = await startRig(program('outer', 10, 10, before), 'database');
      const keys = Array.from({ length: 200 }, (_, i) => `k${i}`);
      for (const [i, key] of keys.entries()) rig.send(i % 2 ? 'left' : 'right', key, '', 100 + (i % 8));
      await rig.restart(program('outer', 10, 10, after));
      rig.send('left', 'k16', '', 101);
      rig.send('left', 'end', '', 5_000);
      expect(rig.take().sort()).toEqual(
        keys.map((key, i) => (i === 16 ? 'k16=+@101' : `${key}=${i % 2 ? '+null' : 'null+'}@${100 + (i % 8)}`)).sort(),
      );
      await expect(rig.restart(program('outer', 10, 11, after))).rejects.toThrow(
        "store 'j' in the state of the task was kept for a join from 10 ms before to 10 ms after and the job wants it for",
      );
    }
  });

  test.each(['database', 'changelog'] as const)(
    'a longer grace takes what was late before (from its %s)',
    async (comeback) => {
      const rig = await startRig(program('left', 10, 10, 0), comeback);
      rig.send('left', 'a', '1', 5);
      rig.send('left', 't', '_', 40);
      expect(rig.take()).toEqual(['a=1+null@5']);
      await rig.restart(program('left', 10, 10, 1_000));
      rig.send('left', 'b', '2', 20);
      await rig.restart();
      rig.send('left', 't', '!', 5_000);
      expect(rig.take()).toEqual(['b=2+null@20', 't=_+null@40']);
    },
  );

  test('what comes out is what a plain model gives, restarts or not', async () => {
    const side = fc.constantFrom('left', 'right');
    const step = fc.record({
      side,
      key: fc.constantFrom('a', 'b', 'c'),
      ahead: fc.integer({ min: -25, max: 12 }),
      restart: fc.nat(9),
    });
    const span = fc.tuple(fc.nat(12), fc.nat(12), fc.nat(8));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Kind>('inner', 'left', 'outer'),
        span,
        fc.constantFrom('database' as const, 'changelog' as const),
        fc.array(step, { maxLength: 60 }),
        async (kind, window, comeback, steps) => {
          let now = 30;
          const records = steps.map(({ side: topicName, key, ahead }, i): Sent => {
            const ts = Math.max(0, now + ahead);
            now = Math.max(now, ts);
            return { topic: topicName, key, value: `v${i}`, ts };
          });
          const rig = await startRig(program(kind, ...window), comeback);
          for (const [i, { topic: topicName, key, value, ts }] of records.entries()) {
            if (steps[i]!.restart === 0) await rig.restart();
            rig.send(topicName, key, value, ts);
          }
          const { results, late } = model(kind, window, records);
          expect(rig.take()).toEqual(results);
          expect(rig.metrics.dropped.late).toBe(late);
          // The end lets go of what a record after all the others would.
          const last: Sent = { topic: 'left', key: 'last', value: '_', ts: 100_000 };
          await rig.closeWindows();
          expect(rig.take()).toEqual(model(kind, window, [...records, last]).results.slice(results.length));
          await rig.restart();
          await rig.closeWindows();
          expect(rig.take()).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
