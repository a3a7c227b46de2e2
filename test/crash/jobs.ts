// Jobs that are killed, as files in a folder: numbers from a source at a rate, through the log, counted by key.
import type { Folder } from '../support/millrace.ts';

export interface JobOptions {
  readonly guarantee: 'atLeastOnce' | 'exactlyOnce';
  readonly count: number;
  readonly rate: number;
  readonly keys: number;
  readonly commitInterval: string;
  /** Characters added to what is copied: much, so that output is written long before it is committed. */
  readonly padding: number;
}

export const jobDefaults: JobOptions = {
  guarantee: 'exactlyOnce',
  count: 20_000,
  rate: 10_000,
  keys: 100,
  commitInterval: '100 ms',
  padding: 0,
};

/** Numbers that a process has counted when it says 'under way' on stderr. */
const underWayAfter = 1_000;

/** Topics: `ids`, each number once; `copied`, each number again; `counts`, of each key. */
export function writeJob(folder: Folder, given: Partial<JobOptions>): Promise<string> {
  const { guarantee, count, rate, keys, commitInterval, padding } = { ...jobDefaults, ...given };
  return folder.file(
    'job.mjs',
    `import { count, groupByKey, job, map, safeInt64, selectKey, source, tap, toStream, topic, utf8 } from 'millrace';
     import { generate } from 'millrace/connectors/generate';
     let counted = 0;
     const tell = tap(() => { if (++counted === ${underWayAfter}) process.stderr.write('under way\\n'); });
     const ids = topic('ids', safeInt64, { partitions: 4 });
     export default job('numbers', [
       source(generate({ value: (n) => n, count: ${count}, rate: ${rate} })).pipe(selectKey((n) => String(n % ${keys}))).to(ids),
       ids.pipe(map((n) => n + ' ' + 'x'.repeat(${padding}))).to(topic('copied', utf8, { partitions: 4 })),
       ids.pipe(tell, groupByKey(), count({ as: 'counts' }), toStream()).to(topic('counts', safeInt64, { partitions: 4 })),
     ], { guarantee: '${guarantee}', commitInterval: '${commitInterval}' });`,
  );
}
