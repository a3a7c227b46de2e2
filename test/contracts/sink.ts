// What every sink connector promises; a connector adds a line in its own test, not a suite.
import { afterEach, describe, expect, test } from 'vitest';
import type { SinkConnector, SinkRecord, SinkTask } from '../../dsl/connector.ts';
import { connectorContext } from './source.ts';

export function sinkRecord<K, V>(key: K, value: V, given: Partial<SinkRecord<K, V>> = {}): SinkRecord<K, V> {
  return { key, value, timestampMs: 1_000, topic: 'topic', partition: 0, offset: 0, headers: [], ...given };
}

export interface SinkUnderTest {
  readonly make: () => SinkConnector<string, string>;
  /** The values that reached the other side. */
  readonly written: () => Promise<readonly string[]> | readonly string[];
  readonly dispose?: () => Promise<void> | void;
}

export function sinkContract(name: string, arrange: () => Promise<SinkUnderTest> | SinkUnderTest) {
  describe(`${name} is a sink`, () => {
    const undo: (() => Promise<void> | void)[] = [];
    afterEach(async () => {
      for (const step of undo.splice(0).reverse()) await step();
    });
    async function setUp() {
      const under = await arrange();
      if (under.dispose) undo.push(under.dispose);
      const open = async (task = '0_0') => under.make().open({ ...connectorContext(), task });
      return { ...under, open };
    }
    const write = (task: SinkTask<string, string>, ...values: string[]) =>
      task.write(values.map((value, i) => sinkRecord(`k${i}`, value)));

    test('has what was written, in order, once it is flushed', async () => {
      const { open, written } = await setUp();
      const task = await open();
      await write(task, 'a', 'b');
      await write(task, 'c');
      await task.flush();
      expect(await written()).toEqual(['a', 'b', 'c']);
      await task.close();
      expect(await written()).toEqual(['a', 'b', 'c']);
    });

    test('keeps nothing of the call: the records may be used again', async () => {
      const { open, written } = await setUp();
      const task = await open();
      const records = [sinkRecord('k', 'first')];
      await task.write(records);
      records[0] = sinkRecord('k', 'second');
      await task.write(records);
      await task.flush();
      expect(await written()).toEqual(['first', 'second']);
      await task.close();
    });

    test('takes no records, odd ones and many', async () => {
      const { open, written } = await setUp();
      const task = await open();
      await write(task);
      await task.flush();
      expect(await written()).toEqual([]);
      const many = ['', ' ', 'é,"\'', ...Array.from({ length: 3_000 }, (_, i) => `value ${i}`)];
      await write(task, ...many);
      await task.flush();
      expect(await written()).toEqual(many);
      await task.close();
    });

    test('goes on where it was when it is opened again, and for more than one task', async () => {
      const { open, written } = await setUp();
      const first = await open();
      await write(first, 'a');
      await first.flush();
      await first.close();
      const again = await open();
      const other = await open('0_1');
      await write(again, 'b');
      await again.flush();
      await write(other, 'c');
      await other.flush();
      await again.close();
      await other.close();
      expect(await written()).toEqual(['a', 'b', 'c']);
    });
  });
}
