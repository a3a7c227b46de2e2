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

  describe('a call that fails', () => {
    type Attempt = { readonly value: string; readonly signal: AbortSignal; readonly latch: Latch<string> };
    function trying(options: { timeoutMs?: number; times?: number; when?: (error: unknown) => boolean }) {
      const attempts: Attempt[] = [];
      const { timeoutMs = null, times, when = () => true } = options;
      const harness = startTask({
        steps: inLine([
          input,
          {
            kind: 'mapAsync',
            project: (value: string, _, signal) => {
              const latch = createLatch<string>();
              attempts.push({ value, signal, latch });
              return latch.promise;
            },
            concurrency: 2,
            order: 'kept',
            timeoutMs,
            retry: times === undefined ? null : { times, firstMs: 100, maxMs: 300, when },
          },
          out,
        ]),
      });
      const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
      const reject = async (at: number) => {
        attempts[at]!.latch.reject(new Error(`attempt ${at}`));
        await turn();
      };
      return { ...harness, attempts, reject, turn };
    }

    test('is made again after waits that double up to the longest, and keeps its place and its offset', async () => {
      const { task, feed, attempts, reject, turn, clock, take } = trying({ times: 3 });
      feed([{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
      task.process(10);
      attempts[1]!.latch.resolve('b!');
      await turn();
      for (const [at, shortMs, restMs] of [
        [0, 79, 41],
        [2, 159, 81],
        [3, 239, 61],
      ] as const) {
        await reject(at);
        clock.advance(shortMs);
        expect(attempts.length).toBe(at === 0 ? 2 : at + 1);
        clock.advance(restMs);
        expect(attempts.length).toBe(at === 0 ? 3 : at + 2);
      }
      expect(task.blocked).toBe(true);
      expect(task.positions()).toEqual([{ input: 0, offset: 0 }]);
      attempts[4]!.latch.resolve('a!');
      await turn();
      expect(take()).toEqual(['null=a!', 'null=b!']);
      expect(task.positions()).toEqual([{ input: 0, offset: 2 }]);
    });

    test('goes to the error policy when it was made often enough, or is not worth it', async () => {
      const often = trying({ times: 1 });
      often.feed([{ value: 'a' }]);
      often.task.process(1);
      await often.reject(0);
      often.clock.advance(200);
      await often.reject(1);
      await expect(often.task.settle()).rejects.toThrow('offset 0: attempt 1');
      const hopeless = trying({ times: 9, when: (error) => !(error as Error).message.includes('attempt 0') });
      hopeless.feed([{ value: 'a' }]);
      hopeless.task.process(1);
      await hopeless.reject(0);
      await expect(hopeless.task.settle()).rejects.toThrow('offset 0: attempt 0');
    });

    test('fails when it takes too long, is told by its signal, and may be made again', async () => {
      const { task, feed, attempts, clock, turn, take } = trying({ timeoutMs: 50, times: 1 });
      feed([{ value: 'a' }, { value: 'b' }]);
      task.process(10);
      clock.advance(50);
      expect(attempts.map(({ signal }) => signal.aborted)).toEqual([true, true]);
      // An answer to the call that was given up is none.
      attempts[0]!.latch.resolve('too late');
      clock.advance(120);
      expect(attempts.map(({ value }) => value).sort()).toEqual(['a', 'a', 'b', 'b']);
      const again = attempts.slice(2);
      again.find(({ value }) => value === 'a')!.latch.resolve('a!');
      await turn();
      expect(take()).toEqual(['null=a!']);
      clock.advance(50);
      await expect(task.settle()).rejects.toThrow('offset 1: its call took longer than 50 ms');
    });

    test('is told by its signal that the task closes, and not made again', async () => {
      const { task, feed, attempts, clock, reject } = trying({ times: 5 });
      feed([{ value: 'a' }, { value: 'b' }]);
      task.process(10);
      await reject(0);
      await task.close();
      expect(attempts[1]!.signal.aborted).toBe(true);
      clock.advance(1_000);
      expect(attempts).toHaveLength(2);
    });
  });

  test('leaves no timer behind when it closes, also where the call heeds no signal', async () => {
    const timers = new Set<object>();
    const { task, feed, clock } = startTask({
      steps: inLine([
        input,
        { kind: 'mapAsync', project: () => new Promise(() => {}), concurrency: 2, order: 'kept', timeoutMs: 60_000 },
        out,
      ]),
    });
    const { after } = clock;
    clock.after = (delayMs, callback) => {
      const timer = after(delayMs, callback);
      timers.add(timer);
      return {
        cancel() {
          timers.delete(timer);
          timer.cancel();
        },
      };
    };
    feed([{ value: 'a' }, { value: 'b' }]);
    task.process(10);
    expect(timers.size).toBe(2);
    await task.close();
    expect(timers.size).toBe(0);
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
