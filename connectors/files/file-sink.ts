// Sinks that append lines to a file. A flush reaches the disk. After a crash a record may be appended again ('repeats'): a
// file can't be told to take a line once.
import { existsSync } from 'node:fs';
import { type FileHandle, link, open, rm, writeFile } from 'node:fs/promises';
import { stringify } from 'csv-stringify/sync';
import type { SinkConnector, SinkRecord } from '../../dsl/connector.ts';
import { failed } from './file-bytes.ts';
import { shortPath } from './file-source.ts';

export interface FileSinkOptions<K, V> {
  /** For `describe` and metrics. Default: kind and path. */
  readonly name?: string;
  /** What a record is in the file. Default: its value. */
  readonly select?: (record: SinkRecord<K, V>) => unknown;
}

export interface CsvFileSinkOptions<K, V> extends FileSinkOptions<K, V> {
  /** In this order; also the first line of a file that is empty. */
  readonly columns: readonly string[];
  /** One character. Default ','. */
  readonly delimiter?: string;
}

/** One file, or one for each task where `path` is a function of the task's name: tasks append to the same file in turn. */
export type SinkPath = string | ((task: string) => string);

/**
 * Appends values as JSON lines. A bigint is written as a string, because JSON's readers would round the number.
 *
 * @throws Fault `FILE_FAILED` when it is opened or written
 * @example
 * orders.pipe(sink(jsonLinesFileSink('orders.jsonl', { select: ({ key, value }) => ({ key, ...value }) })));
 */
export function jsonLinesFileSink<K = unknown, V = unknown>(
  path: SinkPath,
  options: FileSinkOptions<K, V> = {},
): SinkConnector<K, V> {
  return appendingSink('jsonl', path, options, null, (value) => JSON.stringify(value, bigintAsText) ?? 'null');
}

/**
 * Appends values as lines of text; one that is no string is written as JSON.
 *
 * @throws Fault `FILE_FAILED` when it is opened or written
 */
export function textFileSink<K = unknown, V = unknown>(
  path: SinkPath,
  options: FileSinkOptions<K, V> = {},
): SinkConnector<K, V> {
  return appendingSink('text', path, options, null, (value) =>
    typeof value === 'string' ? value : (JSON.stringify(value, bigintAsText) ?? ''),
  );
}

/**
 * Appends values as records of a CSV file, with the names of the columns in its first line.
 *
 * @throws Fault `FILE_FAILED` when it is opened or written
 * @example
 * delays.pipe(sink(csvFileSink('delays.csv', { columns: ['city', 'flights'] })));
 */
export function csvFileSink<K = unknown, V = unknown>(
  path: SinkPath,
  options: CsvFileSinkOptions<K, V>,
): SinkConnector<K, V> {
  const { columns, delimiter = ',' } = options;
  const format = (values: readonly unknown[]) =>
    stringify([values as unknown[]], {
      delimiter,
      // Or a lone value of blanks would be a blank line, which is no record.
      quoted_empty: columns.length === 1,
      quoted_match: columns.length === 1 ? /^\s+$/ : null,
      eof: false,
      cast: { bigint: String, boolean: String, date: (at) => at.toISOString() },
    });
  return appendingSink('csv', path, options, format(columns), (value) =>
    format(columns.map((column) => (value as Readonly<Record<string, unknown>> | null)?.[column])),
  );
}

const bigintAsText = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

function appendingSink<K, V>(
  kind: string,
  path: SinkPath,
  { name, select }: FileSinkOptions<K, V>,
  header: string | null,
  format: (value: unknown) => string,
): SinkConnector<K, V> {
  return {
    name: name ?? `${kind}:${typeof path === 'string' ? shortPath(path) : 'per task'}`,
    delivery: 'repeats',
    async open({ task }) {
      const file = typeof path === 'string' ? path : path(task);
      if (header !== null) await createWith(header, file, task).catch((error: unknown) => failed(file, error));
      const handle = await open(file, 'a+').catch((error: unknown) => failed(file, error));
      const append = (text: string) => handle.appendFile(text).catch((error: unknown) => failed(file, error));
      const start = await startOf(handle, header).catch((error: unknown) => failed(file, error));
      if (start !== '') await append(start);
      return {
        async write(records) {
          let text = '';
          for (const record of records) text += `${format(select === undefined ? record.value : select(record))}\n`;
          await append(text);
        },
        flush: () => handle.datasync().catch((error: unknown) => failed(file, error)),
        close: () => handle.close(),
      };
    },
  };
}

/** Tasks that open a file at the same time find it with its header, or none. */
async function createWith(header: string, file: string, task: string): Promise<void> {
  if (existsSync(file)) return;
  const made = `${file}.${task}.new`;
  await writeFile(made, `${header}\n`);
  // It is there by now; or the file system has no links, and the header is written as into an empty file.
  await link(made, file).catch(() => {});
  await rm(made);
}

/** What must come before the first line: the header of an empty file, the end of a line that a crash has torn. */
async function startOf(handle: FileHandle, header: string | null): Promise<string> {
  const { size } = await handle.stat();
  if (size === 0) return header === null ? '' : `${header}\n`;
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  return last[0] === 0x0a ? '' : '\n';
}
