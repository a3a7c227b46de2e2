// A source that reads the lines of a file, once to its end or for ever as it grows. Where it stands is the byte and the
// line after the last record, with a checksum of the file's beginning: a restart neither repeats nor skips, and does not
// mistake another file for this one. A file that is followed may be truncated or rotated; one that isn't must stay.
import { basename, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32c } from '../../core/kernel/crc32c.ts';
import { type Duration, durationMs } from '../../core/kernel/duration.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { ConnectorContext, SourceConnector, SourceOffset, SourceRecord, SourceTask } from '../../dsl/connector.ts';
import { type FileBytes, headBytesMax, openFile } from './file-bytes.ts';
import { createLineSplitter, type Line, type LineSplitter, type LineSplitterOptions } from './line-splitter.ts';

export interface FileSourceOptions {
  /** Waits for more at the end, as `tail -F` does. Not for gzip. Default false: the source ends with the file. */
  readonly follow?: boolean;
  /** How often a followed file is looked at. Default '250 ms'. */
  readonly every?: Duration;
  /** What a line that can't be read gets: the job fails, or the line is logged and left out. Default 'fail'. */
  readonly onBadLine?: 'fail' | 'skip';
  /**
   * For `describe` and the key of its offsets. Default: kind and file name, without the folder, so that a project may
   * move and a job may be started from anywhere; two files of one name in a job need names of their own.
   */
  readonly name?: string;
}

/** What is to know of a file format. */
export interface LineFormat<V> {
  readonly kind: 'csv' | 'jsonl' | 'text';
  readonly quote: LineSplitterOptions['quote'];
  /** The first line says what the others are. */
  readonly header: boolean;
  /** Whether a line is left out. */
  isBlank(text: string): boolean;
  /** Once a file. */
  createParser(path: string): LineParser<V>;
}

export interface LineParser<V> {
  /** @throws Fault, whatever `onBadLine` says */
  header(line: Line): void;
  /** Calls one of the two for each line, in order. `reason` goes on after 'line 7 '. */
  parse(lines: readonly Line[], good: (line: Line, value: V) => void, bad: (line: Line, reason: string) => void): void;
}

export function fileSource<V>(
  format: LineFormat<V>,
  place: string | URL,
  options: FileSourceOptions = {},
): SourceConnector<V> {
  const { follow = false } = options;
  const path = typeof place === 'string' ? place : fileURLToPath(place);
  return {
    name: options.name ?? `${format.kind}:${basename(path)}`,
    bounded: !follow,
    // A rotated file is gone.
    replayable: !follow,
    open: (from, context) =>
      openSource({ format, path, options, context, everyMs: durationMs(options.every ?? '250 ms') }, from),
  };
}

export function shortPath(path: string): string {
  const short = relative(process.cwd(), resolve(path));
  return (short === '' || short.startsWith('..') ? resolve(path) : short).split(sep).join('/');
}

interface Opening<V> {
  readonly format: LineFormat<V>;
  readonly path: string;
  readonly options: FileSourceOptions;
  readonly context: ConnectorContext;
  readonly everyMs: number;
}

interface Reading<V> {
  readonly bytes: FileBytes;
  readonly splitter: LineSplitter;
  readonly parser: LineParser<V>;
  /** The next line is the header. */
  headerDue: boolean;
}

async function openSource<V>(opening: Opening<V>, from: SourceOffset | null): Promise<SourceTask<V>> {
  const { format, path, options, context, everyMs } = opening;
  const { logger, clock, signal } = context;
  let reading = await startAt(opening, from);
  let head = createHead(reading.bytes);
  let queue: SourceRecord<V>[] = [];
  let failure: unknown;
  let ended = false;

  const offsetOf = ({ endByte, endLine }: Line): SourceOffset => ({
    byte: endByte,
    line: endLine,
    head: head.checksum(endByte),
  });

  function bad(line: Line, reason: string): void {
    if (options.onBadLine !== 'skip') throw new Fault('BAD_LINE', { path, line: line.line, reason });
    logger.warn({ path, line: line.line, reason }, 'left out a line that cannot be read');
  }

  function accept(lines: readonly Line[]): void {
    let wanted = lines.filter(({ text }) => !format.isBlank(text));
    const [first] = wanted;
    if (first === undefined || failure !== undefined) return;
    try {
      if (reading.headerDue) {
        reading.parser.header(first);
        reading.headerDue = false;
        wanted = wanted.slice(1);
      }
      reading.parser.parse(wanted, (line, value) => queue.push({ value, offset: offsetOf(line) }), bad);
    } catch (error) {
      // Records before it are given first.
      failure = error;
    }
  }

  function end(): void {
    ended = true;
    accept(reading.splitter.end());
    if (reading.headerDue)
      failure ??= new Fault('FILE_FAILED', { path, reason: 'it is empty, and its first line should name the columns' });
  }

  async function readMore(): Promise<void> {
    if (await readChunk()) return;
    if (options.follow === true) await waitForMore();
    else end();
  }

  async function readChunk(): Promise<boolean> {
    const chunk = await reading.bytes.read();
    if (chunk === null) return false;
    await head.refresh();
    accept(reading.splitter.push(chunk));
    return true;
  }

  async function waitForMore(): Promise<void> {
    const state = await reading.bytes.state();
    if (state === 'same') return clock.sleep(everyMs, signal);
    // It may have grown between its end and its replacement.
    if (state === 'replaced' && (await readChunk())) return;
    logger.warn({ path }, `the file was ${state}: reading from its beginning`);
    if (state === 'replaced') accept(reading.splitter.end());
    await reading.bytes.close();
    reading = await startAt(opening, null);
    head = createHead(reading.bytes);
  }

  return {
    async poll(recordsMax) {
      while (queue.length === 0) {
        if (failure !== undefined) throw failure;
        if (ended) return [];
        signal.throwIfAborted();
        await readMore();
      }
      const records = queue.slice(0, recordsMax);
      queue = queue.slice(recordsMax);
      return records;
    },
    ...(options.follow === true
      ? {}
      : { progress: () => (ended && queue.length === 0 ? 1 : reading.bytes.progress()) }),
    close: () => reading.bytes.close(),
  };
}

/** Opens the file where reading is to go on. */
async function startAt<V>(opening: Opening<V>, from: SourceOffset | null): Promise<Reading<V>> {
  const { format, path, options, context } = opening;
  const parser = format.createParser(path);
  const splitterAt = (startByte: number, startLine: number) =>
    createLineSplitter({ path, startByte, startLine, quote: format.quote });
  if (from === null) {
    return { bytes: await openWanted(opening), splitter: splitterAt(0, 0), parser, headerDue: format.header };
  }
  const byte = Number(from['byte']);
  const known = format.header ? await readHeader(opening, splitterAt(0, 0), parser) : true;
  const bytes = await openWanted(opening);
  try {
    if (known && (await bytes.skipTo(byte)) && checksumOf(await bytes.head(byte), byte) === from['head']) {
      return { bytes, splitter: splitterAt(byte, Number(from['line'])), parser, headerDue: false };
    }
    if (options.follow !== true) throw new Fault('FILE_REPLACED', { path, byte });
  } catch (error) {
    await bytes.close();
    throw error;
  }
  context.logger.warn({ path, byte }, 'the file is not the one that was read before: reading from its beginning');
  await bytes.close();
  return startAt(opening, null);
}

async function openWanted<V>({ path, options }: Opening<V>): Promise<FileBytes> {
  const bytes = await openFile(path);
  if (options.follow !== true || bytes.grows) return bytes;
  await bytes.close();
  throw new Fault('FILE_FAILED', {
    path,
    reason: 'it is gzip, which ends with the file; leave out follow, or follow a plain file',
  });
}

/** False where there is none. */
async function readHeader<V>(
  { format, path }: Opening<V>,
  splitter: LineSplitter,
  parser: LineParser<V>,
): Promise<boolean> {
  const bytes = await openFile(path);
  try {
    for (;;) {
      const chunk = await bytes.read();
      const first = (chunk === null ? splitter.end() : splitter.push(chunk)).find(({ text }) => !format.isBlank(text));
      if (first !== undefined) parser.header(first);
      if (first !== undefined || chunk === null) return first !== undefined;
    }
  } finally {
    await bytes.close();
  }
}

const checksumOf = (head: Buffer, byte: number): number => crc32c(head.subarray(0, Math.min(byte, headBytesMax)));

/** The beginning of the content up to an offset, as a checksum; the same for all offsets but the first few. */
function createHead(bytes: FileBytes) {
  let head: Buffer = Buffer.alloc(0);
  let whole: number | null = null;
  return {
    async refresh() {
      if (whole !== null) return;
      head = await bytes.head(headBytesMax);
      if (head.length === headBytesMax) whole = checksumOf(head, headBytesMax);
    },
    checksum: (byte: number): number => (whole !== null && byte >= headBytesMax ? whole : checksumOf(head, byte)),
  };
}
