// Windows over restarts: what is late stays late, what was passed on is not passed on again.
import { describe, expect, test } from 'vitest';
import {
  type Duration,
  groupByKey,
  job,
  map,
  reduce,
  selectKey,
  session,
  sliding,
  topic,
  toStream,
  tumbling,
  utf8,
  type WindowOptions,
  type WindowSpec,
  window,
} from '../../../dsl/index.ts';
import { startRig } from './restart-rig.ts';

const records = topic('in', utf8);
const out = topic('out', utf8);
const comebacks = ['database', 'changelog'] as const;

const program = (spec: WindowSpec, options: WindowOptions<string, string>) =>
  job('windows', [
    records
      .pipe(
        groupByKey(),
        window(spec as Extract<WindowSpec, { kind: 'tumbling' }>, options),
        reduce((a, b) => `${a}${b}`, { as: 'store', value: utf8 }),
        toStream(),
        map((value, { key }) => `${value} from ${key.startMs}`),
        selectKey((_, { key }) => key.key),
      )
      .to(out),
  ]);

describe.each(comebacks)('over a restart from its %s', (comeback) => {
  test('what is late stays late, and goes to the late records (C12, C21)', async () => {
    for (const emit of ['update', 'windowCloses'] as const) {
      const late = topic('out', utf8);
      const rig = await startRig(program(tumbling(10, { grace: 0 }), { emit, late }), comeback);
      rig.send('in', 'k', 'a', 5);
      rig.send('in', 'k', 'b', 100);
      rig.take();
      await rig.restart();
      rig.send('in', 'k', 'late', 7);
      expect(rig.take()).toEqual(['k=late@7']);
      expect(rig.metrics.lateBy).toEqual({ 'reduce store': 1 });
      rig.send('in', 'k', 'c', 101);
      expect(rig.take()).toEqual(emit === 'update' ? ['k=bc from 100@101'] : []);
    }
  });

  const kinds = [
    ['tumbling', tumbling(10, { grace: 5 })],
    ['sliding', sliding({ difference: 10, grace: 5 })],
    ['session', session({ gap: 10, grace: 5 })],
  ] as const;

  test.each(kinds)('final results of %s windows that are kept come once', async (_, spec) => {
    const one = await startRig(program(spec, { emit: 'windowCloses' }), comeback);
    const other = await startRig(program(spec, { emit: 'windowCloses', keep: 200 }), comeback);
    for (const [i, ts] of [1, 4, 30, 33, 80, 79, 120, 300].entries()) {
      one.send('in', 'k', `${i}`, ts);
      other.send('in', 'k', `${i}`, ts);
      expect(other.take()).toEqual(one.take());
      await other.restart();
    }
  });
});

test('windows that were kept and are kept no longer leave without a word; a shorter grace loses none', async () => {
  const options = (keep?: Duration): WindowOptions<string, string> => ({
    emit: 'windowCloses',
    ...(keep === undefined ? {} : { keep }),
  });
  const rig = await startRig(program(tumbling(10, { grace: 50 }), options('1 day')), 'database');
  rig.send('in', 'k', 'a', 5);
  rig.send('in', 'k', 'b', 75);
  rig.send('in', 'k', 'c', 95);
  expect(rig.take()).toEqual(['k=a from 0@5']);
  await rig.restart(program(tumbling(10, { grace: 0 }), options()));
  rig.send('in', 'k', 'd', 96);
  expect(rig.take()).toEqual(['k=b from 70@75']);
});

test.each([
  ['tumbling', tumbling(10, { grace: 0 }), tumbling(10, { grace: 200 })],
  ['sliding', sliding({ difference: 10, grace: 0 }), sliding({ difference: 10, grace: 200 })],
  ['session', session({ gap: 10, grace: 0 }), session({ gap: 10, grace: 200 })],
])('%s windows that were passed on stay closed when grace becomes longer', async (_, shorter, longer) => {
  const rig = await startRig(program(shorter, { emit: 'windowCloses' }), 'database');
  rig.send('in', 'k', 'a', 15);
  rig.send('in', 'k', 'b', 65);
  expect(rig.take()).toHaveLength(1);
  for (const ts of [17, 66]) {
    await rig.restart(program(longer, { emit: 'windowCloses' }));
    rig.send('in', 'k', 'late', 17);
    rig.send('in', 'k', 'on time', ts);
    expect(rig.take()).toEqual([]);
  }
  expect(rig.metrics.lateBy).toEqual({ 'reduce store': 3 });
  rig.send('in', 'k', 'c', 900);
  expect(rig.take().join()).not.toMatch('late');
});

test('a window that has left its store is not begun anew when grace becomes longer', async () => {
  const rig = await startRig(program(tumbling(10, { grace: 0 }), {}), 'database');
  rig.send('in', 'k', 'a', 5);
  rig.send('in', 'k', 'b', 95);
  rig.send('in', 'k', 'c', 108);
  rig.take();
  await rig.restart(program(tumbling(10, { grace: 200 }), {}));
  rig.send('in', 'k', 'late', 6);
  rig.send('in', 'k', 'on time', 107);
  expect(rig.take()).toEqual(['k=con time from 100@108']);
  expect(rig.metrics.lateBy).toEqual({ 'reduce store': 1 });
});
