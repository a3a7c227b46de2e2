import { describe, expect, test } from 'vitest';
import type { Windowed } from '../../../core/schema/windowed-key.ts';
import type { WindowSpec } from '../../../dsl/plan.ts';
import type { KeyValueStore, WindowStore } from '../../../runtime/state/store.ts';
import { json, keyValueSpec, text, windowSpec } from '../../support/store-specs.ts';
import { inLine, startTask, streamInput, textTopic } from '../task/task-harness.ts';

const input = { kind: 'input', input: 0 } as const;
const out = { kind: 'topicSink', topic: textTopic('out', { value: json }), internal: false } as const;
const store = 'store';
const toStream = { kind: 'toStream' } as const;

const counting = {
  kind: 'aggregate',
  store,
  window: null,
  initial: () => 0,
  add: (n: number) => n + 1,
  result: null,
} as const;

describe('aggregate', () => {
  const run = (
    aggregate: Partial<Extract<Parameters<typeof inLine>[0][number], { kind: 'aggregate' }>>,
    records: Parameters<ReturnType<typeof startTask>['feed']>[0],
  ) => {
    const harness = startTask({
      steps: inLine([input, { ...counting, ...aggregate }, toStream, out]),
      stores: [keyValueSpec(store)],
    });
    harness.feed(records);
    harness.task.process(1_000);
    return harness;
  };

  test('passes on every update, with the latest time of all that went in', () => {
    const { written } = run({}, [
      { key: 'a', value: 'x', timestampMs: 5 },
      { key: 'b', value: 'x', timestampMs: 4 },
      { key: 'a', value: 'x', timestampMs: 3 },
      { key: 'a', value: 'x', timestampMs: 9 },
    ]);
    expect(written.map(({ key, value, timestampMs }) => [key, value, timestampMs])).toEqual([
      ['a', '1', 5],
      ['b', '1', 4],
      ['a', '2', 5],
      ['a', '3', 9],
    ]);
  });

  test('drops and counts records without key or value (README of the vectors, rule 4)', () => {
    const { take, metrics } = run({}, [
      { key: null, value: 'x' },
      { key: 'a', value: null },
      { key: '', value: '' },
    ]);
    expect(take()).toEqual(['=1']);
    expect(metrics.dropped).toEqual({ nullKey: 1, nullValue: 1, late: 0, negativeTimestamp: 0 });
  });

  test('a reduce begins with the first value, an aggregate with what the key gives', () => {
    const concat = (a: string, b: string) => `${a}${b}`;
    const records = [
      { key: 'k', value: 'a' },
      { key: 'k', value: 'b' },
    ];
    expect(run({ initial: null, add: concat }, records).take()).toEqual(['k="a"', 'k="ab"']);
    expect(run({ initial: (key: string) => `${key}:`, add: concat }, records).take()).toEqual(['k="k:a"', 'k="k:ab"']);
  });

  test('shows the result of what it stores', () => {
    const { take, state } = run(
      {
        initial: () => ({ n: 0 }),
        add: ({ n }: { n: number }) => ({ n: n + 1 }),
        result: ({ n }: { n: number }) => -n,
      },
      [{ key: 'k', value: 'a' }],
    );
    expect(take()).toEqual(['k=-1']);
    expect((state.store(store) as KeyValueStore).get('k')!.value).toEqual({ n: 1 });
  });

  test('an accumulator of null deletes the row and passes on a tombstone; the next begins anew', () => {
    const add = (n: number, value: string) => (value === 'delete' ? null : n + 1);
    const { take } = run({ add }, [
      { key: 'k', value: 'x' },
      { key: 'k', value: 'x' },
      { key: 'k', value: 'delete' },
      { key: 'k', value: 'x' },
    ]);
    expect(take()).toEqual(['k=1', 'k=2', 'k=null', 'k=1']);
  });
});

describe('aggregate in windows', () => {
  const run = (
    window: WindowSpec,
    records: readonly (readonly [timestampMs: number, key?: string | null, value?: string | null])[],
  ) => {
    const steps = inLine([
      input,
      { ...counting, window },
      toStream,
      {
        kind: 'mapRecord',
        project: (value, context) => {
          const { key, startMs, endMs } = context.key as Windowed<string>;
          return { key: `${key}[${startMs},${endMs})`, value };
        },
      },
      out,
    ]);
    const harness = startTask({ steps, stores: [windowSpec(store, { window })] });
    harness.feed(records.map(([timestampMs, key = 'k', value = 'v']) => ({ key, value, timestampMs })));
    harness.task.process(1_000);
    return harness;
  };

  test('tumbling: each record is in one window, which holds its start and not its end', () => {
    expect(run({ kind: 'tumbling', sizeMs: 10, graceMs: 100 }, [[0], [9], [10], [5]]).take()).toEqual([
      'k[0,10)=1',
      'k[0,10)=2',
      'k[10,20)=1',
      'k[0,10)=3',
    ]);
  });

  test('hopping: none starts below 0, and one record counts in size / advance of them at most (C14)', () => {
    const window = { kind: 'hopping', sizeMs: 10, advanceMs: 5, graceMs: 100 } as const;
    expect(run(window, [[2], [12]]).take()).toEqual(['k[0,10)=1', 'k[5,15)=1', 'k[10,20)=1']);
    const every2s = run(
      { kind: 'hopping', sizeMs: 10, advanceMs: 5, graceMs: 0 },
      Array.from({ length: 50 }, (_, i) => [i * 2] as const),
    ).take();
    expect(Math.max(...every2s.map((line) => Number(line.split('=')[1])))).toBe(5);
  });

  test('a window is closed once its end plus grace is not after stream time, to the millisecond', () => {
    const window = { kind: 'tumbling', sizeMs: 10, graceMs: 5 } as const;
    const open = run(window, [[0], [14], [1]]);
    expect(open.take()).toEqual(['k[0,10)=1', 'k[10,20)=1', 'k[0,10)=2']);
    expect(open.metrics.dropped.late).toBe(0);
    const closed = run(window, [[0], [15], [1]]);
    expect(closed.take()).toEqual(['k[0,10)=1', 'k[10,20)=1']);
    expect(closed.metrics.dropped.late).toBe(1);
  });

  test('lateness is per record and window, and is counted so', () => {
    const { take, metrics } = run({ kind: 'hopping', sizeMs: 10, advanceMs: 5, graceMs: 0 }, [[12], [7]]);
    expect(take()).toEqual(['k[5,15)=1', 'k[10,20)=1', 'k[5,15)=2']);
    expect(metrics.dropped.late).toBe(1);
  });

  test('only records that reach the operator move its time, as in Kafka Streams', () => {
    const { take } = run({ kind: 'tumbling', sizeMs: 10, graceMs: 0 }, [[1], [500, null], [600, 'k', null], [2]]);
    expect(take()).toEqual(['k[0,10)=1', 'k[0,10)=2']);
  });

  test('windows behind size plus grace leave the store', () => {
    const { state } = run(
      { kind: 'tumbling', sizeMs: 10, graceMs: 20 },
      Array.from({ length: 1_000 }, (_, i) => [i * 10] as const),
    );
    const kept = [...(state.store(store) as WindowStore).all()].map(([{ startMs }]) => startMs);
    expect(kept).toEqual([9970, 9980, 9990]);
  });

  test('agrees with a plain model over random records', () => {
    let seed = 7;
    const next = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    for (let round = 0; round < 50; round++) {
      const sizeMs = 1 + next(20);
      const window: WindowSpec = { kind: 'hopping', sizeMs, advanceMs: 1 + next(sizeMs), graceMs: next(15) };
      const records = Array.from({ length: 60 }, (_, i) => [Math.max(0, i + next(30) - 20), `k${next(3)}`] as const);
      expect(run(window, records).take()).toEqual(model(window, records));
    }
  });

  /** Straight from the definition: every window start there is, no arithmetic of ours. */
  function model(
    window: Extract<WindowSpec, { kind: 'hopping' }>,
    records: readonly (readonly [number, string])[],
  ): string[] {
    const counts = new Map<string, number>();
    const lines: string[] = [];
    let streamTimeMs = -1;
    for (const [timestampMs, key] of records) {
      streamTimeMs = Math.max(streamTimeMs, timestampMs);
      for (let start = 0; start <= timestampMs; start += window.advanceMs) {
        const end = start + window.sizeMs;
        if (timestampMs >= end || end + window.graceMs <= streamTimeMs) continue;
        const name = `${key}[${start},${end})`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
        lines.push(`${name}=${counts.get(name)}`);
      }
    }
    return lines;
  }
});

describe('tables', () => {
  test('toTable keeps the newest value by order of arrival, deletes on null, and drops records without a key', () => {
    const harness = startTask({
      steps: inLine([input, { kind: 'toTable', store }, toStream, out]),
      stores: [keyValueSpec(store)],
    });
    harness.feed([
      { key: 'a', value: '1', timestampMs: 9 },
      { key: 'a', value: '2', timestampMs: 5 },
      { key: 'b', value: '3', timestampMs: 6 },
      { key: 'b', value: null, timestampMs: 7 },
      { key: null, value: 'x', timestampMs: 8 },
    ]);
    harness.task.process(10);
    expect(harness.written.map(({ key, value, timestampMs }) => [key, value, timestampMs])).toEqual([
      ['a', '"1"', 9],
      ['a', '"2"', 5],
      ['b', '"3"', 6],
      ['b', null, 7],
    ]);
    expect(harness.metrics.dropped.nullKey).toBe(1);
    expect([...(harness.state.store(store) as KeyValueStore).entries()]).toEqual([
      ['a', { value: '2', timestampMs: 5 }],
    ]);
  });
});

describe('joinTable', () => {
  const run = (
    join: 'inner' | 'left',
    feeds: (harness: ReturnType<typeof startTask>) => void,
    result: ((value: unknown) => unknown) | null = null,
  ) => {
    const table = {
      kind: 'topic',
      topic: textTopic('table'),
      internal: false,
      role: 'table',
      bootstrap: false,
    } as const;
    const steps = inLine([
      { kind: 'input', input: 0 },
      { kind: 'input', input: 1 },
      { kind: 'tableSource', store, parents: [1] },
      {
        kind: 'joinTable',
        table: 2,
        store,
        join,
        buffer: null,
        joiner: (left, right) => `${left}+${right}`,
        parents: [0],
      },
      { kind: 'topicSink', topic: textTopic('out'), internal: false },
    ]);
    const harness = startTask({
      inputs: [streamInput('stream'), table],
      steps,
      stores: [keyValueSpec(store, { value: text, result })],
    });
    harness.feed([], 0);
    harness.feed([], 1);
    feeds(harness);
    harness.task.process(1_000);
    return harness;
  };

  test('looks the key up as the table is then; the table triggers nothing; the time is the stream record’s', () => {
    const { written } = run('inner', ({ feed }) => {
      feed(
        [
          { key: 'k', value: 's1', timestampMs: 2 },
          { key: 'k', value: 's2', timestampMs: 4 },
          { key: 'x', value: 's3', timestampMs: 5 },
          { key: 'k', value: 's4', timestampMs: 6 },
        ],
        0,
      );
      feed(
        [
          { key: 'k', value: 't1', timestampMs: 1 },
          { key: 'k', value: 't2', timestampMs: 3 },
          { key: 'k', value: null, timestampMs: 6 },
        ],
        1,
      );
    });
    expect(written.map(({ key, value, timestampMs }) => [key, value, timestampMs])).toEqual([
      ['k', 's1+t1', 2],
      ['k', 's2+t2', 4],
    ]);
  });

  test('a left join keeps what has no row', () => {
    expect(run('left', ({ feed }) => feed([{ key: 'k', value: 's' }], 0)).take()).toEqual(['k=s+null']);
  });

  test('null keys: an inner join drops, a left join emits; null values are dropped by both (rule 4, KIP-962)', () => {
    const records = [
      { key: null, value: 's' },
      { key: 'k', value: null },
    ];
    const inner = run('inner', ({ feed }) => feed(records, 0));
    expect(inner.take()).toEqual([]);
    expect(inner.metrics.dropped).toMatchObject({ nullKey: 1, nullValue: 1 });
    const left = run('left', ({ feed }) => feed(records, 0));
    expect(left.take()).toEqual(['null=s+null']);
    expect(left.metrics.dropped).toMatchObject({ nullKey: 0, nullValue: 1 });
  });

  test('of two records with one time the table’s comes first', () => {
    const both = run('inner', ({ feed }) => {
      feed([{ key: 'k', value: 's', timestampMs: 1 }], 0);
      feed([{ key: 'k', value: 't', timestampMs: 1 }], 1);
    });
    expect(both.take()).toEqual(['k=s+t']);
  });

  test('sees what the table shows, not what it stores', () => {
    const shown = run(
      'inner',
      ({ feed }) => {
        feed([{ key: 'k', value: 's', timestampMs: 2 }], 0);
        feed([{ key: 'k', value: 't', timestampMs: 1 }], 1);
      },
      (stored) => `shown ${stored}`,
    );
    expect(shown.take()).toEqual(['k=s+shown t']);
  });
});
