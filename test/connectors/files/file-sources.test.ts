import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, expectTypeOf, test } from 'vitest';
import { type CsvFileOptions, csvFile, jsonLinesFile, textFile } from '../../../connectors/files/index.ts';
import type { Logger } from '../../../core/kernel/logger.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import type { SourceConnector, SourceOffset } from '../../../dsl/connector.ts';
import { connectorContext, pollAll, sourceContract } from '../../contracts/source.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-files-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let files = 0;
function file(content: string | Uint8Array): string {
  const path = join(root, `file-${files++}`);
  writeFileSync(path, content);
  return path;
}

const csv = 'id,name,note\n1,a,\n2,"b, ""quoted""",x\r\n\n3,"two\nlines\r\nhere",y\n4,é,z';
const csvRecords = [
  { id: '1', name: 'a', note: '' },
  { id: '2', name: 'b, "quoted"', note: 'x' },
  { id: '3', name: 'two\nlines\r\nhere', note: 'y' },
  { id: '4', name: 'é', note: 'z' },
];
const jsonl = '{"a":1}\n[2]\r\n\n"drei"\nnull\n0\n{"six":"\\n"}';
const text = '\ufefffirst\n\n  third \r\nvierté\n';
const of =
  <V>(content: string | Uint8Array, make: (path: string) => SourceConnector<V>, expected: readonly V[]) =>
  () => {
    const path = file(content);
    return { make: () => make(path), expected };
  };
const lines = ['first', '', '  third ', 'vierté'];
const values = [{ a: 1 }, [2], 'drei', null, 0, { six: '\n' }];
const followed = { follow: true, every: 1 } as const;

sourceContract(
  'a text file',
  of(text, (path) => textFile(path), lines),
);
sourceContract(
  'an empty text file',
  of('', (path) => textFile(path), []),
);
sourceContract(
  'a CSV file',
  of(csv, (path) => csvFile<string>(path), csvRecords),
);
sourceContract(
  'a file of JSON lines',
  of(jsonl, (path) => jsonLinesFile(path), values),
);
sourceContract(
  'a gzip text file',
  of(gzipSync(text), (path) => textFile(path), lines),
);
sourceContract(
  'a gzip CSV file',
  of(gzipSync(csv), (path) => csvFile<string>(path), csvRecords),
);
sourceContract(
  'a followed text file',
  of(text, (path) => textFile(path, followed), lines),
);
sourceContract(
  'a followed CSV file',
  of(`${csv}\n`, (path) => csvFile<string>(path, followed), csvRecords),
);

async function readAll<V>(
  connector: SourceConnector<V>,
  from: SourceOffset | null = null,
  logger: Logger = silentLogger,
) {
  const task = await connector.open(from, connectorContext({ logger }));
  try {
    return await pollAll(task);
  } finally {
    await task.close();
  }
}

/** The records before the failure, and the failure. */
async function readUntilFailure<V>(connector: SourceConnector<V>) {
  const found: V[] = [];
  const task = await connector.open(null, connectorContext());
  try {
    for (;;) {
      const records = await task.poll(1);
      if (records.length === 0) return { found, error: null };
      found.push(...records.map(({ value }) => value));
    }
  } catch (error) {
    return { found, error: error as Error & { code: string } };
  } finally {
    await task.close();
  }
}

describe('a big file', () => {
  const random = seededRandom(5);
  const big = Array.from(
    { length: 4_000 },
    (_, i) => `${i},"${'é"",\n'.repeat(random.integer(80))}",${random.integer(9)}`,
  );
  const expected = big.map((line) => line.split(',')[0]);

  test.each(['plain', 'gzip'])('%s is read across chunks and gone on with from anywhere', async (kind) => {
    const content = `n,text,digit\n${big.join('\n')}\n`;
    expect(content.length).toBeGreaterThan(500_000);
    const path = file(kind === 'gzip' ? gzipSync(content) : content);
    const connector = csvFile(path, { columns: ['n', 'digit'] });
    const records = await readAll(connector);
    expect(records.map(({ value }) => value.n)).toEqual(expected);
    expect(records[7]!.value).toEqual({ n: '7', digit: big[7]!.at(-1) });
    for (let i = 0; i < 12; i++) {
      const at = random.integer(records.length);
      const { offset } = records[at]!;
      const before = Buffer.from(content).subarray(0, Number(offset['byte'])).toString();
      expect(offset['line']).toBe(before.split('\n').length - 1);
      const rest = await readAll(connector, offset);
      expect(rest.map(({ value }) => value.n)).toEqual(expected.slice(at + 1));
    }
  });

  test('reports progress by bytes', async () => {
    const task = await textFile(file(Array.from({ length: 900 }, (_, i) => 'x'.repeat(i)).join('\n'))).open(
      null,
      connectorContext(),
    );
    expect(task.progress!()).toBe(0);
    await task.poll(1);
    expect(task.progress!()).toBeGreaterThan(0.5);
    expect(task.progress!()).toBeLessThan(1);
    await pollAll(task);
    expect(task.progress!()).toBe(1);
    await task.close();
  });
});

describe('what is wrong with a file is said in one sentence', () => {
  test('a file that is not there, and a folder', async () => {
    const missing = join(root, 'missing.csv');
    await expect(readAll(csvFile(missing))).rejects.toThrow(`can't use the file ${missing}: there is none`);
    await expect(readAll(textFile(root))).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringMatching(/it is a folder/),
    });
  });

  test('a column that is missing, with file, line and what there is', async () => {
    const path = file('\nid,naem\n1,a\n');
    const { error } = await readUntilFailure(csvFile(path, { columns: ['id', 'name'] }));
    expect(error?.message).toBe(
      `${path} line 2 has no column 'name' (it has id, naem); correct the name in 'columns', or correct the file`,
    );
    await expect(readAll(csvFile(file('')))).rejects.toThrow(/it is empty, and its first line should name the columns/);
  });

  test('a column that is named twice, unless it is left out', async () => {
    const path = file('id,note,note\n1,first,second\n');
    const { error } = await readUntilFailure(csvFile(path));
    expect(error?.message).toBe(
      `${path} line 1 names two columns 'note'; name only others in 'columns', or correct the file`,
    );
    expect(await readAll(csvFile(path, { columns: ['id'] }))).toMatchObject([{ value: { id: '1' } }]);
    await expect(readAll(csvFile(path, { header: ['a', 'b', 'a'] }))).rejects.toThrow("two columns 'a'");
  });

  test('a record with other values than columns; the good ones before it are given', async () => {
    const path = file('id,name\n1,a\n"2\n2",b\n3\n4,d\n');
    const { found, error } = await readUntilFailure(csvFile(path));
    expect(found).toEqual([
      { id: '1', name: 'a' },
      { id: '2\n2', name: 'b' },
    ]);
    expect(error).toMatchObject({
      code: 'BAD_LINE',
      message: expect.stringContaining(`${path} line 5 has 1 values where the first line names 2 columns; correct it`),
    });
  });

  test('a last line that is torn off', async () => {
    const short = await readUntilFailure(csvFile(file('id,name\n1,a\n2')));
    expect(short.error?.message).toMatch(
      /line 3 has 1 values where the first line names 2 columns and the file ends in it: it may be torn off/,
    );
    const open = await readUntilFailure(csvFile(file('id,name\n1,a\n2,"b\nc')));
    expect(open.found).toHaveLength(1);
    expect(open.error?.message).toMatch(/line 3 opens a quote and doesn't close it/);
    const json = await readUntilFailure(jsonLinesFile(file('{"a":1}\n{"a":')));
    expect(json.found).toEqual([{ a: 1 }]);
    expect(json.error?.message).toMatch(/line 2 is torn: the file ends in the middle of its JSON/);
  });

  test('JSON that is none, with its line; or left out and logged', async () => {
    const path = file('{"a":1}\n\nnope\n{"a":2}\n');
    const { found, error } = await readUntilFailure(jsonLinesFile(path));
    expect(found).toEqual([{ a: 1 }]);
    expect(error?.message).toMatch(
      new RegExp(`^${path} line 3 is not JSON \\(.+\\); correct it, or leave such lines out with onBadLine: 'skip'$`),
    );
    const warned: object[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => void warned.push(fields) };
    const records = await readAll(jsonLinesFile(path, { onBadLine: 'skip' }), null, logger);
    expect(records.map(({ value }) => value)).toEqual([{ a: 1 }, { a: 2 }]);
    expect(warned).toMatchObject([{ path, line: 3 }]);
  });

  test('a stray quote, alone left out; one that is doubled or behind a byte order mark is none', async () => {
    const path = file('\ufeff"i\nd",note\n1,5" pipe\n2,"a""\nb"\n3,"c"d"\n4,"e,\n""f"\n');
    const warned: object[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => void warned.push(fields) };
    const records = await readAll(csvFile(path, { onBadLine: 'skip' }), null, logger);
    expect(records.map(({ value }) => value)).toEqual([
      { 'i\nd': '2', note: 'a"\nb' },
      { 'i\nd': '4', note: 'e,\n"f' },
    ]);
    expect(warned).toMatchObject([{ line: 3 }, { line: 6 }]);
  });

  test('gzip data that ends too early', async () => {
    const packed = gzipSync(`${Array.from({ length: 50_000 }, (_, i) => `line ${i * 7919}`).join('\n')}\n`);
    const { error } = await readUntilFailure(textFile(file(packed.subarray(0, packed.length / 2))));
    expect(error?.message).toMatch(/its gzip data ends too early/);
  });

  test('another file in its place', async () => {
    for (const pack of [(content: string) => content, gzipSync]) {
      const path = file(pack('id\n1\n2\n3\n'));
      const offset = (await readAll(csvFile(path)))[1]!.offset;
      writeFileSync(path, pack('id\n7\n8\n9\n'));
      await expect(readAll(csvFile(path), offset)).rejects.toMatchObject({ code: 'FILE_REPLACED' });
      writeFileSync(path, pack('id\n'));
      await expect(readAll(csvFile(path), offset)).rejects.toMatchObject({ code: 'FILE_REPLACED' });
      writeFileSync(path, pack('id\n1\n2\n3\n4\n'));
      expect((await readAll(csvFile(path), offset)).map(({ value }) => value)).toEqual([{ id: '3' }, { id: '4' }]);
    }
  });
});

describe('CSV as people write it', () => {
  test.each<[string, string, CsvFileOptions, object[]]>([
    ['a byte order mark and spaces in the header', '\ufeffid , name\n1,a', {}, [{ id: '1', name: 'a' }]],
    ['semicolons', 'id;name\n1;"a;b"', { delimiter: ';' }, [{ id: '1', name: 'a;b' }]],
    [
      'tabs, and a record of empty values',
      'id\tname\n1\ta\n\t\n\n',
      { delimiter: '\t' },
      [
        { id: '1', name: 'a' },
        { id: '', name: '' },
      ],
    ],
    ['no header', '1,a\n2,b', { header: ['id', 'name'], columns: ['name'] }, [{ name: 'a' }, { name: 'b' }]],
    ['another quote', 'id,note\n1,\'it\'\'s ""here""\'', { quote: "'" }, [{ id: '1', note: 'it\'s ""here""' }]],
    [
      'no quotes',
      'id,inches\n1,5"\n2,6"',
      { quote: null },
      [
        { id: '1', inches: '5"' },
        { id: '2', inches: '6"' },
      ],
    ],
    [
      'Windows line breaks',
      'id,name\r\n1,a\r\n2,\r\n',
      {},
      [
        { id: '1', name: 'a' },
        { id: '2', name: '' },
      ],
    ],
    ['only a header', 'id,name\n', {}, []],
  ])('%s', async (_, content, options, expected) => {
    expect((await readAll(csvFile<string>(file(content), options))).map(({ value }) => value)).toEqual(expected);
  });

  test('the flights', async () => {
    const records = await readAll(csvFile('examples/data/flights.csv', { columns: ['date', 'delay', 'origin'] }));
    expect(records).toHaveLength(20_000);
    expect(records[0]!.value).toEqual({ date: '2001-01-01 00:47', delay: '66', origin: 'DTW' });
    expectTypeOf(records[0]!.value).toEqualTypeOf<{
      readonly date: string;
      readonly delay: string;
      readonly origin: string;
    }>();
  });
});

describe('a file that is followed', () => {
  async function follow(path: string, from: SourceOffset | null = null) {
    const clock = createManualClock();
    const warned: string[] = [];
    const context = connectorContext({
      clock,
      logger: { ...silentLogger, warn: (_fields, message) => void warned.push(message) },
    });
    const task = await textFile(path, { follow: true, every: '1 second' }).open(from, context);
    /** Moves time on until the next records are there. */
    async function next(): Promise<string[]> {
      let arrived = null as readonly { value: string; offset: SourceOffset }[] | null;
      const polled = task.poll(10).then((records) => {
        arrived = records;
      });
      while (arrived === null) {
        clock.advance(1_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await polled;
      last = arrived[arrived.length - 1]!;
      return arrived.map(({ value }) => value);
    }
    let last: { offset: SourceOffset } | null = null;
    return { task, next, warned, offset: () => last!.offset };
  }

  test('gives lines as they are ended, and a half one not before', async () => {
    const path = file('one\ntw');
    const { task, next } = await follow(path);
    expect(await next()).toEqual(['one']);
    appendFileSync(path, 'o\nthree\n');
    expect(await next()).toEqual(['two', 'three']);
    await task.close();
  });

  test('is read from its beginning when it is truncated', async () => {
    const path = file('one\ntwo\nthree\n');
    const { task, next, warned } = await follow(path);
    expect(await next()).toEqual(['one', 'two', 'three']);
    truncateSync(path);
    appendFileSync(path, 'new\n');
    expect(await next()).toEqual(['new']);
    expect(warned).toEqual(['the file was truncated: reading from its beginning']);
    await task.close();
  });

  test('is left for the next when it is rotated, after its last line', async () => {
    const path = file('one\n');
    const { task, next } = await follow(path);
    expect(await next()).toEqual(['one']);
    appendFileSync(path, 'two\nlast without a break');
    renameSync(path, `${path}.1`);
    expect(await next()).toEqual(['two']);
    writeFileSync(path, 'three\n');
    expect(await next()).toEqual(['last without a break']);
    expect(await next()).toEqual(['three']);
    await task.close();
  });

  test('goes on after a restart, or from the beginning of another file', async () => {
    const path = file('one\ntwo\n');
    const first = await follow(path);
    expect(await first.next()).toEqual(['one', 'two']);
    await first.task.close();
    appendFileSync(path, 'three\n');
    const second = await follow(path, first.offset());
    expect(await second.next()).toEqual(['three']);
    await second.task.close();
    writeFileSync(path, 'another\nfile that is longer\nthan the first\n');
    const third = await follow(path, second.offset());
    expect(await third.next()).toEqual(['another', 'file that is longer', 'than the first']);
    expect(third.warned).toHaveLength(1);
    await third.task.close();
    expect(readFileSync(path, 'utf8')).toMatch(/^another/);
  });

  test('is read to its last line, whenever it is rotated', async () => {
    for (let turns = 0; turns < 40; turns++) {
      const path = file('one\n');
      const context = connectorContext();
      const task = await textFile(path, { follow: true, every: 1 }).open(null, context);
      const found = pollAll(task, 3);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      appendFileSync(path, 'two\n');
      renameSync(path, `${path}.1`);
      appendFileSync(path, 'three\nfour\n');
      expect((await found).map(({ value }) => value)).toEqual(['one', 'two', 'three']);
      await task.close();
    }
  });

  test('is not replayable, and gzip cannot be followed', async () => {
    expect(textFile('x', { follow: true })).toMatchObject({ bounded: false, replayable: false });
    await expect(textFile(file(gzipSync('x')), { follow: true }).open(null, connectorContext())).rejects.toThrow(
      /gzip/,
    );
  });
});

test('a source is named by kind and file name, wherever the file lies and the job runs', () => {
  expect(csvFile('data/a.csv').name).toBe('csv:a.csv');
  expect(csvFile(join(process.cwd(), 'data', 'a.csv')).name).toBe('csv:a.csv');
  expect(jsonLinesFile('/elsewhere/a.jsonl').name).toBe('jsonl:a.jsonl');
  expect(textFile('a', { name: 'mine' }).name).toBe('mine');
});
