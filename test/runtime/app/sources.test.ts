import { runJob } from 'millrace/run';
import { expect, test } from 'vitest';
import { memorySource } from '../../../connectors/memory/index.ts';
import type { SinkConnector } from '../../../dsl/connector.ts';
import { job, map, sink, source } from '../../../dsl/index.ts';
import { tempFolder } from '../../support/millrace.ts';

function watchedSink() {
  const said: string[] = [];
  const connector: SinkConnector<unknown, unknown> = {
    name: 'watched',
    delivery: 'repeats',
    open: async ({ signal }) => {
      signal.addEventListener('abort', () => said.push('abort'));
      return {
        write: async () => void said.push('write'),
        flush: async () => void said.push('flush'),
        close: async () => void said.push('close'),
      };
    },
  };
  return { said, connector };
}

const ended = (...values: number[]) => {
  const made = memorySource(values);
  made.end();
  return made;
};

test('a sink right behind a source is closed at the end, and when the job fails', async () => {
  await using folder = await tempFolder();
  const { said, connector } = watchedSink();
  const run = await runJob(job('ends', [source(ended(1, 2)).pipe(sink(connector))]), { data: folder.data });
  await run.done;
  expect(said).toEqual(['write', 'flush', 'abort', 'close']);

  said.length = 0;
  const failing = source(ended(1)).pipe(
    map(() => {
      throw new Error('no');
    }),
    sink(connector),
  );
  await expect((await runJob(job('fails', [failing]), { data: folder.data })).done).rejects.toThrow('no');
  expect(said).toEqual(['abort', 'close']);
});
