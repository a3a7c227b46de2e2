import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../core/schema/primitive.ts';
import { job, join, type KTable, leftJoin, outerJoin, table, topic, toStream } from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';
import { startRig } from './restart-rig.ts';

const left: KTable<string, string> = table('left', utf8);
const right: KTable<string, string> = table('right', utf8);
const third: KTable<string, string> = table('third', utf8);
const out = topic('out', utf8);
const joiner = (l: string | null, r: string | null) => `${l}+${r}`;

type Kind = 'inner' | 'left' | 'outer';

const joined = (kind: Kind, a: KTable<string, string>, b: KTable<string, string>, options = {}) =>
  ({
    inner: () => a.pipe(join(b, (l, r) => joiner(l, r), options)),
    left: () => a.pipe(leftJoin(b, (l, r) => joiner(l, r), options)),
    outer: () => a.pipe(outerJoin(b, (l, r) => joiner(l, r), options)),
  })[kind]();

describe('joinTables', () => {
  test('a result that is kept can be queried, and goes with its row', () => {
    const kept = joined('inner', left, right, { as: 'both', value: utf8 });
    const driver = createDriver(job('j', [kept]));
    driver.in(table('left', utf8)).send('k', 'a', { timestampMs: 7 });
    driver.in(table('right', utf8)).send('k', 'b', { timestampMs: 5 });
    expect(driver.store('both').get('k')).toBe('a+b');
    expect(driver.store('both').timestampMs('k')).toBe(7);
    driver.in(table('left', utf8)).send('k', null, { timestampMs: 8 });
    expect(driver.store('both').entries()).toEqual([]);
  });

  test('an empty value is a row (C50)', () => {
    const driver = createDriver(job('j', [joined('inner', left, right).pipe(toStream()).to(out)]));
    driver.in(table('left', utf8)).send('', '', { timestampMs: 1 });
    driver.in(table('right', utf8)).send('', 'b', { timestampMs: 1 });
    expect(driver.out(out).readAll()).toEqual([{ key: '', value: '+b', timestampMs: 1 }]);
  });

  /** Whatever the order of changes, and whether results in between are kept: the last change of a key says what the rows say. */
  test('three tables come to what their rows say, restarts or not', async () => {
    const change = fc.record({
      topic: fc.constantFrom('left', 'right', 'third'),
      key: fc.constantFrom('a', 'b'),
      value: fc.option(fc.constantFrom('1', '2', ''), { nil: null }),
      ts: fc.nat(20),
      restart: fc.nat(9),
    });
    const kinds = fc.constantFrom<Kind>('inner', 'left', 'outer');
    await fc.assert(
      fc.asyncProperty(
        kinds,
        kinds,
        fc.boolean(),
        fc.constantFrom('database' as const, 'changelog' as const),
        fc.array(change, { maxLength: 40 }),
        async (first, second, kept, comeback, changes) => {
          const inner = joined(first, left, right, kept ? { as: 'first', value: utf8 } : {});
          const whole = joined(second, inner, third, { as: 'second', value: utf8 });
          const rig = await startRig(job('j', [whole.pipe(toStream()).to(out)]), comeback);
          const rows: Record<string, Map<string, string>> = { left: new Map(), right: new Map(), third: new Map() };
          const shown = new Map<string, string>();
          for (const { topic: name, key, value, ts, restart } of changes) {
            if (restart === 0) await rig.restart();
            rig.send(name, key, value, ts);
            if (value === null) rows[name]!.delete(key);
            else rows[name]!.set(key, value);
            for (const line of rig.take()) {
              const [, at, result] = /^(\w)=(.*)@\d+$/.exec(line)!;
              if (result === 'null') shown.delete(at!);
              else shown.set(at!, result!);
            }
            const both = (kind: Kind, l: string | undefined, r: string | undefined) => {
              const missing = {
                inner: l === undefined || r === undefined,
                left: l === undefined,
                outer: (l ?? r) === undefined,
              };
              return missing[kind] ? undefined : joiner(l ?? null, r ?? null);
            };
            const expected = both(
              second,
              both(first, rows['left']!.get(key), rows['right']!.get(key)),
              rows['third']!.get(key),
            );
            expect(shown.get(key)).toBe(expected);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
