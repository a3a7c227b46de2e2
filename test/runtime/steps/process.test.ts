import { describe, expect, test } from 'vitest';
import {
  compile,
  count,
  deadLetter,
  emits,
  groupByKey,
  type Job,
  job,
  keyValueStore,
  map,
  mermaid,
  noKey,
  process,
  safeInt64,
  selectKey,
  sessionStore,
  type skip,
  source,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
  windowStore,
} from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';
import { sourceNamed } from '../../dsl/support.ts';
import { startRig } from './restart-rig.ts';

const input = topic('in', utf8);
const out = topic('out', utf8);
const comebacks = ['database', 'changelog'] as const;

function drive(program: Job) {
  const driver = createDriver(program);
  return {
    driver,
    send: (key: string | null, value: string, timestampMs = 0) => driver.in(input).send(key, value, { timestampMs }),
    take: () =>
      driver
        .out(out)
        .readAll()
        .map(({ key, value, timestampMs }) => `${key}=${value}@${timestampMs}`),
  };
}

describe('process', () => {
  test('has key, time, headers and place of each record, and forwards with its key, time and headers or others', () => {
    const seen: unknown[] = [];
    const processed = input.pipe(
      process('p', { outputs: emits<string>() }, ({ forward }) => (value, record) => {
        seen.push([record.key, record.timestampMs, record.topic, record.partition, record.offset]);
        forward(`${value}1`);
        forward(`${value}2`, { key: 'other', timestampMs: 9, headers: [['h', utf8.encode('new')]] });
        // What came between has changed nothing of the record at hand.
        forward(`${value}3 ${record.key} ${record.timestampMs}`);
      }),
    );
    const driver = createDriver(job('j', [processed.pipe(map((value) => value)).to(out)]));
    const headers = [['h', utf8.encode('old')]] as const;
    driver.in(input).send('k', 'a', { timestampMs: 5, headers });
    expect(seen).toEqual([['k', 5, 'in', 0, 0]]);
    const written = driver.out(out).readAll();
    expect(written.map(({ key, value, timestampMs }) => [key, value, timestampMs])).toEqual([
      ['k', 'a1', 5],
      ['other', 'a2', 9],
      ['k', 'a3 k 5', 5],
    ]);
    expect(written.map((record) => utf8.decode(record.headers![0]![1]!))).toEqual(['old', 'new', 'old']);
  });

  test('draws as pictures: a record for each that is new', () => {
    const firsts = input.pipe(
      process(
        'firsts',
        { stores: { seen: keyValueStore(safeInt64) }, outputs: emits<string>() },
        ({ stores, forward }) =>
          (value, { key, timestampMs }) => {
            if (stores.seen.get(key) !== undefined) return;
            stores.seen.put(key, timestampMs);
            forward(value);
          },
      ),
    );
    const driver = createDriver(job('j', [firsts.to(out)]));
    const records = { a: ['a', '1'], b: ['b', '1'] } as const;
    driver.in(input).marbles('a-ab-b', records);
    expect(driver.out(out).toMarbles(records)).toBe('a--b');
    expect(driver.store('firsts-seen').entries()).toEqual([
      ['a', 0],
      ['b', 3],
    ]);
  });

  test('sends to outputs by name; a key of its own is repartitioned before it is grouped', () => {
    const { kept, byLetter } = input.pipe(
      process(
        'p',
        { outputs: { kept: emits<string>(), byLetter: emits<string, string>({ key: utf8 }) } },
        ({ forward }) =>
          (value) => {
            forward.kept(value);
            for (const letter of value) forward.byLetter(value, { key: letter });
          },
      ),
    );
    const counts = topic('counts', safeInt64);
    const program = job('j', [kept.to(out), byLetter.pipe(groupByKey(), count({ as: 'n' }), toStream()).to(counts)]);
    expect(compile(program).internalTopics.map(({ name }) => name)).toEqual(['j-n-repartition', 'j-n-changelog']);
    const { driver, send, take } = drive(program);
    send('k', 'ab');
    send('k', 'b');
    expect(take()).toEqual(['k=ab@0', 'k=b@0']);
    expect(driver.out(counts).readTable()).toEqual(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
  });

  test('an end without outputs keeps what it is told', () => {
    const { driver, send } = drive(
      job('j', [
        input.pipe(
          process('last', { stores: { value: keyValueStore(utf8) } }, ({ stores }) => (value, { key }) => {
            if (value === 'delete') stores.value.delete(key);
            else stores.value.put(key, value);
          }),
        ),
      ]),
    );
    send('a', '1');
    send('b', '2');
    send('a', 'delete');
    expect(driver.store('last-value').entries()).toEqual([['b', '2']]);
  });

  test('windows and sessions are found by key and time, and leave when they are older than they are kept', () => {
    const { driver, send, take } = drive(
      job('j', [
        input
          .pipe(
            process(
              'p',
              {
                stores: {
                  windows: windowStore(utf8, { size: 10, keep: 20 }),
                  sessions: sessionStore(utf8, { keep: 20 }),
                },
                outputs: emits<string>(),
              },
              ({ stores: { windows, sessions }, forward }) =>
                (value, { key, timestampMs }) => {
                  windows.put(key, timestampMs, value);
                  windows.put('late', 0, value);
                  const near = sessions.find(key, timestampMs - 5, timestampMs + 5);
                  for (const [session] of near) sessions.delete(session);
                  const startMs = Math.min(timestampMs, ...near.map(([session]) => session.startMs));
                  const text = near.map(([, before]) => before).join('') + value;
                  sessions.put({ key, startMs, endMs: timestampMs }, text);
                  forward(`${windows.fetch(key, 0, 100).map(([, v]) => v)} ${startMs} ${text}`);
                },
            ),
          )
          .to(out),
      ]),
    );
    send('k', 'a', 0);
    send('k', 'b', 4);
    send('k', 'c', 20);
    expect(take()).toEqual(['k=a 0 a@0', 'k=a,b 0 ab@4', 'k=a,b,c 20 c@20']);
    send('x', 'd', 30);
    const rows = (store: string) =>
      driver
        .store(store)
        .entries()
        .map(([{ key, startMs, endMs }, value]) => `${key} ${startMs} ${endMs} ${value}`);
    expect(rows('p-windows')).toEqual(['k 4 14 b', 'k 20 30 c', 'x 30 40 d']);
    expect(rows('p-sessions')).toEqual(['k 20 20 c', 'x 30 30 d']);
  });

  test('with state it is repartitioned behind selectKey(), as all that belongs to a key', () => {
    const stateful = input.pipe(
      selectKey((value) => value),
      process('p', { stores: { s: keyValueStore(utf8) } }, () => () => {}),
    );
    expect(compile(job('j', [stateful])).internalTopics.map(({ name }) => name)).toEqual([
      'j-p-repartition',
      'j-p-s-changelog',
    ]);
  });
});

const timed = (every: { readonly look: { readonly streamTime: number } | { readonly wallClock: number } }) =>
  job('j', [
    input
      .pipe(
        process(
          'p',
          { stores: { n: keyValueStore(safeInt64) }, outputs: emits<string>(), every },
          ({ stores, forward }) => ({
            process: (_, { key }) => stores.n.put(key, (stores.n.get(key) ?? 0) + 1),
            every: {
              async look(nowMs) {
                for await (const [key, n] of stores.n.all()) forward(`${n} at ${nowMs}`, { key });
              },
            },
          }),
        ),
      )
      .to(out),
  ]);

describe('timers of process', () => {
  test.each(comebacks)(
    'by stream time: at the first record, then at each multiple, over a restart (%s)',
    async (how) => {
      const rig = await startRig(timed({ look: { streamTime: 10 } }), how);
      const send = async (ts: number) => {
        rig.send('in', 'k', '', ts);
        await rig.settle();
        return rig.take();
      };
      expect(await send(3)).toEqual(['k=1 at 3@3']);
      expect(await send(9)).toEqual([]);
      await rig.restart();
      expect(await send(9)).toEqual([]);
      // Several that were missed are one; and no later than the record itself.
      expect(await send(35)).toEqual(['k=4 at 35@35']);
      expect(await send(34)).toEqual([]);
      await rig.restart();
      expect(await send(39)).toEqual([]);
      expect(await send(40)).toEqual(['k=7 at 40@40']);
    },
  );

  test.each(comebacks)('by wall clock: so often from the start on, over a restart (%s)', async (how) => {
    const rig = await startRig(timed({ look: { wallClock: 10 } }), how);
    const advance = async (ms: number) => {
      rig.advance(ms);
      await rig.settle();
      return rig.take();
    };
    rig.send('in', 'k', '', 500);
    expect(await advance(9)).toEqual([]);
    await rig.restart();
    expect(await advance(1)).toEqual(['k=1 at 10@10']);
    expect(await advance(5)).toEqual([]);
    await rig.restart();
    // What came due while the job stood still is due at its start, once.
    rig.standStill(20);
    expect(await advance(0)).toEqual(['k=1 at 35@35']);
    expect(await advance(4)).toEqual([]);
    expect(await advance(1)).toEqual(['k=1 at 40@40']);
  });

  test.each(comebacks)(
    'the end of bounded inputs calls those of stream time once more, before windows behind it close (%s)',
    async (how) => {
      const ticking = process(
        'p',
        { outputs: emits<string>(), every: { end: { streamTime: 100 } } },
        ({ forward }) => ({
          process: () => {},
          every: {
            async end(nowMs) {
              await null;
              forward('end', { key: `k${nowMs}` });
            },
          },
        }),
      );
      const counted = input.pipe(
        ticking,
        groupByKey(),
        window(tumbling(10, { grace: 0 }), { emit: 'windowCloses' }),
        count({ as: 'n' }),
        toStream(),
        map((n) => String(n)),
        selectKey((_, { key }) => `${key.key} ${key.startMs}`),
      );
      const rig = await startRig(job('j', [counted.to(out)]), how);
      rig.send('in', 'k', '', 3);
      await rig.settle();
      rig.send('in', 'k', '', 25);
      await rig.closeWindows();
      expect(rig.take()).toEqual(['k3 0=1@3', 'k25 20=1@25']);
      await rig.restart();
      await rig.closeWindows();
      expect(rig.take()).toEqual([]);
    },
  );

  test('no record is taken while a timer waits', async () => {
    const { driver, send, take } = drive(timed({ look: { streamTime: 10 } }));
    send('a', '', 1);
    send('b', '', 2);
    send('a', '', 11);
    expect(take()).toEqual([]);
    await driver.settle();
    expect(take()).toEqual(['a=1 at 1@1', 'a=2 at 11@11', 'b=1 at 11@11']);
  });
});

const unpaid = (by: 'streamTime' | 'wallClock') =>
  job('j', [
    input
      .pipe(
        process('p', { outputs: emits<string>(), once: { overdue: by } }, ({ forward, once }) => ({
          process(value, { key, timestampMs }) {
            if (value === 'paid') once.overdue.clear(key);
            else once.overdue.set(key, (by === 'streamTime' ? timestampMs : 0) + Number(value));
          },
          once: {
            overdue: (key) => forward(`overdue, set ${once.overdue.get(key) ?? 'no more'}`, { key }),
          },
        })),
      )
      .to(out),
  ]);

describe('timers of a key', () => {
  test.each(comebacks)('go off when stream time has come to them, in their order, over a restart (%s)', async (how) => {
    const rig = await startRig(unpaid('streamTime'), how);
    rig.send('in', 'a', '20', 0);
    rig.send('in', 'b', '10', 5);
    rig.send('in', 'c', '10', 5);
    rig.send('in', 'd', '14', 0);
    expect(rig.take()).toEqual([]);
    await rig.restart();
    rig.send('in', 'c', 'paid', 6);
    // Set anew: later than it was.
    rig.send('in', 'd', '30', 6);
    rig.send('in', 'x', '1000', 14);
    expect(rig.take()).toEqual([]);
    rig.send('in', 'x', '1000', 20);
    expect(rig.take()).toEqual(['b=overdue, set no more@15', 'a=overdue, set no more@20']);
    await rig.restart();
    rig.send('in', 'x', 'paid', 100);
    expect(rig.take()).toEqual(['d=overdue, set no more@36']);
    // A time that has come goes off after the record that sets it; one that is late is so too.
    rig.send('in', 'e', '0', 100);
    rig.send('in', 'e', '1', 50);
    expect(rig.take()).toEqual(['e=overdue, set no more@100', 'e=overdue, set no more@51']);
  });

  test.each(comebacks)(
    'go off by the wall clock, also where it came to them while the job stood still (%s)',
    async (how) => {
      const rig = await startRig(unpaid('wallClock'), how);
      rig.send('in', 'b', '20', 0);
      rig.send('in', 'a', '20', 7);
      rig.send('in', 'c', '40', 7);
      rig.advance(19);
      expect(rig.take()).toEqual([]);
      await rig.restart();
      rig.standStill(11);
      rig.advance(0);
      expect(rig.take()).toEqual(['a=overdue, set no more@20', 'b=overdue, set no more@20']);
      await rig.restart();
      rig.advance(10);
      expect(rig.take()).toEqual(['c=overdue, set no more@40']);
    },
  );

  test('all that are set go off at the end of bounded inputs, one that waits before the next', async () => {
    const order: string[] = [];
    const waiting = input.pipe(
      process('p', { outputs: emits<string>(), once: { end: 'streamTime' } }, ({ forward, once }) => ({
        process: (value, { key }) => once.end.set(key, Number(value)),
        once: {
          async end(key, whenMs) {
            order.push(`${key} begins`);
            await null;
            order.push(`${key} ends`);
            forward('over', { key });
            // What the end itself sets waits for the next record, or the next run.
            if (key === 'a') once.end.set(key, whenMs + 1);
            once.end.clear('gone');
          },
        },
      })),
    );
    const rig = await startRig(job('j', [waiting.to(out)]), 'database');
    for (const [key, value] of [
      ['b', '20'],
      ['gone', '30'],
      ['a', '10'],
    ] as const)
      rig.send('in', key, value, 1);
    await rig.closeWindows();
    expect(rig.take()).toEqual(['a=over@10', 'b=over@20']);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  test('need a key, together with its records', () => {
    const set = { once: { t: 'streamTime' } } as const;
    const code = () => ({ process: () => {}, once: { t: () => {} } });
    const rekeyed = input.pipe(
      selectKey((value) => value),
      process('p', set, code),
    );
    expect(compile(job('j', [rekeyed])).internalTopics.map(({ name }) => name)).toEqual([
      'j-p-repartition',
      'j-p-once-t-changelog',
    ]);
    const unkeyed = topic('unkeyed', utf8, { key: noKey }).pipe(process('p', set, code));
    expect(() => compile(job('j', [unkeyed]))).toThrow('the records have no key here; call selectKey() before');
  });
});

describe('what goes wrong in process', () => {
  const failing = (onError: ReturnType<typeof skip>) =>
    job(
      'j',
      [
        input
          .pipe(
            process('p', { outputs: emits<string>(), every: { tick: { wallClock: 10 } } }, ({ forward }) => ({
              process(value: string) {
                if (value === 'bad') throw new Error('no good');
                forward(value);
              },
              every: {
                async tick() {
                  await null;
                  throw new Error('tick failed');
                },
              },
            })),
          )
          .to(out),
      ],
      { onError },
    );

  test('a record that fails goes where the job says, a timer too', async () => {
    const { driver, send, take } = drive(failing(deadLetter('dead')));
    send('k', 'bad');
    send('k', 'good');
    expect(take()).toEqual(['k=good@0']);
    driver.advanceWallClock(10);
    await driver.settle();
    const operators = driver
      .out('dead')
      .readAll()
      .map(({ headers }) => utf8.decode(headers!.find(([name]) => name === 'millrace.error.operator')![1]!));
    expect(operators).toEqual(['process p', 'process p, timer tick']);
  });

  test('by default it fails the job, with the name of the operator and where', async () => {
    expect(() => drive(failing({ kind: 'fail' })).send('k', 'bad')).toThrow(
      "'process p' could not process the record at in-0 offset 0: no good",
    );
    const { driver } = drive(failing({ kind: 'fail' }));
    driver.advanceWallClock(10);
    await expect(driver.settle()).rejects.toThrow("'process p, timer tick' could not process a record");
  });

  test('forwarding when nothing is at work, or from a function that waits, is refused', async () => {
    let forwarding: ((value: string) => void) | undefined;
    const leaking = input.pipe(
      process('p', { outputs: emits<string>() }, ({ forward }) => {
        forwarding = forward;
        return (() => Promise.resolve()) as () => void;
      }),
    );
    const { send } = drive(job('j', [leaking.to(out)]));
    expect(() => forwarding!('x')).toThrow("'process p' called forward() when none of its functions was at work");
    expect(() => send('k', 'a')).toThrow('its function for records returned a promise');
  });

  test('what a step behind it could not do fails the job, though its code catches it', () => {
    const swallowing = input.pipe(
      process('p', { outputs: emits<string>() }, ({ forward }) => (value) => {
        try {
          forward(value);
        } catch {
          // As if nothing were.
        }
      }),
    );
    const failed = swallowing.pipe(
      map((): string => {
        throw new Error('behind it');
      }),
    );
    const { send } = drive(job('j', [failed.to(out)]));
    expect(() => send('k', 'a')).toThrow("'map' could not process the record at in-0 offset 0: behind it");
  });

  test('a timer says the key, and setup gives all functions', () => {
    const keyless = input.pipe(
      process('p', { outputs: emits<string>(), every: { t: { wallClock: 1 } } }, ({ forward }) => ({
        process: () => {},
        every: { t: () => forward('x') },
      })),
    );
    const { driver } = drive(job('j', [keyless.to(out)]));
    expect(() => driver.advanceWallClock(1)).toThrow('a timer has no record, so forward() needs { key }');
    const without = input.pipe(
      process('p', { outputs: emits<string>(), every: { t: { wallClock: 1 } } }, (() => ({
        process: () => {},
      })) as never),
    );
    expect(() => drive(job('j', [without.to(out)]))).toThrow("its setup must return a function for 't'");
    expect(() => process('p', { every: { t: { wallClock: 0 } } }, (() => {}) as never)).toThrow('1 ms or more apart');
  });

  test('compile names what does not fit', () => {
    const kept = { stores: { s: keyValueStore(utf8) } };
    const again = job(
      'j',
      [1, 2].map(() => input.pipe(process('p', kept, () => () => {}))),
    );
    expect(() => compile(again)).toThrow("its store 'p-s' is that of in → process too; choose another name");
    const lines = source(sourceNamed<string>('lines')).pipe(process('p', kept, () => () => {}));
    expect(() => compile(job('j', [lines]))).toThrow(
      "write the source to a topic with .to(topic) and let 'p' read that",
    );
    const stateless = source(sourceNamed<string>('lines')).pipe(
      process(
        'p',
        { outputs: emits<string>() },
        ({ forward }) =>
          (line) =>
            forward(line),
      ),
    );
    const plain = job('j', [stateless.to(topic('lines', utf8, { key: noKey }))]);
    expect(compile(plain).subTopologies).toHaveLength(1);
  });

  test('is drawn with its stores and outputs', () => {
    const { a } = input.pipe(
      process(
        'p',
        { stores: { s: keyValueStore(utf8) }, outputs: { a: emits<string>() }, every: { t: { wallClock: 1 } } },
        () => ({ process: () => {}, every: { t: () => {} } }),
      ),
    );
    const drawn = mermaid(compile(job('j', [a.to(out)])));
    for (const name of ['process p', 'p a', 'p-s', 'p-timers']) expect(drawn).toContain(`"${name}"`);
  });
});
