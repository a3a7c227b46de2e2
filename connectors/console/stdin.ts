// Lines from standard input. They can't be read twice, so a job that must not lose or repeat any reads a file instead.
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { SourceConnector, SourceRecord } from '../../dsl/connector.ts';

export interface StdinOptions {
  /** For `describe`. Default 'stdin'. */
  readonly name?: string;
  /** Read instead of standard input. */
  readonly input?: Readable;
}

/**
 * The lines of standard input until it ends. Lines that were read and not committed when the job died are lost.
 *
 * @example
 * source(stdinLines()).pipe(filter((line) => line !== '')).to(topic('lines', utf8));
 */
export function stdinLines({ name = 'stdin', input = process.stdin }: StdinOptions = {}): SourceConnector<string> {
  return {
    name,
    bounded: true,
    replayable: false,
    async open(_from, { signal }) {
      // Readline holds the input back while nobody asks for lines.
      const reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
      const lines = reader[Symbol.asyncIterator]();
      const stop = () => reader.close();
      signal.addEventListener('abort', stop, { once: true });
      let line = 0;
      let waiting: Promise<IteratorResult<string>> | null = null;
      return {
        async poll(recordsMax) {
          const records: SourceRecord<string>[] = [];
          while (records.length < recordsMax) {
            waiting ??= lines.next();
            // What has come is given at once; only the first line is waited for.
            const next = records.length === 0 ? await waiting : await Promise.race([waiting, nothingYet]);
            if (next === null) break;
            waiting = null;
            if (next.done) {
              signal.throwIfAborted();
              waiting = Promise.resolve(next);
              break;
            }
            records.push({ value: next.value, offset: { line: ++line } });
          }
          return records;
        },
        async close() {
          signal.removeEventListener('abort', stop);
          reader.close();
        },
      };
    },
  };
}

const nothingYet = Promise.resolve(null);
