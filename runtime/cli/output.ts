// What the command line says and how: results on stdout, as text or JSON lines; everything else on stderr; one sentence
// for an error; exit codes.
import { createRequire } from 'node:module';
import type Table from 'cli-table3';
import picocolors from 'picocolors';
import { AssertionFailure } from '../../core/kernel/assert.ts';
import { Fault } from '../../core/kernel/fault.ts';

/** Documented in `millrace --help`. */
export const exitCode = { ok: 0, failed: 1, usage: 2, forced: 130 } as const;

export const exitCodesHelp = `
Exit codes: 0 done or stopped cleanly; 1 failed, the reason is on stderr; 2 wrong usage; 130 stopped by force.`;

export const colours = picocolors.createColors(Boolean(process.stderr.isTTY && picocolors.isColorSupported));
const stdoutColours = picocolors.createColors(Boolean(process.stdout.isTTY && picocolors.isColorSupported));

/** A reader that has seen enough closes the pipe (`| head`): that is no error. */
export function endQuietlyOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(exitCode.ok);
  });
}

export const say = (text: string): void => void process.stderr.write(`${text}\n`);
export const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Waits where the reader is slower than we are. */
export async function printPatiently(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
}

const jsonSafe = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
};

export const toJson = (value: unknown): string => JSON.stringify(value, jsonSafe);

/** A line of JSON each. */
export function printJson(values: Iterable<unknown>): void {
  for (const value of values) print(toJson(value));
}

export type Cell = string | number | null | undefined;

/** Most commands print no table. */
const loadTable = () => createRequire(import.meta.url)('cli-table3') as typeof Table;

export function printTable(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  if (rows.length > 0) print(tableText(head, rows));
}

export function tableText(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const none = {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '  ',
  };
  const table = new (loadTable())({
    head: head.map((title) => stdoutColours.bold(title)),
    chars: none,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, column) => (rows.every((row) => typeof row[column] === 'number') ? 'right' : 'left')),
  });
  for (const row of rows) table.push(row.map((cell) => (cell === null || cell === undefined ? '-' : String(cell))));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** One sentence. The stack only where the mistake is ours, or MILLRACE_DEBUG asks for it. */
export function explain(error: unknown): string {
  if (process.env['MILLRACE_DEBUG'] !== undefined && error instanceof Error) return error.stack ?? error.message;
  if (error instanceof AssertionFailure) return `this is a fault of millrace's own: ${error.stack}`;
  if (error instanceof Fault) return error.message;
  if (error instanceof Error) return error.message;
  return String(error);
}

export function fail(error: unknown): never {
  say(`${colours.red('error:')} ${explain(error)}`);
  process.exit(exitCode.failed);
}

const bytesUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function formatBytes(bytes: number): string {
  const unit = Math.min(bytesUnits.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** unit;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${bytesUnits[unit]}`;
}

/** A span as a person says it: '48 s', '3 min', '5 h'. */
export function formatSpan(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}

export const formatCount = (count: number): string => Math.round(count).toLocaleString('en-US');
