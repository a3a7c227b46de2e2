import { expect, test } from 'vitest';
import { generate } from '../../../connectors/generate/index.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import type { Random } from '../../../core/kernel/random.ts';
import { connectorContext, pollAll, sourceContract } from '../../contracts/source.ts';

const value = (n: number, random: Random) => ({ n, dice: random.integer(6), big: random.next() });

sourceContract('a generator', async () => {
  const make = (seed = 7) => generate({ value, count: 25, seed });
  const expected = (await pollAll(await make().open(null, connectorContext()))).map((record) => record.value);
  return { make, expected };
});

test('gives the same for a seed, something else for another, and varies', async () => {
  const all = async (seed: number) =>
    (await pollAll(await generate({ value, count: 1_000, seed }).open(null, connectorContext()))).map(
      (record) => record.value,
    );
  expect(await all(1)).toEqual(await all(1));
  expect(await all(1)).not.toEqual(await all(2));
  const faces = new Map<number, number>();
  for (const { dice } of await all(3)) faces.set(dice, (faces.get(dice) ?? 0) + 1);
  for (let face = 0; face < 6; face++) expect(faces.get(face)).toBeGreaterThan(110);
  expect(new Set((await all(3)).map(({ big }) => big)).size).toBe(1_000);
});

test('keeps to its rate, by the clock', async () => {
  const clock = createManualClock(5_000);
  const task = await generate({ value: (n) => n, rate: 4 }).open(null, connectorContext({ clock }));
  let arrived: readonly { value: number }[] | null = null;
  const polled = task.poll(10).then((records) => {
    arrived = records;
  });
  clock.advance(249);
  await new Promise((resolve) => setImmediate(resolve));
  expect(arrived).toBeNull();
  clock.advance(1);
  await polled;
  expect(arrived).toMatchObject([{ value: 0 }]);
  clock.advance(1_000);
  expect((await task.poll(10)).map((record) => record.value)).toEqual([1, 2, 3, 4]);
  await task.close();
});

test('without end it is unbounded and gives a bounded number at once', async () => {
  const source = generate({ value: (n) => n, timestampMs: (n) => n * 10 });
  expect(source).toMatchObject({ bounded: false, replayable: true, name: 'generate' });
  const task = await source.open({ index: 5 }, connectorContext());
  expect(await task.poll(2)).toEqual([
    { value: 5, timestampMs: 50, offset: { index: 6 } },
    { value: 6, timestampMs: 60, offset: { index: 7 } },
  ]);
  expect((await task.poll(1e9)).length).toBe(1_000);
  await task.close();
});
