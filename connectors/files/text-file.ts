// The lines of a text file as strings, and strings as lines of one.
import type { SourceConnector } from '../../dsl/connector.ts';
import { type FileSourceOptions, fileSource, type LineFormat } from './file-source.ts';

const textFormat: LineFormat<string> = {
  kind: 'text',
  quote: null,
  header: false,
  isBlank: () => false,
  createParser: () => ({
    header() {},
    parse(lines, good) {
      for (const line of lines) good(line, line.text);
    },
  }),
};

/**
 * The lines of a text file in UTF-8, gzip or not, without their line breaks (`\n` or `\r\n`). Blank lines are lines.
 *
 * @param path relative to the working folder; beside the job file: `new URL('…', import.meta.url)`
 * @throws Fault `FILE_FAILED` when it is opened; `FILE_REPLACED` when it is no longer the file that was read before
 * @example
 * const words = source(textFile('book.txt')).pipe(flatMap((line) => line.split(' ')));
 */
export function textFile(path: string | URL, options: FileSourceOptions = {}): SourceConnector<string> {
  return fileSource(textFormat, path, options);
}
