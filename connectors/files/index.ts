// Files as sources and sinks: CSV, JSON lines and lines of text. Sources read gzip as well, end with the file or follow it,
// and go on exactly where they stopped; sinks append.
export { type CsvFileOptions, csvFile } from './csv-file.ts';
export {
  type CsvFileSinkOptions,
  csvFileSink,
  type FileSinkOptions,
  jsonLinesFileSink,
  type SinkPath,
  textFileSink,
} from './file-sink.ts';
export type { FileSourceOptions } from './file-source.ts';
export { jsonLinesFile } from './json-lines-file.ts';
export { textFile } from './text-file.ts';
