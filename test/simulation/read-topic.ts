// A topic from its beginning to its present end, as a reader of committed records gets it.
import type { Client } from '../../core/client/index.ts';
import { RecordCursor } from '../../core/protocol/record-cursor.ts';

export interface RawRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly partition: number;
  readonly offset: number;
}

/** Waits for transactions that are open. Partitions one after another, each in the order of its offsets. */
export async function readTopic(client: Client, topic: string, partitions: number): Promise<readonly RawRecord[]> {
  const records: RawRecord[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const [start] = await client.admin().listOffsets([{ topic, partition }], 'earliest');
    const [end] = await client.admin().listOffsets([{ topic, partition }], 'latest', 'readUncommitted');
    const fetcher = client.fetcher({ isolation: 'readCommitted' });
    const cursor = new RecordCursor();
    let position = start!.offset;
    fetcher.assign([{ topic, partition, offset: position }]);
    while (position < end!.offset) {
      for (const fetched of await fetcher.poll(1_000)) {
        for (const batch of fetched.batches) {
          cursor.open(batch);
          while (cursor.next()) {
            if (cursor.offset < fetched.fetchOffset || cursor.offset >= end!.offset) continue;
            const [key, value] = [cursor.key()?.slice() ?? null, cursor.value()?.slice() ?? null];
            records.push({ key, value, partition, offset: cursor.offset });
          }
        }
        position = fetched.nextOffset;
      }
    }
    fetcher.close();
  }
  return records;
}
