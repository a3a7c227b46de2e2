import { describe, expect, test } from 'vitest';
import { wholeMs } from '../../../runtime/task/record-queue.ts';
import { keyValueSpec, text, windowSpec } from '../../support/store-specs.ts';
import * as harness from './task-harness.ts';
import { inLine, startTask, streamInput, textTopic } from './task-harness.ts';

const out = { kind: 'topicSink', topic: textTopic('out'), internal: false } as const;
const passing = inLine([{ kind: 'input', input: 0 }, out]);
const skip = { kind: 'skip' } as const;

describe('a task over one input', () => {
  test('passes on key, value, time and headers, and says how far it came', () => {
    const { task, feed, written, metrics } = startTask({ steps: passing });
    feed([
      { key: 'a', value: '1', timestampMs: 5, headers: [['h', text.encode('x')]] },
      { key: null, value: '', timestampMs: 3 },
      { key: '', value: null, timestampMs: 4 },
    ]);
    expect(task.positions()).toEqual([{ input: 0, offset: 0 }]);
    expect(task.process(2)).toBe(2);
    expect(task.positions()).toEqual([{ input: 0, offset: 2 }]);
    expect(task.process(10)).toBe(1);
    expect(written).toEqual([
      { topic: 'out', key: 'a', value: '1', timestampMs: 5, headers: { h: 'x' } },
      { topic: 'out', key: null, value: '', timestampMs: 3, headers: {} },
      { topic: 'out', key: '', value: null, timestampMs: 4, headers: {} },
    ]);
    expect(task.positions()).toEqual([{ input: 0, offset: 3 }]);
    expect(task.streamTimeMs).toBe(5);
    expect(metrics.recordsProcessed).toBe(3);
    expect(metrics.recordsWritten).toBe(3);
    expect(task.bufferedBytes(0)).toBe(0);
  });

  test('skips what lies below the fetch offset, and goes past control batches and gaps (C41)', () => {
    const { task, written } = startTask({ steps: passing });
    const { batchOf } = harness;
    const batch = batchOf([{ value: 'old' }, { value: 'a' }, { value: 'b' }], 10);
    task.enqueue(0, { fetchOffset: 11, batches: [batch], nextOffset: 15 });
    expect(task.positions()).toEqual([{ input: 0, offset: 11 }]);
    task.process(100);
    expect(written.map(({ value }) => value)).toEqual(['a', 'b']);
    expect(task.positions()).toEqual([{ input: 0, offset: 15 }]);
    task.enqueue(0, { fetchOffset: 15, batches: [], nextOffset: 16 });
    expect(task.positions()).toEqual([{ input: 0, offset: 16 }]);
  });

  test('gives a function the record at hand, its key decoded only when asked for', () => {
    const seen: unknown[] = [];
    let decoded = 0;
    const decode = (bytes: Uint8Array) => {
      decoded += 1;
      return text.decode(bytes);
    };
    const key = { ...text, decode };
    const steps = inLine([
      { kind: 'input', input: 0 },
      { kind: 'filter', predicate: (value, context) => value === 'plain' || context.key === 'k' },
      { kind: 'selectKey', keyOf: (value) => `${value}!` },
      {
        kind: 'tap',
        look: (_, { key: now, topic, partition, offset, timestampMs, headers }) =>
          seen.push([now, topic, partition, offset, timestampMs, headers.length]),
      },
    ]);
    const { task, feed } = startTask({ steps, inputs: [streamInput('in', { key })] });
    feed([
      { key: 'k', value: 'plain' },
      { key: 'k', value: 'asks', timestampMs: 9 },
    ]);
    task.process(10);
    expect(seen).toEqual([
      ['plain!', 'in', 3, 0, 0, 0],
      ['asks!', 'in', 3, 1, 9, 0],
    ]);
    expect(decoded).toBe(1);
  });

  test('hands the key bytes on where the key is the input’s, and encodes it where it is another or the serde is', () => {
    let encoded = 0;
    const encode = (key: string) => {
      encoded += 1;
      return text.encode(key);
    };
    const counting = { ...text, encode };
    const sink = (key: typeof text) =>
      ({ kind: 'topicSink', topic: textTopic('out', { key }), internal: false }) as const;
    const run = (steps: Parameters<typeof inLine>[0]) => {
      encoded = 0;
      const harness = startTask({ steps: inLine(steps), inputs: [streamInput('in', { key: counting })] });
      harness.feed([{ key: 'k', value: 'v' }]);
      harness.task.process(1);
      expect(harness.take()).toEqual(['k=v']);
      return encoded;
    };
    const input = { kind: 'input', input: 0 } as const;
    expect(run([input, { kind: 'map', project: (value) => value }, sink(counting)])).toBe(0);
    expect(run([input, sink({ ...counting })])).toBe(1);
    expect(run([input, { kind: 'selectKey', keyOf: () => 'k' }, sink(counting)])).toBe(1);
  });

  test('an event time of the topic’s own decides, and a table of it is told null values as well', () => {
    const timestampOf = (value: string) => Number(value);
    const { task, feed, written } = startTask({ steps: passing, inputs: [streamInput('in', { timestampOf })] });
    feed([
      { value: '77', timestampMs: 5 },
      { value: null, timestampMs: 6 },
    ]);
    task.process(10);
    expect(written.map(({ timestampMs }) => timestampMs)).toEqual([77, 6]);
  });
});

describe('bad records', () => {
  const numbers = {
    ...text,
    decode: (bytes: Uint8Array) => {
      const value = text.decode(bytes);
      if (Number.isNaN(Number(value))) throw new Error(`'${value}' is no number`);
      return value;
    },
  };

  test('stop the task by default, with an error that names operator and place, again at every call (C46)', () => {
    const { task, feed } = startTask({ steps: passing, inputs: [streamInput('in', { value: numbers })] });
    feed([{ value: '1' }, { value: 'x' }, { value: '2' }]);
    const message = /'read in' could not decode the record at in-3 offset 1: 'x' is no number/;
    expect(() => task.process(10)).toThrowError(message);
    expect(() => task.process(10)).toThrowError(message);
    expect(task.positions()).toEqual([{ input: 0, offset: 1 }]);
  });

  test('are skipped and counted where the job says so', () => {
    const { task, feed, take, metrics } = startTask({
      steps: inLine([
        { kind: 'input', input: 0 },
        {
          kind: 'map',
          project: (value) => {
            if (value === '13') throw new Error('unlucky');
            return value;
          },
        },
        out,
      ]),
      inputs: [streamInput('in', { value: numbers })],
      options: { onError: { decode: skip, process: skip, produce: skip } },
    });
    feed([{ value: '1' }, { value: 'x' }, { value: '13' }, { value: '2' }]);
    expect(task.process(10)).toBe(4);
    expect(take()).toEqual(['null=1', 'null=2']);
    expect(metrics.skipped).toEqual({ decode: 1, process: 1, produce: 0 });
    expect(task.positions()).toEqual([{ input: 0, offset: 4 }]);
  });

  test('go to the dead-letter topic as they came, with cause and origin in headers (C47)', () => {
    const deadLetter = { kind: 'deadLetter', topic: 'dead' } as const;
    const { task, feed, written, metrics } = startTask({
      steps: inLine([
        { kind: 'input', input: 0 },
        {
          kind: 'map',
          project: () => {
            throw new RangeError('too far');
          },
        },
        out,
      ]),
      inputs: [streamInput('in', { value: numbers })],
      options: { onError: { decode: deadLetter, process: deadLetter, produce: deadLetter } },
    });
    feed([
      { key: 'k', value: 'x', timestampMs: 7, headers: [['own', text.encode('kept')]] },
      { key: 'k', value: '1', timestampMs: 8 },
    ]);
    task.process(10);
    expect(written).toEqual([
      {
        topic: 'dead',
        key: 'k',
        value: 'x',
        timestampMs: 7,
        headers: {
          own: 'kept',
          'millrace.error.message': "'x' is no number",
          'millrace.error.operator': 'read in',
          'millrace.error.topic': 'in',
          'millrace.error.partition': '3',
          'millrace.error.offset': '0',
          'millrace.error.timestamp': '7',
          'millrace.error.stage': 'decode',
          'millrace.error.class': 'Error',
        },
      },
      {
        topic: 'dead',
        key: 'k',
        value: '1',
        timestampMs: 8,
        headers: {
          'millrace.error.message': 'too far',
          'millrace.error.operator': 'map',
          'millrace.error.topic': 'in',
          'millrace.error.partition': '3',
          'millrace.error.offset': '1',
          'millrace.error.timestamp': '8',
          'millrace.error.stage': 'process',
          'millrace.error.class': 'RangeError',
        },
      },
    ]);
    expect(metrics.recordsDeadLettered).toBe(2);
    expect(metrics.recordsWritten).toBe(0);
  });

  test('a result that cannot be encoded is an error of producing, a key that cannot be read one of decoding', () => {
    const failing = {
      ...text,
      encode: () => {
        throw new Error('no bytes');
      },
    };
    const badKey = {
      ...text,
      decode: () => {
        throw new Error('no key');
      },
    };
    const sink = {
      kind: 'topicSink',
      topic: textTopic('out', { key: badKey, value: failing }),
      internal: false,
    } as const;
    const { task, feed, metrics } = startTask({
      steps: inLine([
        { kind: 'input', input: 0 },
        { kind: 'filter', predicate: (value, context) => value === 'v' || context.key !== null },
        sink,
      ]),
      inputs: [streamInput('in', { key: badKey })],
      options: { onError: { decode: skip, process: { kind: 'fail' }, produce: skip } },
    });
    feed([
      { key: 'k', value: 'v' },
      { key: 'k', value: 'asks for the key' },
    ]);
    task.process(10);
    expect(metrics.skipped).toEqual({ decode: 1, process: 0, produce: 1 });
  });

  test('a value that a serde decodes to undefined is a value, and no record that is lost', () => {
    const seen: unknown[] = [];
    const { task, feed } = startTask({
      steps: inLine([
        { kind: 'input', input: 0 },
        { kind: 'tap', look: (value) => seen.push(value) },
      ]),
      inputs: [streamInput('in', { value: { ...text, decode: () => undefined } as never })],
    });
    feed([{ value: 'x' }]);
    task.process(1);
    expect(seen).toEqual([undefined]);
  });

  test('a branch that fails leaves the others their record', () => {
    const steps = inLine([
      { kind: 'input', input: 0 },
      {
        kind: 'map',
        project: () => {
          throw new Error('here');
        },
      },
      out,
      { kind: 'map', parents: [0], project: (value) => `${value}, there` },
      out,
    ]);
    const { task, feed, take } = startTask({
      steps,
      options: { onError: { decode: skip, process: skip, produce: skip } },
    });
    feed([{ value: 'v' }]);
    task.process(1);
    expect(take()).toEqual(['null=v, there']);
  });

  test('a negative time stops the task, or drops the record and counts it (C20)', () => {
    const failing = startTask({ steps: passing });
    failing.feed([{ value: 'v', timestampMs: -5 }]);
    expect(() => failing.task.process(1)).toThrowError(/timestamp -5 at in-3 offset 0/);
    const skipping = startTask({ steps: passing, options: { negativeTimestamp: 'skip' } });
    skipping.feed([
      { value: 'v', timestampMs: -5 },
      { value: 'w', timestampMs: 0 },
    ]);
    skipping.task.process(10);
    expect(skipping.take()).toEqual(['null=w']);
    expect(skipping.metrics.dropped.negativeTimestamp).toBe(1);
    expect(skipping.task.positions()).toEqual([{ input: 0, offset: 2 }]);
  });

  test('a time that a source or a function makes of a text is no time where the text was none; fractions go', () => {
    expect([Number.NaN, Number.POSITIVE_INFINITY, -0.5, 1_500.75, 7].map(wholeMs)).toEqual([-1, -1, -1, 1_500, 7]);
  });
});

describe('a task over several inputs', () => {
  const inputs = [streamInput('left'), streamInput('right')];
  const merged = inLine([
    { kind: 'input', input: 0 },
    { kind: 'input', input: 1 },
    { kind: 'merge', parents: [0, 1] },
    out,
  ]);

  test('takes the oldest record next, whichever was fetched first (C6)', () => {
    const { task, feed, take } = startTask({ inputs, steps: merged });
    feed(
      [
        { value: 'l3', timestampMs: 3 },
        { value: 'l4', timestampMs: 4 },
      ],
      0,
    );
    feed(
      [
        { value: 'r1', timestampMs: 1 },
        { value: 'r9', timestampMs: 9 },
      ],
      1,
    );
    task.process(3);
    expect(take()).toEqual(['null=r1', 'null=l3', 'null=l4']);
    task.process(3);
    expect(take()).toEqual(['null=r9']);
  });

  test('the order never depends on how the fetches fell (C6)', () => {
    let seed = 5;
    const next = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    for (let round = 0; round < 100; round++) {
      const logs = [0, 1].map((side) =>
        Array.from({ length: next(12) }, (_, i) => ({ value: `${side}:${i}`, timestampMs: next(20) })),
      );
      const { task, written } = startTask({ inputs, steps: merged });
      const at = [0, 0];
      logs.forEach((log, input) => {
        task.enqueue(input, { fetchOffset: 0, batches: [], nextOffset: 0 });
        task.setEnd(input, log.length);
      });
      while (at.some((offset, input) => offset < logs[input]!.length)) {
        const input = next(2);
        const fetchOffset = at[input]!;
        const records = logs[input]!.slice(fetchOffset, fetchOffset + 1 + next(4));
        if (records.length > 0) {
          at[input] = fetchOffset + records.length;
          task.enqueue(input, {
            fetchOffset,
            batches: [harness.batchOf(records, fetchOffset)],
            nextOffset: at[input]!,
          });
        }
        task.process(1 + next(5));
      }
      while (task.process(100) > 0);
      expect(written.map(({ value }) => value)).toEqual(oldestFirst(logs));
    }
  });

  /** Of all heads the oldest, the first input's of two as old. */
  function oldestFirst(
    logs: readonly (readonly { readonly value: string; readonly timestampMs: number }[])[],
  ): string[] {
    const [left = [], right = []] = logs.map((log) => [...log]);
    const merged: string[] = [];
    while (left.length > 0 || right.length > 0) {
      const takeLeft = right.length === 0 || (left.length > 0 && left[0]!.timestampMs <= right[0]!.timestampMs);
      merged.push((takeLeft ? left : right).shift()!.value);
    }
    return merged;
  }

  test('waits for an input whose log has more, or of which the end is not known yet (C6)', () => {
    const { task, feed, take } = startTask({ inputs, steps: merged });
    feed([{ value: 'l3', timestampMs: 3 }], 0);
    expect(task.process(10)).toBe(0);
    task.enqueue(1, { fetchOffset: 7, batches: [], nextOffset: 7 });
    task.setEnd(1, 9);
    expect(task.process(10)).toBe(0);
    task.setEnd(1, 7);
    expect(task.process(10)).toBe(1);
    expect(take()).toEqual(['null=l3']);
  });

  test('waits for a caught-up input as long as maxTaskIdleMs says, and not again until it had records', () => {
    const { task, feed, clock, take } = startTask({ inputs, steps: merged, options: { maxTaskIdleMs: 100 } });
    feed([], 1);
    feed([{ value: 'l1', timestampMs: 1 }], 0);
    expect(task.process(10)).toBe(0);
    clock.advance(99);
    expect(task.process(10)).toBe(0);
    clock.advance(1);
    expect(task.process(10)).toBe(1);
    feed([{ value: 'l2', timestampMs: 2 }], 0);
    expect(task.process(10)).toBe(1);
    feed([{ value: 'r3', timestampMs: 3 }], 1);
    feed([{ value: 'l4', timestampMs: 4 }], 0);
    expect(task.process(10)).toBe(1);
    expect(task.process(10)).toBe(0);
    expect(take()).toEqual(['null=l1', 'null=l2', 'null=r3']);
  });

  test('reads a bootstrap input to its end before it begins with the others', () => {
    const store = keyValueSpec('table', { value: text });
    const table = { kind: 'topic', topic: textTopic('rows'), internal: false, role: 'table', bootstrap: true } as const;
    const steps = inLine([
      { kind: 'input', input: 0 },
      { kind: 'input', input: 1 },
      { kind: 'tableSource', store: 'table', parents: [1] },
      {
        kind: 'joinTable',
        table: 2,
        store: 'table',
        join: 'left',
        joiner: (l, r) => `${l}+${r}`,
        buffer: null,
        parents: [0],
      },
      out,
    ]);
    const { task, feed, take } = startTask({ inputs: [streamInput('stream'), table], steps, stores: [store] });
    feed([{ key: 'k', value: 's', timestampMs: 1 }], 0);
    expect(task.process(10)).toBe(0);
    const { batchOf } = harness;
    task.enqueue(1, {
      fetchOffset: 0,
      batches: [batchOf([{ key: 'k', value: 't1', timestampMs: 50 }], 0)],
      nextOffset: 1,
    });
    expect(task.process(10)).toBe(1);
    task.setEnd(1, 2);
    expect(task.process(10)).toBe(0);
    expect(take()).toEqual([]);
    task.enqueue(1, {
      fetchOffset: 1,
      batches: [batchOf([{ key: 'k', value: 't2', timestampMs: 60 }], 1)],
      nextOffset: 2,
    });
    expect(task.process(10)).toBe(2);
    expect(take()).toEqual(['k=s+t2']);
  });
});

describe('a connector as input', () => {
  const inputs = [
    {
      kind: 'connector',
      connector: {
        name: 'c',
        bounded: true,
        replayable: true,
        open: async () => {
          throw new Error('not here');
        },
      },
    },
  ] as const;

  test('its records get key null and the time of reading, and its offset is that of the last one processed', () => {
    const seen: unknown[] = [];
    const steps = inLine([
      { kind: 'input', input: 0 },
      {
        kind: 'tap',
        look: (value, { key, topic, offset, timestampMs }) => seen.push([value, key, topic, offset, timestampMs]),
      },
    ]);
    const { task } = startTask({ inputs, steps });
    expect(task.sourceOffset(0)).toBe(null);
    task.enqueueSource(0, [
      { value: 'a', offset: { line: 1 }, timestampMs: 5 },
      { value: 'b', offset: { line: 2 } },
    ]);
    expect(task.bufferedBytes(0)).toBe(512);
    task.process(1);
    expect(task.sourceOffset(0)).toEqual({ line: 1 });
    expect(task.bufferedBytes(0)).toBe(256);
    task.process(5);
    expect(task.sourceOffset(0)).toEqual({ line: 2 });
    expect(seen).toEqual([
      ['a', null, '', -1, 5],
      ['b', null, '', -1, 1_000_000],
    ]);
    expect(task.positions()).toEqual([]);
  });
});

test('a dead letter of a connector’s record has the value as JSON', () => {
  const inputs = [
    {
      kind: 'connector',
      connector: {
        name: 'c',
        bounded: true,
        replayable: true,
        open: async () => {
          throw new Error('not here');
        },
      },
    },
  ] as const;
  const dead = { kind: 'deadLetter', topic: 'dead' } as const;
  const { task, take } = startTask({
    inputs,
    steps: inLine([
      { kind: 'input', input: 0 },
      {
        kind: 'map',
        project: () => {
          throw new Error('no');
        },
      },
    ]),
    options: { onError: { decode: dead, process: dead, produce: dead } },
  });
  task.enqueueSource(0, [{ value: { n: 1n, s: 'x' }, offset: {} }]);
  task.process(1);
  expect(take()).toEqual(['null={"n":"1","s":"x"}']);
});

test('late records stay late after a restart (C12)', async () => {
  const stores = [windowSpec('windows')];
  const steps = inLine([
    { kind: 'input', input: 0 },
    {
      kind: 'aggregate',
      store: 'windows',
      window: stores[0]!.window,
      initial: () => 0,
      add: (n) => n + 1,
      result: null,
    },
    { kind: 'toStream' },
    { kind: 'map', project: String },
    { kind: 'mapRecord', project: (value, { key }) => ({ key: JSON.stringify(key), value }) },
    out,
  ]);
  const before = startTask({ steps, stores });
  before.feed([
    { key: 'k', value: 'a', timestampMs: 5 },
    { key: 'k', value: 'b', timestampMs: 100 },
  ]);
  before.task.process(10);
  await before.task.settle();
  const after = startTask({ steps, stores, state: before.state });
  after.feed([{ key: 'k', value: 'c', timestampMs: 7 }]);
  after.task.process(10);
  expect(after.take()).toEqual([]);
  expect(after.metrics.dropped.late).toBe(1);
});
