// How long a person waits for the first record of a tiny job: from the start of the process that runs it to the first
// record in the output topic, and how long the process takes in all. Each start is a process of its own on a fresh folder.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { memorySource } from '../../connectors/memory/index.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import { filter, job, noKey, source, tap, topic, utf8 } from '../../dsl/index.ts';
import { runJob } from '../../runtime/cli/run-job.ts';
import { inFolder, median } from './measure.ts';

export interface StartUpFigures {
  /** Medians, from the start of the process, in milliseconds. */
  readonly importedMs: number;
  readonly firstRecordMs: number;
  readonly endedMs: number;
  /** Of `node` running nothing. */
  readonly bareNodeMs: number;
}

const here = fileURLToPath(import.meta.url);

/** Source → topic → filter → topic, of which the first record out is acknowledged and read back. */
async function runTiny(data: string): Promise<void> {
  const importedMs = systemClock.monotonicMs();
  let firstRecordMs = 0;
  const words = topic('words', utf8, { key: noKey, partitions: 1 });
  const seen = topic('seen', utf8, { key: noKey, partitions: 1 });
  const input = memorySource(['one', 'two', 'three']);
  input.end();
  const first = () => {
    if (firstRecordMs === 0) firstRecordMs = systemClock.monotonicMs();
  };
  const tiny = job('tiny', [
    source(input).to(words),
    words.pipe(filter((word) => word !== 'two')).to(seen),
    seen.pipe(tap(first)).to(topic('done', utf8, { key: noKey, partitions: 1 })),
  ]);
  await using run = await runJob(tiny, { data });
  await run.done;
  process.stdout.write(JSON.stringify({ importedMs, firstRecordMs }));
}

async function timed(args: readonly string[]): Promise<{ readonly ms: number; readonly out: string }> {
  const startedMs = systemClock.monotonicMs();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  if (code !== 0) throw new Error(`a job of three records ended with exit code ${code}`);
  return { ms: systemClock.monotonicMs() - startedMs, out };
}

export async function startUpBench(rounds: number): Promise<StartUpFigures> {
  const runs: { importedMs: number; firstRecordMs: number; endedMs: number; bareNodeMs: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const bare = await timed(['-e', '0']);
    const { ms, out } = await inFolder((data) => timed([here, 'tiny', data]));
    runs.push({
      ...(JSON.parse(out) as { importedMs: number; firstRecordMs: number }),
      endedMs: ms,
      bareNodeMs: bare.ms,
    });
  }
  return {
    importedMs: median(runs.map((run) => run.importedMs)),
    firstRecordMs: median(runs.map((run) => run.firstRecordMs)),
    endedMs: median(runs.map((run) => run.endedMs)),
    bareNodeMs: median(runs.map((run) => run.bareNodeMs)),
  };
}

if (process.argv[1] === here && process.argv[2] === 'tiny') await runTiny(process.argv[3]!);
