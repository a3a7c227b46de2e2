import { describe, expect, test } from 'vitest';
import type { Step } from '../../../dsl/compile/topology.ts';
import { inLine, startTask, textTopic } from '../task/task-harness.ts';

const input = { kind: 'input', input: 0 } as const;
const out = { kind: 'topicSink', topic: textTopic('out'), internal: false } as const;

function run(steps: Step[], records: Parameters<ReturnType<typeof startTask>['feed']>[0]) {
  const harness = startTask({ steps });
  harness.feed(records);
  harness.task.process(1_000);
  return harness;
}

describe('filter, map, flatMap, tap', () => {
  test('filter passes on what holds, map changes the value and keeps key and time', () => {
    const steps = inLine([
      input,
      { kind: 'filter', predicate: (value) => value !== 'b' },
      { kind: 'map', project: (value) => `${value}${value}` },
      out,
    ]);
    const { written } = run(steps, [
      { key: 'k', value: 'a', timestampMs: 1 },
      { key: 'k', value: 'b', timestampMs: 2 },
      { key: null, value: 'c', timestampMs: 3 },
    ]);
    expect(written.map(({ key, value, timestampMs }) => [key, value, timestampMs])).toEqual([
      ['k', 'aa', 1],
      [null, 'cc', 3],
    ]);
  });

  test('a value mapped to null or undefined is a tombstone', () => {
    const { take } = run(
      inLine([input, { kind: 'map', project: (value) => (value === 'u' ? undefined : null) }, out]),
      [
        { key: 'k', value: 'u' },
        { key: 'k', value: 'n' },
      ],
    );
    expect(take()).toEqual(['k=null', 'k=null']);
  });

  test('flatMap makes any number, of any iterable, and of none where it fails halfway', () => {
    const words = function* (value: string) {
      for (const word of value.split(' ')) {
        if (word === 'bad') throw new Error('bad word');
        yield word;
      }
    };
    const skip = { kind: 'skip' } as const;
    const harness = startTask({
      steps: inLine([input, { kind: 'flatMap', project: words }, out]),
      options: { onError: { decode: skip, process: skip, produce: skip } },
    });
    harness.feed([{ value: 'a b' }, { value: 'c bad d' }, { value: 'e' }]);
    harness.task.process(10);
    expect(harness.take()).toEqual(['null=a', 'null=b', 'null=e']);
    expect(
      run(inLine([input, { kind: 'flatMap', project: (value) => (value === '' ? [] : [value, value]) }, out]), [
        { value: '' },
        { value: 'x' },
      ]).take(),
    ).toEqual(['null=x', 'null=x']);
  });

  test('tap sees the record and leaves it as it is', () => {
    const seen: unknown[] = [];
    const { take } = run(inLine([input, { kind: 'tap', look: (value) => seen.push(value) }, out]), [
      { key: 'k', value: 'a' },
    ]);
    expect(seen).toEqual(['a']);
    expect(take()).toEqual(['k=a']);
  });
});

describe('mapRecord, selectKey', () => {
  test('mapRecord gives key, value and, where it says so, time', () => {
    const project = (value: string) =>
      value === 'timed' ? { key: 'n', value: 'x', timestampMs: 99 } : { key: 'n', value };
    const { written } = run(inLine([input, { kind: 'mapRecord', project }, out]), [
      { key: 'k', value: 'timed', timestampMs: 1 },
      { key: 'k', value: 'not', timestampMs: 2 },
    ]);
    expect(written.map(({ key, value, timestampMs }) => [key, value, timestampMs])).toEqual([
      ['n', 'x', 99],
      ['n', 'not', 2],
    ]);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('mapRecord may not give the time %d', (timestampMs) => {
    const steps = inLine([input, { kind: 'mapRecord', project: () => ({ key: 'k', value: 'v', timestampMs }) }, out]);
    expect(() => run(steps, [{ value: 'v' }])).toThrowError(
      /'mapRecord' could not process the record at in-3 offset 0: timestamp/,
    );
  });

  test('selectKey gives the key that later steps see; undefined is null', () => {
    const keys: unknown[] = [];
    const steps = inLine([
      input,
      { kind: 'selectKey', keyOf: (value) => (value === 'none' ? undefined : `${value}!`) },
      { kind: 'tap', look: (_, { key }) => keys.push(key) },
      out,
    ]);
    expect(
      run(steps, [
        { key: 'k', value: 'a' },
        { key: 'k', value: 'none' },
      ]).take(),
    ).toEqual(['a!=a', 'null=none']);
    expect(keys).toEqual(['a!', null]);
  });

  test('a sibling branch still sees the key of the input', () => {
    const keys: unknown[] = [];
    const steps = inLine([
      input,
      { kind: 'selectKey', keyOf: () => 'other' },
      out,
      { kind: 'tap', parents: [0], look: (_, { key }) => keys.push(key) },
    ]);
    run(steps, [{ key: 'k', value: 'a' }]);
    expect(keys).toEqual(['k']);
  });
});

describe('split, merge, repartition', () => {
  test('split sends each record to the first branch that holds, or to the rest', () => {
    const predicates = [(value: string) => value.startsWith('a'), (value: string) => value.length > 2];
    const steps = inLine([
      input,
      { kind: 'split', predicates },
      { kind: 'branch', index: 0, parents: [1] },
      { kind: 'topicSink', topic: textTopic('a'), internal: false, parents: [2] },
      { kind: 'branch', index: 1, parents: [1] },
      { kind: 'topicSink', topic: textTopic('long'), internal: false, parents: [4] },
      { kind: 'branch', index: 2, parents: [1] },
      { kind: 'topicSink', topic: textTopic('rest'), internal: false, parents: [6] },
    ]);
    const { written } = run(steps, [{ value: 'abc' }, { value: 'xyz' }, { value: 'x' }]);
    expect(written.map(({ topic, value }) => `${topic}:${value}`)).toEqual(['a:abc', 'long:xyz', 'rest:x']);
  });

  test('a branch nobody reads takes its records all the same', () => {
    const steps = inLine([
      input,
      { kind: 'split', predicates: [(value: string) => value === 'a'] },
      { kind: 'branch', index: 1, parents: [1] },
      out,
    ]);
    expect(run(steps, [{ value: 'a' }, { value: 'b' }]).take()).toEqual(['null=b']);
  });

  test('what follows one step gets each record in the order of the program, each to its end first', () => {
    const steps = inLine([
      input,
      { kind: 'map', project: (value) => `1${value}`, parents: [0] },
      { kind: 'map', project: (value) => `2${value}`, parents: [0] },
      { kind: 'map', project: (value) => `3${value}`, parents: [0] },
      { kind: 'merge', parents: [1, 2, 3] },
      out,
    ]);
    expect(run(steps, [{ value: 'a' }, { value: 'b' }]).take()).toEqual([
      'null=1a',
      'null=2a',
      'null=3a',
      'null=1b',
      'null=2b',
      'null=3b',
    ]);
  });

  test('a repartition drops and counts records without a key, a topic of the user’s takes them', () => {
    const steps = inLine([
      input,
      { kind: 'topicSink', topic: textTopic('job-x-repartition'), internal: true },
      { ...out, parents: [0] },
    ]);
    const { written, metrics } = run(steps, [
      { key: null, value: 'a' },
      { key: 'k', value: null },
    ]);
    expect(written.map(({ topic, key }) => [topic, key])).toEqual([
      ['out', null],
      ['job-x-repartition', 'k'],
      ['out', 'k'],
    ]);
    expect(metrics.dropped.nullKey).toBe(1);
  });
});
