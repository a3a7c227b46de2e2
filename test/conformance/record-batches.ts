// Whether Apache Kafka's own code reads the batches that we write, and we those that it writes, for every codec. Not
// part of `npm test`, because it takes a Java 17 runtime and the jars of kafka-clients 4.4.0 with its dependencies:
//   KAFKA_LIBS=/folder/of/jars npx tsx test/conformance/record-batches.ts
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../../core/kernel/random.ts';
import { BatchBuilder, type BatchFields } from '../../core/protocol/batch-builder.ts';
import { compressionNames, loadCompression } from '../../core/protocol/compression/registry.ts';
import {
  type CompressionName,
  readBatchHeader,
  recompressBatch,
  verifyBatch,
} from '../../core/protocol/record-batch.ts';
import { RecordCursor, type RecordHeaders } from '../../core/protocol/record-cursor.ts';

interface Sample {
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: RecordHeaders;
}

const source = fileURLToPath(new URL('java/RecordBatches.java', import.meta.url));
const hex = (bytes: Uint8Array | null) => (bytes === null ? 'null' : Buffer.from(bytes).toString('hex'));
const headersText = (headers: RecordHeaders) =>
  headers.map(([name, value]) => `${hex(Buffer.from(name))}=${hex(value)}`).join(',');

function java(mode: 'read' | 'write', input: string): string {
  const libs = process.env['KAFKA_LIBS'];
  assert(libs, 'KAFKA_LIBS names no folder of jars');
  const ran = spawnSync('java', ['-cp', `${libs}/*`, source, mode], { input, encoding: 'utf8', maxBuffer: 1024 ** 3 });
  assert.equal(ran.status, 0, ran.stderr);
  return ran.stdout;
}

/** Batches of one record and of thousands, compressible and not, longer than any codec's blocks. */
function samples(): Sample[][] {
  const random = seededRandom(7);
  const some =
    (valueBytes: number, noise: boolean) =>
    (i: number): Sample => ({
      timestampMs: 1_700_000_000_000 + Math.floor((random.next() - 0.5) * 2 ** (i % 40)),
      key: i % 5 === 0 ? null : Buffer.from(`key ${i}`),
      value:
        i % 7 === 0 ? null : noise ? random.bytes(i % valueBytes) : Buffer.from('grüße '.repeat((i % valueBytes) / 6)),
      headers:
        i % 3 === 0
          ? [
              ['trace', Buffer.from(`${i}`)],
              ['grüße', null],
              ['', new Uint8Array(0)],
            ]
          : [],
    });
  const batch = (count: number, make: (i: number) => Sample) => Array.from({ length: count }, (_, i) => make(i + 1));
  return [
    batch(1, some(10, false)),
    batch(3_000, some(600, false)),
    batch(3_000, some(300, true)),
    batch(3, () => ({ timestampMs: 0, key: null, value: new Uint8Array(300_000), headers: [] })),
    batch(2, () => ({ timestampMs: 5, key: null, value: random.bytes(5_000_000), headers: [] })),
  ];
}

const recordLine = ({ timestampMs, key, value, headers }: Sample, offset: number) =>
  `${offset}|${timestampMs}|${hex(key)}|${hex(value)}|${headersText(headers)}`;

function javaReadsOurs(): number {
  const fields: BatchFields[] = [
    {},
    { baseOffset: 2 ** 40, leaderEpoch: 3, producerId: 9_000_000_000, producerEpoch: 12, baseSequence: 2 ** 31 - 2 },
    { producerId: 4, producerEpoch: 0, baseSequence: 0, isTransactional: true },
  ];
  const batches = compressionNames.flatMap((codec) =>
    samples().flatMap((records, i) => {
      const builder = new BatchBuilder({ compression: codec });
      for (const { timestampMs, key, value, headers } of records) builder.append(timestampMs, key, value, headers);
      const batch = builder.build(fields[i % fields.length]!);
      return [{ codec, records, batch }, ...(i < 3 ? recompressed(batch, records) : [])];
    }),
  );
  const printed = java('read', batches.map(({ batch }) => hex(batch)).join('\n')).split('\n\n');
  for (const [i, { codec, records, batch }] of batches.entries()) {
    const [first, ...lines] = printed[i]!.split('\n');
    const header = readBatchHeader(batch);
    const expected = `${codec}|${header.baseOffset}|${header.lastOffset}|${header.maxTimestampMs}|${header.producerId}`;
    const rest = `${header.producerEpoch}|${header.baseSequence}|${header.isTransactional}|false|${header.leaderEpoch}`;
    assert.equal(first, `batch|${expected}|${rest}`);
    assert.deepEqual(
      lines,
      records.map((record, at) => recordLine(record, header.baseOffset + at)),
    );
  }
  return batches.length;
}

const recompressed = (batch: Uint8Array, records: Sample[]) =>
  compressionNames.map((codec) => ({ codec, records, batch: recompressBatch(batch, codec) }));

function weReadJavas(): number {
  const wanted = compressionNames.flatMap((codec) => samples().map((records) => ({ codec, records })));
  const line = (codec: CompressionName) => (record: Sample) => recordLine(record, 0).replace('0', codec);
  const input = wanted.map(({ codec, records }) => `${records.map(line(codec)).join('\n')}\n\n`).join('');
  const batches = java('write', input)
    .trimEnd()
    .split('\n')
    .map((text) => Uint8Array.from(Buffer.from(text, 'hex')));
  const cursor = new RecordCursor();
  assert.equal(batches.length, wanted.length);
  for (const [i, { codec, records }] of wanted.entries()) {
    verifyBatch(batches[i]!);
    assert.equal(readBatchHeader(batches[i]!).compression, codec);
    cursor.open(batches[i]!);
    for (const [offset, record] of records.entries()) {
      assert(cursor.next());
      const read = {
        timestampMs: cursor.timestampMs,
        key: cursor.key(),
        value: cursor.value(),
        headers: cursor.headers(),
      };
      assert.equal(recordLine(read, cursor.offset), recordLine(record, offset));
    }
    assert(!cursor.next());
  }
  return batches.length;
}

await loadCompression();
console.log(`Apache Kafka read ${javaReadsOurs()} of our batches, we read ${weReadJavas()} of its batches`);
