// A topic as a table in the terminal: the newest value of each key, a row each. Only text comes out of here; who shows it,
// and how often, is the command line's business. It holds every key's value, because any may come to the top.
import Table from 'cli-table3';
import pico from 'picocolors';
import type { ViewConnector } from '../../dsl/connector.ts';

type Cell = string | number | bigint | boolean | null | undefined;

type CellOf<K, V> = (value: V, key: K) => Cell;

/** A column that is more than its value. */
export interface ConsoleColumn<K, V> {
  readonly value: CellOf<K, V>;
  /** Default: numbers, also as text, to the right, anything else to the left. */
  readonly align?: 'left' | 'right';
  /** The text of a cell that isn't null or undefined. Default: as JavaScript writes it. */
  // biome-ignore lint/suspicious/noExplicitAny: the column's own value, which inference can't carry from `value` to here
  readonly format?: (cell: any) => string;
}

export interface ConsoleTableOptions<K, V> {
  readonly title?: string;
  /** By their headers, from the left. */
  readonly columns: Readonly<Record<string, CellOf<K, V> | ConsoleColumn<K, V>>>;
  /** What rows are ordered by; null and undefined come last. Default: the order in which their keys first came. */
  readonly sortBy?: (value: V, key: K) => Cell;
  /** Default false. */
  readonly descending?: boolean;
  /** Rows shown; those left out are counted. Default 20. */
  readonly limit?: number;
}

interface Row<K, V> {
  readonly key: K;
  readonly value: V;
}

const columnWidthMin = 5;
const bordersPerColumn = 1;

/**
 * A view that shows the newest value of each key as a row. A tombstone takes the row away.
 *
 * @example
 * topic('counts', safeInt64).pipe(view(consoleTable({
 *   title: 'Words',
 *   columns: { word: (_count, word) => word, count: (count) => count },
 *   sortBy: (count) => count, descending: true, limit: 10,
 * })));
 */
export function consoleTable<K, V>(options: ConsoleTableOptions<K, V>): ViewConnector<K, V> {
  const { title, sortBy, descending = false, limit = 20 } = options;
  const headers = Object.keys(options.columns);
  const columns = Object.values(options.columns).map(
    (column): ConsoleColumn<K, V> => (typeof column === 'function' ? { value: column } : column),
  );
  const rows = new Map<unknown, Row<K, V>>();

  function ordered(): Row<K, V>[] {
    const all = [...rows.values()];
    if (sortBy === undefined) return all;
    const sign = descending ? -1 : 1;
    const ranked = all.map((row) => ({ row, rank: sortBy(row.value, row.key) }));
    return ranked.sort((a, b) => compare(a.rank, b.rank, sign)).map(({ row }) => row);
  }

  return {
    name: `table${title === undefined ? '' : `:${title}`}`,
    update(key, value) {
      if (value === null || value === undefined) rows.delete(identity(key));
      else rows.set(identity(key), { key, value });
    },
    render({ columns: widthMax, colour }) {
      const paint = pico.createColors(colour);
      const shown = ordered().slice(0, Math.max(0, limit));
      const cells = shown.map(({ key, value }) => columns.map((column) => column.value(value, key)));
      const texts = cells.map((row) => row.map((cell, i) => textOf(cell, columns[i]!.format)));
      const table = new Table({
        head: headers.map((header) => paint.bold(header)),
        colWidths: fitWidths(
          headers.map((header, i) => Math.max(width(header), ...texts.map((row) => width(row[i]!))) + 2),
          widthMax,
        ),
        colAligns: columns.map(({ align }, i) => align ?? (isNumeric(cells, i) ? 'right' : 'left')),
        style: { head: [], border: [], compact: true },
      });
      table.push(...texts);
      const left = rows.size - shown.length;
      const lines = [
        ...(title === undefined ? [] : [paint.bold(title)]),
        table.toString(),
        ...(left > 0 ? [paint.dim(`and ${left} more`)] : []),
      ];
      return lines.join('\n');
    },
  };
}

/** Keys that are no primitives, windowed ones for example, are the same when they look the same. */
function identity(key: unknown): unknown {
  if (typeof key !== 'object' || key === null) return key;
  return JSON.stringify(key, (_name, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}

function compare(a: Cell, b: Cell, sign: number): number {
  const aMissing = a === null || a === undefined || Number.isNaN(a);
  const bMissing = b === null || b === undefined || Number.isNaN(b);
  if (aMissing || bMissing) return Number(aMissing) - Number(bMissing);
  return a === b ? 0 : (a < b ? -1 : 1) * sign;
}

/** Control characters in data must not reach the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f]/g;

function textOf(cell: Cell, format: ((cell: unknown) => string) | undefined): string {
  if (cell === null || cell === undefined) return '';
  return (format === undefined ? String(cell) : format(cell)).replace(control, ' ');
}

function isNumeric(cells: readonly (readonly Cell[])[], column: number): boolean {
  const there = cells.map((row) => row[column]).filter((cell) => cell !== null && cell !== undefined);
  return (
    there.length > 0 && there.every((cell) => typeof cell !== 'boolean' && cell !== '' && !Number.isNaN(Number(cell)))
  );
}

/** Columns in the terminal: wide characters (East Asian, emoji) take two. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]/u;
const width = (text: string): number => [...text].reduce((sum, character) => sum + (wide.test(character) ? 2 : 1), 0);

/** Takes from the widest until the table fits; what doesn't fit in a cell ends in an ellipsis. */
function fitWidths(natural: readonly number[], widthMax: number): number[] {
  const widths = [...natural];
  const room = widthMax - 1 - widths.length * bordersPerColumn;
  for (let total = widths.reduce((a, b) => a + b, 0); total > room; total--) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= columnWidthMin) break;
    widths[widest]! -= 1;
  }
  return widths;
}
