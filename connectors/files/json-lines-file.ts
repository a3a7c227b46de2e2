// A file of JSON lines (NDJSON): one JSON text a line.
import type { SourceConnector } from '../../dsl/connector.ts';
import { type FileSourceOptions, fileSource, type LineFormat } from './file-source.ts';

const jsonLinesFormat: LineFormat<unknown> = {
  kind: 'jsonl',
  quote: null,
  header: false,
  isBlank: (text) => text.trim() === '',
  createParser: () => ({
    header() {},
    parse(lines, good, bad) {
      for (const line of lines) {
        let value: unknown;
        try {
          value = JSON.parse(line.text);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          bad(line, line.torn ? `is torn: the file ends in the middle of its JSON (${why})` : `is not JSON (${why})`);
          continue;
        }
        good(line, value);
      }
    },
  }),
};

/**
 * The values of a file of JSON lines, gzip or not. Blank lines are left out. `V` is what you know of the file: nothing
 * checks it, so validate where that matters.
 *
 * @param path relative to the working folder; beside the job file: `new URL('…', import.meta.url)`
 * @throws Fault `FILE_FAILED` when it is opened; `BAD_LINE` for what is no JSON, with file and line; `FILE_REPLACED`
 * @example
 * const quakes = source(jsonLinesFile<{ net: string; mag: number | null }>('earthquakes.jsonl'));
 */
export function jsonLinesFile<V = unknown>(path: string | URL, options: FileSourceOptions = {}): SourceConnector<V> {
  return fileSource(jsonLinesFormat as LineFormat<V>, path, options);
}
