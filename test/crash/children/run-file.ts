// Runs a job file with several threads and kills one of them at a moment that is given, as no command does. Says when the
// job is ready and what it did.
import { pathToFileURL } from 'node:url';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { loadJob } from '../../../runtime/cli/load-job.ts';
import { createLogger } from '../../../runtime/cli/log-lines.ts';
import { runJobFile } from '../../../runtime/cli/run-job.ts';

export interface Order {
  readonly file: string;
  readonly data: string;
  readonly threads: number;
  /** Threads to kill, each so many milliseconds after the job was ready. */
  readonly kills: readonly { readonly thread: number; readonly afterMs: number }[];
}

const order = JSON.parse(process.argv[2]!) as Order;
const tell = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`);

const startedMs = clock.monotonicMs();
const { threads, data, file } = order;
const run = await runJobFile(await loadJob(file), pathToFileURL(file).pathname, {
  threads,
  data,
  logger: createLogger(),
});
await run.ready;
tell({ readyMs: clock.monotonicMs() - startedMs });
const timers = order.kills.map(({ thread, afterMs }) =>
  clock.after(afterMs, () => {
    tell({ killed: thread, recordsIn: run.progress().recordsIn });
    void run.threads[thread]!.kill();
  }),
);
const { recordsIn, elapsedMs } = await run.done;
for (const timer of timers) timer.cancel();
tell({ recordsIn, elapsedMs });
