// How fast record batches are written and read, with their checksum: 1,000 records of 100-byte values a batch.
import { BatchBuilder } from '../../core/protocol/batch-builder.ts';
import { compressionNames, loadCompression } from '../../core/protocol/compression/registry.ts';
import { type CompressionName, verifyBatch } from '../../core/protocol/record-batch.ts';
import { RecordCursor } from '../../core/protocol/record-cursor.ts';

export interface CodecRow {
  readonly work: string;
  readonly recordsPerSecond: number;
}

const recordsPerBatch = 1_000;
const valueBytes = 100;

/** One row for each codec and direction. @param durationMs how long each is measured, after as long a warm-up */
export async function benchCodec(durationMs = 1_000): Promise<CodecRow[]> {
  await loadCompression();
  return compressionNames.flatMap((codec) => benchOne(codec, durationMs));
}

function benchOne(codec: CompressionName, durationMs: number): CodecRow[] {
  const builder = new BatchBuilder({ compression: codec });
  const cursor = new RecordCursor();
  const keys = Array.from({ length: recordsPerBatch }, (_, i) => Buffer.from(`k${i % 100}`));
  const values = Array.from({ length: recordsPerBatch }, (_, i) =>
    Buffer.from(`${i},`.repeat(valueBytes).slice(0, valueBytes)),
  );
  let batch: Uint8Array = new Uint8Array(0);
  let bytes = 0;

  function encode(): void {
    builder.reset();
    for (let i = 0; i < recordsPerBatch; i++) builder.append(1_700_000_000_000 + i, keys[i]!, values[i]!);
    batch = builder.build();
  }
  function decode(): void {
    verifyBatch(batch);
    cursor.open(batch);
    while (cursor.next()) bytes += cursor.key()!.length + cursor.value()!.length;
  }

  const rows = [
    { work: `encode ${codec}`, recordsPerSecond: measure(encode, durationMs) },
    { work: `decode ${codec}`, recordsPerSecond: measure(decode, durationMs) },
  ];
  if (bytes === 0) throw new Error('the decoder read nothing');
  return rows;
}

function measure(work: () => void, durationMs: number): number {
  let seconds = 0;
  let rounds = 0;
  for (const until of [durationMs, durationMs]) {
    const start = performance.now();
    rounds = 0;
    do {
      work();
      rounds++;
      seconds = (performance.now() - start) / 1_000;
    } while (seconds * 1_000 < until);
  }
  return (rounds * recordsPerBatch) / seconds;
}
