import { expect, test } from 'vitest';
import { createRecordQueue } from '../../../core/client/record-queue.ts';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import { batchField } from '../../../core/protocol/record-batch.ts';

const partition = { topic: 't', partition: 0 };

function batchOf(value: string, baseOffset: number): Uint8Array {
  const builder = new BatchBuilder();
  builder.append(0, null, Buffer.from(value));
  return builder.build({ baseOffset });
}

test('a batch that can not be decompressed is an error until it is sought past, and its records are not passed over', () => {
  const queue = createRecordQueue(null, null);
  const notGzip = batchOf('b', 1);
  notGzip[batchField.attributes + 1] = 1;
  const fetched = { ...partition, highWatermark: 3, lastStableOffset: 3, logStartOffset: 0, sizeBytes: 0 };
  queue.start(partition, 0);
  queue.add({ ...fetched, fetchOffset: 0, nextOffset: 3, batches: [batchOf('a', 0), notGzip, batchOf('c', 2)] });
  expect(queue.take()!.offset).toBe(0);
  for (let i = 0; i < 2; i++) {
    expect(() => queue.take()).toThrow('no gzip');
    expect(queue.position(partition)).toBe(1);
  }
  queue.start(partition, 2);
  queue.add({ ...fetched, fetchOffset: 2, nextOffset: 3, batches: [batchOf('c', 2)] });
  expect(queue.take()!.offset).toBe(2);
});
