// The stream time of a processor over restarts.
import { expect, test } from 'vitest';
import { emits, job, keyValueStore, process, topic, utf8, windowStore } from '../../../dsl/index.ts';
import { startRig } from './restart-rig.ts';

const input = topic('in', utf8);
const out = topic('out', utf8);

test.each(['database', 'changelog'] as const)('is the latest of all its stores (%s)', async (comeback) => {
  const stores = { first: keyValueStore(utf8), second: windowStore(utf8, { size: 10, keep: 50 }) };
  const program = job('j', [
    input
      .pipe(
        process(
          'p',
          { stores, outputs: emits<string>() },
          ({ stores: { first, second }, forward, streamTimeMs }) =>
            (value, { key, timestampMs }) => {
              forward(String(streamTimeMs()));
              if (value === 'first') first.put(key, value);
              else second.put(key, timestampMs, value);
            },
        ),
      )
      .to(out),
  ]);
  const rig = await startRig(program, comeback);
  rig.send('in', 'k', 'first', 5);
  rig.send('in', 'k', 'second', 100);
  rig.take();
  await rig.restart();
  rig.send('in', 'k', 'first', 6);
  expect(rig.take()).toEqual(['k=100@6']);
});
