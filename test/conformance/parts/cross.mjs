// The records that every client writes and every other reads. One topic a writer, one partition a codec. What not every
// client can say (a null header value, a header name twice) is marked, and asked only of those that can.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** Where the records' times begin: not long ago, or retention would take them. */
export const startMs = Math.floor(Date.now() / 1_000) * 1_000 - 1_800_000;

const base64 = (bytes) => (bytes === null ? null : Buffer.from(bytes).toString('base64'));
const noise = (seed, length) => {
  const parts = [];
  for (let i = 0; parts.length * 32 < length; i++) parts.push(createHash('sha256').update(`${seed}/${i}`).digest());
  return Buffer.concat(parts).subarray(0, length);
};

/** Bytes in base64, so that the file is JSON for five languages. */
export function crossRecords() {
  const records = [];
  const add = (key, value, headers = [], needs = []) =>
    records.push({
      timestampMs: startMs + records.length * 1_013,
      key: base64(key),
      value: base64(value),
      headers: headers.map(([name, bytes]) => [name, base64(bytes)]),
      needs,
    });
  add('key', 'value');
  add(null, 'no key');
  add('no value', null);
  add('', 'empty key', [], ['emptyBytes']);
  add('empty value', '', [], ['emptyBytes']);
  add('schlüssel ☃', 'grüße 😀', [['größe', 'ü']]);
  add('one header', 'v', [['trace', 'abc']]);
  add(
    'headers',
    'v',
    [
      ['a', '1'],
      ['b', Buffer.from([0, 1, 0xfe, 0xff])],
      ['c', 'x'.repeat(300)],
    ],
    ['binaryHeader'],
  );
  add(
    'null header',
    'v',
    [
      ['nothing', null],
      ['something', 'x'],
    ],
    ['nullHeader'],
  );
  add('empty header', 'v', [['empty', '']], ['emptyHeader']);
  add(
    'header twice',
    'v',
    [
      ['twice', '1'],
      ['twice', '2'],
      ['other', '3'],
    ],
    ['duplicateHeader'],
  );
  add(Buffer.from([0, 255, 128, 10, 13]), Buffer.from(Array.from({ length: 256 }, (_, i) => i)), [], ['binary']);
  add('long', 'long and compressible '.repeat(3_000));
  add('noise', noise('cross', 70_000), [], ['binary']);
  for (let i = 0; i < 40; i++) add(`key ${i % 5}`, `value ${i} `.repeat(i + 1), i % 3 === 0 ? [['i', String(i)]] : []);
  return records;
}

export function writeCrossRecords(folder) {
  writeFileSync(join(folder, 'cross-records.json'), JSON.stringify(crossRecords()));
}

/** What a writer has left in the folder: its topic and the records by partition, as it could say them. */
export function writtenBy(folder, name) {
  const file = join(folder, `written-${name}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

export function writeCrossTopics(folder, written) {
  const topics = written.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, codec, indexes }) => ({ partition, codec, count: indexes.length })),
  }));
  writeFileSync(join(folder, 'cross-topics.json'), JSON.stringify(topics));
}

/**
 * Compares what a reader has left with what the writers wrote.
 *
 * @param reader `{ name, cannotRead: string[] }`: a record that needs one of those is compared without its headers
 * @returns the differences, a line each
 */
export function compareRead(folder, reader, written) {
  const file = join(folder, `read-${reader.name}.jsonl`);
  if (!existsSync(file)) return ['it left no records'];
  const records = crossRecords();
  const read = new Map();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const record = JSON.parse(line);
    const place = `${record.topic}-${record.partition}`;
    if (!read.has(place)) read.set(place, []);
    read.get(place).push(record);
  }
  const differences = [];
  for (const { name, topic, partitions, timestamps = true } of written) {
    for (const { partition, codec, indexes } of partitions) {
      if (reader.codecs !== undefined && !reader.codecs.includes(codec)) continue;
      const got = read.get(`${topic}-${partition}`) ?? [];
      const where = `of ${name} in ${codec}`;
      if (got.length !== indexes.length) {
        differences.push(`${got.length} records ${where}, not ${indexes.length}`);
        continue;
      }
      indexes.forEach((index, offset) => {
        const wanted = records[index];
        const differs = differenceOf(got[offset], { ...wanted, offset }, { timestamps, reader });
        if (differs !== null) differences.push(`record ${index} ${where}: ${differs}`);
      });
    }
  }
  return differences;
}

/** As kcat prints headers. */
function textOf(headers) {
  const parts = headers.map(([name, value]) =>
    Buffer.concat([Buffer.from(`${name}=`), value === null ? Buffer.from('NULL') : Buffer.from(value, 'base64')]),
  );
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [Buffer.from(','), part]))).toString('base64');
}

function differenceOf(got, wanted, { timestamps, reader }) {
  const cannot = (what) => reader.cannotRead?.includes(what) === true && wanted.needs.includes(what);
  if (got.offset !== wanted.offset) return `offset ${got.offset}, not ${wanted.offset}`;
  if (timestamps && got.timestampMs !== wanted.timestampMs)
    return `timestamp ${got.timestampMs}, not ${wanted.timestampMs}`;
  const same = (a, b) => a === b || (cannot('emptyBytes') && (a ?? '') === (b ?? ''));
  if (!same(got.key, wanted.key)) return `key ${got.key}, not ${wanted.key}`;
  if (!same(got.value, wanted.value)) return `value ${got.value?.slice(0, 60)}, not ${wanted.value?.slice(0, 60)}`;
  if (cannot('duplicateHeader') || cannot('nullHeader') || cannot('emptyHeader') || cannot('binaryHeader')) return null;
  const [a, b] = [
    JSON.stringify(got.headers),
    JSON.stringify(reader.headersAsText ? textOf(wanted.headers) : wanted.headers),
  ];
  return a === b ? null : `headers ${a}, not ${b}`;
}
