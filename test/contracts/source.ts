// What every source connector promises; a connector adds a line in its own test, not a suite.
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../core/kernel/clock.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import type { ConnectorContext, SourceConnector, SourceOffset, SourceRecord, SourceTask } from '../../dsl/connector.ts';

export interface OpenedContext extends ConnectorContext {
  abort(): void;
}

export function connectorContext(given: Partial<ConnectorContext> = {}): OpenedContext {
  const controller = new AbortController();
  return {
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    signal: controller.signal,
    abort: () => controller.abort(new Error('stopped')),
    ...given,
  };
}

/** Polls until the source ends or `count` records are there. */
export async function pollAll<V>(
  task: SourceTask<V>,
  count = Number.POSITIVE_INFINITY,
  recordsMax = 100,
): Promise<SourceRecord<V>[]> {
  const records: SourceRecord<V>[] = [];
  while (records.length < count) {
    const more = await task.poll(Math.min(recordsMax, count - records.length));
    if (more.length === 0) break;
    records.push(...more);
  }
  return records;
}

export interface SourceUnderTest<V> {
  /** Makes the connector as a program does at every start. */
  readonly make: () => SourceConnector<V>;
  readonly expected: readonly V[];
  readonly context?: () => OpenedContext;
  readonly dispose?: () => Promise<void> | void;
}

export function sourceContract<V>(name: string, arrange: () => Promise<SourceUnderTest<V>> | SourceUnderTest<V>) {
  describe(`${name} is a source`, () => {
    const undo: (() => Promise<void> | void)[] = [];
    afterEach(async () => {
      for (const step of undo.splice(0).reverse()) await step();
    });
    async function setUp() {
      const under = await arrange();
      if (under.dispose) undo.push(under.dispose);
      const open = async (from: SourceOffset | null = null, context = (under.context ?? connectorContext)()) => {
        const task = await under.make().open(from, context);
        let closed = false;
        const close = async () => {
          if (!closed) await task.close();
          closed = true;
        };
        undo.push(close);
        return { task, context, close };
      };
      return { ...under, open };
    }

    test('gives its records in order', async () => {
      const { open, expected } = await setUp();
      const { task } = await open();
      expect((await pollAll(task, expected.length)).map(({ value }) => value)).toEqual(expected);
    });

    test('gives at most as many as asked for, and never none before its end', async () => {
      const { open, expected } = await setUp();
      const { task } = await open();
      for (let found = 0; found < expected.length; ) {
        const records = await task.poll(2);
        expect(records.length).toBeGreaterThan(0);
        expect(records.length).toBeLessThanOrEqual(2);
        expect(records.map(({ value }) => value)).toEqual(expected.slice(found, (found += records.length)));
      }
    });

    test('has one name at every start', async () => {
      const { make } = await setUp();
      expect(make().name).toBe(make().name);
      expect(make().name).not.toBe('');
    });

    test('ends if it is bounded, and stays at its end', async () => {
      const { open, expected, make } = await setUp();
      if (!make().bounded) return;
      const { task } = await open();
      expect(await pollAll(task)).toHaveLength(expected.length);
      expect(await task.poll(10)).toEqual([]);
      expect(await task.poll(10)).toEqual([]);
      if (task.progress) expect(task.progress()).toBe(1);
    });

    test('says how far it is, if it knows', async () => {
      const { open, expected } = await setUp();
      const { task } = await open();
      let before = 0;
      for (let found = 0; found < expected.length && task.progress; ) {
        found += (await task.poll(1)).length;
        expect(task.progress()).toBeGreaterThanOrEqual(before);
        expect(task.progress()).toBeLessThanOrEqual(1);
        before = task.progress();
      }
    });

    test('goes on after any record, with an offset that was kept as JSON', async () => {
      const { open, expected, make } = await setUp();
      if (!make().replayable) return;
      const first = await open();
      const records = await pollAll(first.task, expected.length);
      await first.close();
      for (const [index, { offset }] of records.entries()) {
        const { task, close } = await open(JSON.parse(JSON.stringify(offset)));
        const rest = await pollAll(task, expected.length - index - 1);
        expect(rest.map(({ value }) => value)).toEqual(expected.slice(index + 1));
        expect(rest.map((record) => record.offset)).toEqual(records.slice(index + 1).map((record) => record.offset));
        if (make().bounded) expect(await task.poll(1)).toEqual([]);
        await close();
      }
    });

    test('stops waiting when the signal says so', async () => {
      const { open, expected, make } = await setUp();
      if (make().bounded) return;
      const { task, context } = await open();
      await pollAll(task, expected.length);
      const waiting = task.poll(10).then(
        () => 'resolved',
        () => 'rejected',
      );
      context.abort();
      expect(['resolved', 'rejected']).toContain(await waiting);
    });

    test('can be closed at once, and half-way', async () => {
      const { open, expected } = await setUp();
      await (await open()).close();
      const { task, close } = await open();
      if (expected.length > 0) await task.poll(1);
      await close();
    });
  });
}
