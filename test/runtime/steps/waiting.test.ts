// mapAsync and connectorSink: steps that hold records beyond the call.
import { describe, expect, test } from 'vitest';
import { createLatch, type Latch } from '../../../core/kernel/latch.ts';
import type { SinkRecord } from '../../../dsl/connector.ts';
import { text } from '../../support/store-specs.ts';
import { inLine, startTask, textTopic } from '../task/task-harness.ts';

const input = { kind: 'input', input: 0 } as const;
const out = { kind: 'topicSink', topic: textTopic('out'), internal: false } as const;
const skip = { kind: 'skip' } as const;

describe('mapAsync', () => {
  function start(order: 'kept' | 'any', concurrency: number, options: Parameters<typeof startTask>[0]['options'] = {}) {
    const calls = new Map<string, Latch<string>>();
    const project = (value: string) => {
      const latch = createLatch<string>();
      calls.set(value, latch);
      return latch.promise;
    };
    const harness = startTask({
      steps: inLine([input, { kind: 'mapAsync', project, concurrency, order }, out]),
      options,
    });
    const answer = async (value: string) => {
      calls.get(value)!.resolve(`${value}!`);
      await Promise.resolve();
      await Promise.resolve();
    };
    return { ...harness, calls, answer };
  }

  test('takes as many as it may at a time, then blocks the task until one is answered', async () => {
    const { task, feed, calls, answer, take } = start('any', 2);
    feed([{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
    expect(task.process(10)).toBe(2);
    expect(task.blocked).toBe(true);
    expect(task.process(10)).toBe(0);
    expect([...calls.keys()]).toEqual(['a', 'b']);
    const ready = task.ready();
    await answer('b');
    await ready;
    expect(task.blocked).toBe(false);
    expect(take()).toEqual(['null=b!']);
    expect(task.process(10)).toBe(1);
    const settled = task.settle();
    await answer('a');
    await answer('c');
    await settled;
    expect(take()).toEqual(['null=a!', 'null=c!']);
  });

  test('keeps the order where it is asked to, whatever the order of answers', async () => {
    const { task, feed, answer, take } = start('kept', 3);
    feed([{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
    task.process(10);
    await answer('c');
    await answer('b');
    expect(take()).toEqual([]);
    await answer('a');
    expect(take()).toEqual(['null=a!', 'null=b!', 'null=c!']);
  });

  test('each answer has its own record’s key, time and headers, and its context stays readable', async () => {
    const latches: Latch<void>[] = [];
    const project = async (_: string, context: { key: unknown; offset: number; timestampMs: number }) => {
      const latch = createLatch();
      latches.push(latch);
      await latch.promise;
      return `${context.key} ${context.offset} ${context.timestampMs}`;
    };
    const { task, feed, written } = startTask({
      steps: inLine([input, { kind: 'mapAsync', project, concurrency: 9, order: 'any' }, out]),
    });
    feed([
      { key: 'a', value: '', timestampMs: 5, headers: [['h', text.encode('1')]] },
      { key: 'b', value: '', timestampMs: 6, headers: [['h', text.encode('2')]] },
    ]);
    task.process(10);
    latches[1]!.resolve();
    latches[0]!.resolve();
    await task.settle();
    expect(written).toEqual([
      { topic: 'out', key: 'b', value: 'b 1 6', timestampMs: 6, headers: { h: '2' } },
      { topic: 'out', key: 'a', value: 'a 0 5', timestampMs: 5, headers: { h: '1' } },
    ]);
  });

  test('offsets wait for the answers: only what is entirely processed is committed (C45)', async () => {
    const { task, feed, answer } = start('any', 5);
    feed([{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
    task.process(10);
    expect(task.positions()).toEqual([{ input: 0, offset: 0 }]);
    await answer('b');
    expect(task.positions()).toEqual([{ input: 0, offset: 0 }]);
    await answer('a');
    expect(task.positions()).toEqual([{ input: 0, offset: 2 }]);
    await answer('c');
    expect(task.positions()).toEqual([{ input: 0, offset: 3 }]);
  });

  test('a rejected promise goes to the error policy', async () => {
    const failing = start('kept', 2);
    failing.feed([{ value: 'a' }]);
    failing.task.process(1);
    failing.calls.get('a')!.reject(new Error('no answer'));
    await expect(failing.task.settle()).rejects.toThrowError(
      /'mapAsync' could not process the record at in-3 offset 0: no answer/,
    );
    expect(() => failing.task.process(1)).toThrowError(/no answer/);
    const skipping = start('kept', 3, { onError: { decode: skip, process: skip, produce: skip } });
    skipping.feed([{ value: 'a' }, { value: 'b' }]);
    skipping.task.process(10);
    await skipping.answer('b');
    skipping.calls.get('a')!.reject(new Error('no answer'));
    await skipping.task.settle();
    expect(skipping.take()).toEqual(['null=b!']);
    expect(skipping.metrics.skipped.process).toBe(1);
  });

  test('one record that makes many still runs no more than it may at a time', async () => {
    let running = 0;
    let most = 0;
    const project = async (value: string) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running -= 1;
      return value;
    };
    const harness = startTask({
      steps: inLine([
        input,
        { kind: 'flatMap', project: () => Array.from({ length: 20 }, (_, i) => String(i)) },
        { kind: 'mapAsync', project, concurrency: 3, order: 'kept' },
        { kind: 'mapAsync', project: async (value) => value, concurrency: 1, order: 'kept' },
        out,
      ]),
    });
    harness.feed([{ value: 'x' }]);
    harness.task.process(1);
    await harness.task.settle();
    expect(harness.take()).toEqual(Array.from({ length: 20 }, (_, i) => `null=${i}`));
    expect(most).toBe(3);
  });

  test('what is answered after the close goes nowhere', async () => {
    const { task, feed, answer, take } = start('any', 2);
    feed([{ value: 'a' }]);
    task.process(1);
    await task.close();
    await answer('a');
    expect(take()).toEqual([]);
  });
});

describe('connectorSink', () => {
  const step = {
    kind: 'connectorSink',
    connector: {
      name: 's',
      delivery: 'repeats',
      open: async () => {
        throw new Error('not here');
      },
    },
  } as const;

  function start(write: (records: readonly SinkRecord<unknown, unknown>[]) => Promise<void>) {
    let flushes = 0;
    const harness = startTask({
      steps: inLine([input, step]),
      sink: { write, flush: async () => void (flushes += 1), close: async () => {} },
    });
    return { ...harness, flushes: () => flushes };
  }

  test('gets what a turn made in one call, and is flushed when the task settles', async () => {
    const calls: (readonly unknown[])[] = [];
    const { task, feed, flushes } = start(
      async (records) =>
        void calls.push(records.map(({ key, value, offset, timestampMs }) => [key, value, offset, timestampMs])),
    );
    feed([
      { key: 'a', value: '1', timestampMs: 4 },
      { key: null, value: '2', timestampMs: 5 },
    ]);
    task.process(10);
    expect(task.positions()).toEqual([{ input: 0, offset: 0 }]);
    await task.settle();
    expect(calls).toEqual([
      [
        ['a', '1', 0, 4],
        [null, '2', 1, 5],
      ],
    ]);
    expect(flushes()).toBe(1);
    expect(task.positions()).toEqual([{ input: 0, offset: 2 }]);
    await task.settle();
    expect(flushes()).toBe(1);
  });

  test('a slow sink stops the task at a bound', async () => {
    const latch = createLatch();
    let most = 0;
    const { task, feed } = start(async (records) => {
      most = Math.max(most, records.length);
      await latch.promise;
    });
    feed(Array.from({ length: 5_000 }, (_, i) => ({ value: String(i) })));
    let taken = task.process(10);
    await Promise.resolve();
    await Promise.resolve();
    while (!task.blocked) taken += task.process(100);
    expect(taken).toBeLessThanOrEqual(1_110);
    const ready = task.ready();
    latch.resolve();
    await ready;
    while (taken < 5_000) {
      taken += task.process(10_000);
      await task.ready();
    }
    await task.settle();
    expect(most).toBe(1_000);
  });

  test('what the sink throws fails the task', async () => {
    const { task, feed } = start(async () => {
      throw new Error('disk full');
    });
    feed([{ value: 'a' }]);
    task.process(1);
    await expect(task.settle()).rejects.toThrowError('disk full');
    expect(() => task.process(1)).toThrowError('disk full');
  });
});
