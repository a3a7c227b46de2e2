// What a person would find in a topic afterwards: read by the command line, committed records only.
import { expect } from 'vitest';
import { millrace } from '../support/millrace.ts';

export interface Line {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
}

/** Records of a topic in the order of the log, partition by partition. */
export async function readTopic(name: string, data: string, ...flags: readonly string[]): Promise<Line[]> {
  const format = ['--until', 'end', '--format', '%p\\t%o\\t%k\\t%v'];
  const { stdout, stderr, code } = await millrace(['consume', name, '--data', data, ...format, ...flags]);
  expect({ name, code, stderr }).toEqual({ name, code: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [partition, offset, key, ...value] = line.split('\t');
      return { partition: Number(partition), offset: Number(offset), key: key!, value: value.join('\t') };
    });
}

/** Values of each key, in the order in which they stand in the log. */
export function byKey(lines: readonly { readonly key: string; readonly value: string }[]): Record<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { key, value } of lines) {
    const list = found.get(key);
    if (list === undefined) found.set(key, [value]);
    else list.push(value);
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The numbers of each key in order, as the job's source makes them. */
export function numbersByKey(count: number, keys: number): Record<string, string[]> {
  return byKey(Array.from({ length: count }, (_, n) => ({ key: String(n % keys), value: String(n) })));
}
