// Two copies of a program that reads `plain` and writes `copied` under one transactional id, offsets with the records. Only
// one is meant to be at work; the other is replaced without a word and goes on until it is told. However often: `copied` is
// `plain`, record for record.
import { Fault } from '../../../core/kernel/fault.ts';
import { partitionName } from '../../../core/kernel/ids.ts';
import { RecordCursor } from '../../../core/protocol/record-cursor.ts';
import { clientOf, type LoadParts, partitions, plain } from './load.ts';

export const copied = 'copied';

export interface Copiers {
  /** The other one is at work from here on. */
  handOver(): void;
  stop(): Promise<void>;
  readonly wrong: readonly string[];
}

const groupId = 'copiers';

export function startCopiers(parts: LoadParts): Copiers {
  const names = ['copier-a', 'copier-b'] as const;
  const wrong: string[] = [];
  const stopping = new AbortController();
  let active: (typeof names)[number] = names[0];

  async function copy(name: string): Promise<void> {
    const { client, process } = clientOf(parts, name);
    while (!stopping.signal.aborted) {
      if (active === name) await life(name, client);
      await process.clock.sleep(500, stopping.signal).catch(() => {});
    }
    await client.close();
  }

  /** To the first failure. */
  async function life(name: string, client: ReturnType<typeof clientOf>['client']): Promise<void> {
    const producer = client.producer({ transactionalId: 'copier', transactionTimeoutMs: 20_000 });
    const fetcher = client.fetcher({ isolation: 'readCommitted', from: 'error', maxWaitMs: 1_000 });
    const cursor = new RecordCursor();
    const all = Array.from({ length: partitions }, (_, partition) => ({ topic: plain, partition }));
    try {
      await producer.initTransactions();
      const committed = await client.offsets(groupId).fetch(all);
      fetcher.assign(all.map((one) => ({ ...one, offset: committed.get(partitionName(one))?.offset ?? 0 })));
      while (!stopping.signal.aborted) {
        const fetched = await fetcher.poll(1_000, stopping.signal);
        if (fetched.length === 0) {
          if (active !== name) return;
          continue;
        }
        producer.begin();
        const nexts = new Map<number, number>();
        for (const { partition, batches, fetchOffset, nextOffset } of fetched) {
          nexts.set(partition, nextOffset);
          for (const batch of batches) {
            cursor.open(batch);
            while (cursor.next())
              if (cursor.offset >= fetchOffset)
                producer.write(copied, partition, cursor.timestampMs, null, cursor.value()!.slice());
          }
        }
        const offsets = [...nexts].map(([partition, offset]) => ({ topic: plain, partition, offset }));
        await producer.sendOffsets(groupId, offsets);
        await producer.commit();
      }
    } catch (error) {
      if (!(error instanceof Fault) && !stopping.signal.aborted) wrong.push(`${name} was told: ${error}`);
    } finally {
      fetcher.close();
      await producer.close().catch(() => {});
    }
  }

  const copying = names.map(copy);
  return {
    wrong,
    handOver() {
      active = names[1 - names.indexOf(active)]!;
    },
    async stop() {
      stopping.abort(new Error('the load is over'));
      await Promise.all(copying);
    },
  };
}
