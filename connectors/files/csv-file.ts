// A CSV file as objects of strings, parsed by csv-parse. Lines are split before, so that each record knows where it ends;
// a block of them is parsed at once, and one by one only where one of them is wrong.
import { parse } from 'csv-parse/sync';
import { Fault } from '../../core/kernel/fault.ts';
import type { SourceConnector } from '../../dsl/connector.ts';
import { type FileSourceOptions, fileSource, type LineFormat, type LineParser } from './file-source.ts';
import type { Line } from './line-splitter.ts';

export interface CsvFileOptions<Column extends string = string> extends FileSourceOptions {
  /** The columns wanted, by the names in the first line. Default: all. */
  readonly columns?: readonly Column[];
  /** The names of the columns, for a file whose first line is a record. */
  readonly header?: readonly string[];
  /** One character. Default ','. */
  readonly delimiter?: string;
  /** One character, or null for a file that doesn't quote. Default '"'. */
  readonly quote?: string | null;
}

type CsvRecord = Record<string, string>;

/**
 * The records of a CSV file (RFC 4180) in UTF-8, gzip or not: objects of strings by column. A quoted value may have line
 * breaks. Blank lines are left out.
 *
 * @param path relative to the working folder; beside the job file: `new URL('flights.csv', import.meta.url)`
 * @throws Fault `FILE_FAILED` when it is opened; `BAD_HEADER`; `BAD_LINE` for a record with too few or too many
 * values (also the last one, torn off), with file and line; `FILE_REPLACED`
 * @example
 * const flights = source(csvFile('flights.csv', { columns: ['date', 'delay', 'origin'] }));
 */
export function csvFile<const Column extends string = string>(
  path: string | URL,
  options: CsvFileOptions<Column> = {},
): SourceConnector<{ readonly [C in Column]: string }> {
  const { quote = '"', delimiter = ',' } = options;
  const format: LineFormat<CsvRecord> = {
    kind: 'csv',
    quote: quote === null ? null : { byte: quote.charCodeAt(0), after: Buffer.from(delimiter).at(-1)! },
    header: options.header === undefined,
    isBlank: (text) => text.trim() === '' && !text.includes(delimiter),
    createParser: (name) => csvParser(name, options),
  };
  return fileSource(format, path, options) as SourceConnector<{ readonly [C in Column]: string }>;
}

function csvParser(
  path: string,
  { columns, header, delimiter = ',', quote = '"' }: CsvFileOptions,
): LineParser<CsvRecord> {
  const syntax = { delimiter, quote: quote ?? false, escape: quote, record_delimiter: '\n' } as const;
  let names: readonly string[] = [];
  let picked: (string | false)[] = [];

  function setNames(found: readonly string[], line: number): void {
    for (const column of columns ?? []) {
      if (found.includes(column)) continue;
      const why = `has no column '${column}' (it has ${found.join(', ')})`;
      throw new Fault('BAD_HEADER', { path, line, why, what: 'correct the name' });
    }
    const wanted = columns ?? found;
    const twice = found.find((name, i) => wanted.includes(name) && found.indexOf(name) < i);
    if (twice !== undefined)
      throw new Fault('BAD_HEADER', { path, line, why: `names two columns '${twice}'`, what: 'name only others' });
    names = found;
    picked = found.map((name) => (columns === undefined || columns.includes(name) ? name : false));
  }
  if (header !== undefined) setNames(header, 1);

  const records = (text: string): CsvRecord[] => parse(text, { ...syntax, columns: picked }) as CsvRecord[];

  function parseOne(
    line: Line,
    good: (line: Line, value: CsvRecord) => void,
    bad: (line: Line, reason: string) => void,
  ): void {
    let record: CsvRecord | undefined;
    try {
      [record] = records(line.text);
    } catch (error) {
      bad(line, reasonOf(error, line, names.length));
      return;
    }
    good(line, record!);
  }

  return {
    header(line) {
      try {
        setNames(
          (parse(line.text, syntax) as string[][])[0]!.map((name) => name.trim()),
          line.line,
        );
      } catch (error) {
        throw error instanceof Fault
          ? error
          : new Fault('BAD_LINE', { path, line: line.line, reason: reasonOf(error, line, 0) }, error);
      }
    },
    parse(lines, good, bad) {
      let parsed: CsvRecord[] | null = null;
      try {
        parsed = records(lines.map(({ text }) => text).join('\n'));
      } catch {
        // One of them is wrong: see which.
      }
      if (parsed?.length === lines.length) for (const [i, line] of lines.entries()) good(line, parsed[i]!);
      else for (const line of lines) parseOne(line, good, bad);
    },
  };
}

/** csv-parse counts lines in what it was given, so its own sentence would name the wrong one. */
function reasonOf(error: unknown, line: Line, wanted: number): string {
  const { code, record, message } = error as { code?: string; record?: readonly unknown[]; message: string };
  const torn = line.torn ? ' and the file ends in it: it may be torn off' : '';
  if (code?.startsWith('CSV_RECORD_INCONSISTENT') || code === 'CSV_INCONSISTENT_RECORD_LENGTH') {
    return `has ${record?.length ?? 'another number of'} values where the first line names ${wanted} columns${torn}`;
  }
  if (code === 'CSV_QUOTE_NOT_CLOSED') return `opens a quote and doesn't close it${torn}`;
  if (code === 'INVALID_OPENING_QUOTE' || code === 'CSV_INVALID_OPENING_QUOTE')
    return 'has a quote in the middle of an unquoted value';
  if (code === 'CSV_INVALID_CLOSING_QUOTE') return 'has something after the quote that closes a value';
  return `is not CSV (${message.split('\n')[0]})`;
}
