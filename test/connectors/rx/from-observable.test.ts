import { concat, NEVER, Observable, of, range, Subject, throwError } from 'rxjs';
import { expect, test } from 'vitest';
import { fromObservable } from '../../../connectors/rx/index.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { connectorContext, pollAll, sourceContract } from '../../contracts/source.ts';

sourceContract('an Observable that completes', () => ({
  make: () => fromObservable(() => of(1, 2, 3), { bounded: true }),
  expected: [1, 2, 3],
}));
sourceContract('an Observable', () => ({
  make: () => fromObservable(() => concat(of(1, 2, 3), NEVER)),
  expected: [1, 2, 3],
}));

test('gives values with the time at which they came, as they come', async () => {
  const clock = createManualClock(1_000);
  const subject = new Subject<string>();
  const task = await fromObservable(() => subject).open(null, connectorContext({ clock }));
  const first = task.poll(10);
  subject.next('a');
  expect(await first).toEqual([{ value: 'a', timestampMs: 1_000, offset: { count: 1 } }]);
  clock.advance(5);
  subject.next('b');
  subject.next('c');
  clock.advance(5);
  expect((await task.poll(1)).map(({ timestampMs }) => timestampMs)).toEqual([1_005]);
  expect((await task.poll(1)).map(({ offset }) => offset)).toEqual([{ count: 3 }]);
  await task.close();
});

test('subscribes once a start and unsubscribes when it is closed', async () => {
  let subscribed = 0;
  let unsubscribed = 0;
  const source = fromObservable(
    () =>
      new Observable<number>(() => {
        subscribed++;
        return () => unsubscribed++;
      }),
  );
  expect(source).toMatchObject({ bounded: false, replayable: false });
  const task = await source.open(null, connectorContext());
  expect([subscribed, unsubscribed]).toEqual([1, 0]);
  await task.close();
  expect([subscribed, unsubscribed]).toEqual([1, 1]);
});

test('an error fails the source, after what came before it', async () => {
  const task = await fromObservable(() =>
    concat(
      of(1),
      throwError(() => new Error('socket closed')),
    ),
  ).open(null, connectorContext());
  expect((await task.poll(10)).map(({ value }) => value)).toEqual([1]);
  await expect(task.poll(10)).rejects.toThrow('socket closed');
  await task.close();
});

test('more than the job can take is a fault, or dropped and said, but never memory without bound', async () => {
  const failing = await fromObservable(() => concat(range(0, 100), NEVER), { name: 'ticks', capacity: 10 }).open(
    null,
    connectorContext(),
  );
  expect(await failing.poll(100)).toHaveLength(10);
  await expect(failing.poll(100)).rejects.toMatchObject({
    code: 'SOURCE_OVERFLOW',
    message: expect.stringMatching(/^'ticks' is faster than the job: 10 values wait/),
  });
  await failing.close();

  const warned: object[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => void warned.push(fields) };
  const dropping = await fromObservable(() => range(0, 100), { capacity: 10, onOverflow: 'drop', bounded: true }).open(
    null,
    connectorContext({ logger }),
  );
  expect((await pollAll(dropping)).map(({ value }) => value)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(warned).toHaveLength(1);
  await dropping.close();
});
