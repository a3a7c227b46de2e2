// A topic that is made, written to, read, deleted, and made anew under its name, again and again: each has its own records and
// nothing of the one before.
import { isFault } from '../../../core/kernel/fault.ts';
import { readTopic } from '../read-topic.ts';
import { clientOf, type LoadParts } from './load.ts';

export const churned = 'churned';

export interface Churn {
  /** Deletes and makes it anew, unless that is being done. Resolves when the new one has its records. */
  turn(): Promise<void>;
  /** What is in the topic, when nothing is being done to it, must be what was written last. */
  check(): Promise<string[]>;
  stop(): Promise<void>;
}

const countMax = 4;

export function createChurn(parts: LoadParts): Churn {
  const { random } = parts;
  const { client, process } = clientOf(parts, 'churner');
  const admin = client.admin();
  let written: readonly string[] | null = null;
  let turning: Promise<void> | null = null;
  let made = 0;

  const unless = (code: 'TOPIC_EXISTS' | 'TOPIC_NOT_FOUND') => (error: unknown) => {
    if (!isFault(error, code)) throw error;
  };

  /** @returns false while too few nodes are up */
  async function create(): Promise<boolean> {
    const config = { 'min.insync.replicas': '2' };
    try {
      await admin.createTopics([{ name: churned, partitions: 1, replicationFactor: 3, config }]);
    } catch (error) {
      if (isFault(error, 'BROKER_ERROR') && error.detail.error === 'INVALID_REPLICATION_FACTOR') return false;
      unless('TOPIC_EXISTS')(error);
    }
    return true;
  }

  async function turn(): Promise<void> {
    if (written !== null) {
      written = null;
      await admin.deleteTopics([churned]).catch(unless('TOPIC_NOT_FOUND'));
    }
    if (random.next() < 0.5) await process.clock.sleep(random.next() * 3_000);
    const name = `c${made++}`;
    while (!(await create())) await process.clock.sleep(1_000);
    const values = Array.from({ length: 1 + random.integer(countMax) }, (_, i) => `${name}-${i}`);
    const producer = client.producer({ deliveryTimeoutMs: 30 * 60_000 });
    for (const value of values)
      await producer.send({ topic: churned, partition: 0, key: null, value: Buffer.from(value) });
    await producer.close();
    written = values;
  }

  return {
    turn() {
      turning ??= turn().finally(() => {
        turning = null;
      });
      return turning;
    },
    async check() {
      if (written === null) return [];
      const found = (await readTopic(client, churned, 1)).map(({ value }) => Buffer.from(value!).toString());
      return found.join(' ') === written.join(' ') ? [] : [`${churned} has ${found}, and ${written} was written`];
    },
    stop: () => client.close(),
  };
}
