import fc from 'fast-check';
import { expect, describe as group, test } from 'vitest';
import { int64, safeInt64, utf8 } from '../../../core/schema/primitive.ts';
import {
  compile,
  count,
  describe,
  foreignJoin,
  groupBy,
  job,
  type KTable,
  leftForeignJoin,
  leftJoin,
  selectKey,
  table,
  topic,
  toStream,
  toTable,
} from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';
import { startRig } from './restart-rig.ts';

const left: KTable<string, string> = table('left', utf8);
const right: KTable<string, string> = table('right', utf8);
const third: KTable<string, string> = table('third', utf8);
const out = topic('out', utf8);
const keyOf = (value: string) => (value === '-' ? null : value);
const joiner = (l: string, r: string | null) => `${l}+${r}`;
const options = { as: 'both', value: utf8 };

const joined = (kind: 'inner' | 'left', a = left, b = right) =>
  kind === 'inner'
    ? a.pipe(foreignJoin(b, keyOf, (l, r) => joiner(l, r), options))
    : a.pipe(leftForeignJoin(b, keyOf, (l, r) => joiner(l, r), options));

group('foreignJoin', () => {
  test('many rows refer to one; its change reaches each, and a row of its own key none', () => {
    const driver = createDriver(job('j', [joined('inner').pipe(toStream()).to(out)]));
    const [lefts, rights] = [driver.in(table('left', utf8)), driver.in(table('right', utf8))];
    for (let i = 0; i < 1_000; i++) lefts.send(`l${i}`, i % 10 === 0 ? 'other' : 'r', { timestampMs: i });
    rights.send('l1', 'own key', { timestampMs: 1 });
    expect(driver.out(out).readAll()).toEqual([]);
    rights.send('r', 'x', { timestampMs: 7 });
    const records = driver.out(out).readAll();
    expect(records.length).toBe(900);
    expect(new Set(records.map(({ key }) => key)).size).toBe(900);
    expect(driver.store('both').get('l999')).toBe('r+x');
    for (let i = 0; i < 1_000; i++) lefts.send(`l${i}`, null, { timestampMs: 2_000 });
    expect(driver.store('both').entries()).toEqual([]);
    rights.send('r', 'y', { timestampMs: 2_001 });
    expect(
      driver
        .out(out)
        .readAll()
        .every(({ value }) => value === null),
    ).toBe(true);
  });

  test('a table joins itself: each with its parent', () => {
    const nodes: KTable<string, string> = table('nodes', utf8);
    const driver = createDriver(job('j', [joined('left', nodes, nodes)]));
    const nodesIn = driver.in(table('nodes', utf8));
    nodesIn.send('child', 'root');
    nodesIn.send('root', '-');
    nodesIn.send('leaf', 'child');
    expect(driver.store('both').entries()).toEqual([
      ['child', 'root+-'],
      ['leaf', 'child+root'],
      ['root', '-+null'],
    ]);
  });

  test('keys of both tables may be of any type', () => {
    const orders = table('orders', utf8, { key: safeInt64 });
    const shops = table('shops', utf8, { key: int64 });
    const named = orders.pipe(
      foreignJoin(
        shops,
        (order) => BigInt(order),
        (order, shop, { key }) => `${key}: ${order} ${shop}`,
      ),
    );
    const driver = createDriver(job('j', [named.pipe(toStream()).to(topic('named', utf8, { key: safeInt64 }))]));
    driver.in(shops).send(0n, 'zero');
    driver.in(orders).send(0, '0');
    expect(
      driver
        .out('named')
        .readAll()
        .map(({ value }) => utf8.decode(value!)),
    ).toEqual(['0: 0 zero']);
  });

  test('a row that refers to nothing, in an inner join, is counted and takes its result back', () => {
    const driver = createDriver(job('j', [joined('inner').pipe(toStream()).to(out)]));
    driver.in(table('right', utf8)).send('r', 'x');
    driver.in(table('left', utf8)).send('l', 'r');
    driver.in(table('left', utf8)).send('l', '-');
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual(['r+x', null]);
    expect(driver.metrics.dropped.nullKey).toBe(1);
  });

  test('is two sub-topologies that fill each other, with names of its own', () => {
    const topology = compile(job('j', [joined('inner')]));
    expect(topology.subTopologies.map(({ inputs, upstream }) => [inputs.length, upstream])).toEqual([
      [2, []],
      [2, []],
    ]);
    expect(topology.internalTopics.map(({ name }) => name)).toEqual([
      'j-both-answers-repartition',
      'j-both-changelog',
      'j-both-subscriptions-repartition',
      'j-both-subscriptions-changelog',
    ]);
    expect(describe(topology)).toContain('subscribe for both');
  });

  test('the table referred to may be made of the one that refers, over a repartition topic', () => {
    const events = topic('events', utf8);
    const counts = events.pipe(
      groupBy((event) => event),
      count({ as: 'counts' }),
    );
    const last = events.pipe(
      selectKey((event) => event.slice(0, 1)),
      toTable({ as: 'last', value: utf8 }),
    );
    const both = last.pipe(
      foreignJoin(
        counts,
        (event) => event,
        (event, n) => `${event} ${n}`,
        options,
      ),
    );
    const driver = createDriver(job('j', [both]));
    for (const event of ['ab', 'ac', 'b', 'ac']) driver.in(events).send(null, event);
    expect(driver.store('both').entries()).toEqual([
      ['a', 'ac 2'],
      ['b', 'b 1'],
    ]);
  });

  test('comes to what the rows say after every change, restarts or not', async () => {
    const change = fc.record({
      topic: fc.constantFrom('left', 'left', 'right', 'third'),
      key: fc.constantFrom('a', 'b', 'c'),
      value: fc.option(fc.constantFrom('a', 'b', 'c', '-'), { nil: null }),
      ts: fc.nat(20),
      restart: fc.nat(9),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('inner' as const, 'left' as const),
        fc.constantFrom('database' as const, 'changelog' as const),
        fc.array(change, { maxLength: 40 }),
        async (kind, comeback, changes) => {
          const whole = joined(kind).pipe(leftJoin(third, (l, r) => joiner(l, r)));
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
            const expected = new Map<string, string>();
            for (const [at, row] of rows['left']!) {
              const other = rows['right']!.get(row) ?? null;
              if (other === null && kind === 'inner') continue;
              expected.set(at, joiner(joiner(row, other), rows['third']!.get(at) ?? null));
            }
            expect(shown).toEqual(expected);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
