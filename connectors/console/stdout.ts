// Records as lines on standard output. Waits while the reader at the other end of a pipe does not read.
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { SinkConnector, SinkRecord } from '../../dsl/connector.ts';

export interface StdoutOptions<K, V> {
  /** For `describe`. Default 'stdout'. */
  readonly name?: string;
  /** The line of a record. Default: the value, as it is if it is a string, else as JSON. */
  readonly format?: (record: SinkRecord<K, V>) => string;
  /** Written to instead of standard output. */
  readonly output?: Writable;
}

/**
 * Writes records as lines to standard output. After a crash a record may be written again.
 *
 * @example
 * counts.pipe(sink(stdoutLines({ format: ({ key, value }) => `${key}\t${value}` })));
 */
export function stdoutLines<K = unknown, V = unknown>(options: StdoutOptions<K, V> = {}): SinkConnector<K, V> {
  const { name = 'stdout', output = process.stdout, format = ({ value }) => textOf(value) } = options;
  return {
    name,
    delivery: 'repeats',
    async open({ signal }) {
      let unwritten: Promise<void> = Promise.resolve();
      return {
        async write(records) {
          if (records.length === 0) return;
          let text = '';
          for (const record of records) text += `${format(record)}\n`;
          unwritten = new Promise((resolve, reject) => {
            const room = output.write(text, (error) => (error ? reject(error) : resolve()));
            if (!room) once(output, 'drain', { signal }).catch(reject);
          });
          if (output.writableNeedDrain) await unwritten;
          else unwritten.catch(() => {});
        },
        flush: () => unwritten,
        // Standard output is the process's, and stays open.
        close: async () => {},
      };
    },
  };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? 'null';
}
