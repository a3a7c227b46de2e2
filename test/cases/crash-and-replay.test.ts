// Cases about state and a crash: what was processed and not committed is processed once more, on state that has none of it.
import { describe, expect, test } from 'vitest';
import {
  aggregateRows,
  count,
  groupByKey,
  groupRows,
  int32,
  job,
  map,
  mapRows,
  table,
  topic,
  toStream,
  utf8,
} from '../../dsl/index.ts';
import { startRig } from '../runtime/steps/restart-rig.ts';

const comebacks = ['database', 'changelog'] as const;
const out = topic('out', utf8);

describe.each(comebacks)('after a crash, with state from its %s', (comeback) => {
  test('a change that was stored and perhaps never passed on is passed on (C23)', async () => {
    const rows = table('rows', utf8);
    const rig = await startRig(
      job('changes', [
        rows
          .pipe(
            mapRows((row) => row.toUpperCase(), { as: 'upper', value: utf8 }),
            toStream(),
          )
          .to(out),
      ]),
      comeback,
    );
    rig.send('rows', 'k', 'a', 1);
    await rig.restart();
    rig.send('rows', 'k', 'b', 2);
    expect(rig.take()).toEqual(['k=A@1', 'k=B@2']);
    await rig.crash();
    expect(rig.take()).toEqual(['k=B@2']);
  });

  test('what a row takes away is taken away once (C24)', async () => {
    const players = table('players', utf8);
    const program = players.pipe(
      groupRows((row) => row.split(' ')[0]!),
      aggregateRows(
        {
          initial: () => 0,
          add: (sum, row) => sum + Number(row.split(' ')[1]),
          subtract: (sum, row) => sum - Number(row.split(' ')[1]),
        },
        { as: 'by-team', value: int32 },
      ),
      toStream(),
      map((sum) => String(sum)),
    );
    const rig = await startRig(job('teams', [program.to(out)]), comeback);
    const last = () => {
      const sums = new Map<string, string>();
      for (const line of rig.take()) sums.set(...(line.replace(/@.*/, '').split('=') as [string, string]));
      return sums;
    };
    rig.send('players', 'ann', 'red 5', 1);
    rig.send('players', 'bob', 'red 7', 2);
    await rig.restart();
    rig.send('players', 'ann', 'blue 4', 3);
    await rig.crash();
    expect(last()).toEqual(
      new Map([
        ['red', '7'],
        ['blue', '4'],
      ]),
    );
    rig.send('players', 'bob', null, 4);
    expect(last()).toEqual(new Map([['red', '0']]));
  });

  test('what was never committed is in no state (C25)', async () => {
    const program = topic('in', utf8).pipe(
      groupByKey(),
      count({ as: 'n' }),
      toStream(),
      map((n) => String(n)),
    );
    const rig = await startRig(job('counting', [program.to(out)]), comeback);
    rig.send('in', 'k', 'x', 1);
    await rig.restart();
    rig.send('in', 'k', 'x', 2);
    rig.send('in', 'k', 'x', 3);
    await rig.crash();
    rig.send('in', 'k', 'x', 4);
    expect(rig.take()).toEqual(['k=1@1', 'k=2@2', 'k=3@3', 'k=2@2', 'k=3@3', 'k=4@4']);
  });
});
