// The Logger of the command line: pino, as readable lines on a terminal and as JSON lines elsewhere, on stderr.
import pino from 'pino';
import type { Logger } from '../../core/kernel/logger.ts';
import { colours } from './output.ts';

const levelNames: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };

function readable(line: string): string {
  const {
    level,
    time: _time,
    pid: _pid,
    hostname: _hostname,
    msg,
    err,
    error,
    ...fields
  } = JSON.parse(line) as Record<string, unknown>;
  const name = levelNames[Number(level)] ?? 'info';
  const failure = (err ?? error) as string | { message?: string } | undefined;
  const cause = typeof failure === 'string' ? failure : failure?.message;
  const details = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const painted = name === 'error' ? colours.red(name) : name === 'warn' ? colours.yellow(name) : colours.dim(name);
  return `${painted} ${msg}${cause === undefined ? '' : `: ${cause}`} ${colours.dim(details.join(' '))}`.trimEnd();
}

/** The stack only where MILLRACE_DEBUG asks for it. */
function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (process.env['MILLRACE_DEBUG'] !== undefined) return pino.stdSerializers.err(error);
  const { code } = error as { readonly code?: unknown };
  return { type: error.name, message: error.message, ...(code === undefined ? {} : { code }) };
}

/** Level by MILLRACE_LOG (debug, info, warn, error). Default warn. */
export function createLogger(): Logger {
  const level = process.env['MILLRACE_LOG'] ?? 'warn';
  const options = { level, base: null, serializers: { error: errorFields, err: errorFields } };
  const destination = process.stderr.isTTY
    ? { write: (line: string) => void process.stderr.write(`${readable(line)}\n`) }
    : pino.destination({ dest: 2, sync: true });
  const lines = pino(options, destination);
  return {
    debug: (fields, message) => lines.debug(fields, message),
    info: (fields, message) => lines.info(fields, message),
    warn: (fields, message) => lines.warn(fields, message),
    error: (fields, message) => lines.error(fields, message),
  };
}
