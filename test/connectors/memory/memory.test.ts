import { expect, test } from 'vitest';
import { memorySink, memorySource } from '../../../connectors/memory/index.ts';
import { sinkContract, sinkRecord } from '../../contracts/sink.ts';
import { connectorContext, sourceContract } from '../../contracts/source.ts';

const values = ['a', '', 'c', null, 0];

sourceContract('an array', () => {
  const source = memorySource(values);
  source.end();
  return { make: () => source, expected: values };
});

sourceContract('a queue without end', () => {
  const source = memorySource(values, { bounded: false });
  return { make: () => source, expected: values };
});

sinkContract('an array', () => {
  const sink = memorySink<string, string>();
  return { make: () => sink, written: () => sink.values };
});

test('a reader gets what is pushed while it waits, and the end', async () => {
  const source = memorySource<number>();
  const task = await source.open(null, connectorContext());
  const first = task.poll(10);
  source.push(1, 2);
  expect((await first).map(({ value }) => value)).toEqual([1, 2]);
  const last = task.poll(10);
  source.end();
  expect(await last).toEqual([]);
  expect(() => source.push(3)).toThrow(/has ended/);
  expect(() => memorySource([], { bounded: false }).end()).toThrow(/not bounded/);
});

test('a sink drops what was not flushed', async () => {
  const sink = memorySink<string, number>();
  const task = await sink.open({ ...connectorContext(), task: '0_0' });
  await task.write([sinkRecord('k', 1)]);
  expect(sink.values).toEqual([]);
  await task.close();
  expect(sink.values).toEqual([]);
});
