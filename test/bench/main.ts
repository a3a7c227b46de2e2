// `npm run bench`: what the log, the client and whole jobs cost, as ratios of two sides measured by turns in one run, with
// the machine and its load. `-- --quick` takes a minute or two; without it, less than ten. It fails where a ratio has fallen
// below the baseline (baseline.ts), which `-- --write-baseline` writes anew; with `--json` whoever reads it judges.
// `-- node` measures a storage node in a process of its own instead (node.ts), `-- operators` each operator (operators.ts).
import { systemClock } from '../../core/kernel/clock.ts';
import { readBaseline, tolerance, writeBaseline } from './baseline.ts';
import { clientBench } from './client.ts';
import { guardedRatios, judge, measureAppend, measureFetches } from './guard.ts';
import type { BenchRow } from './log.ts';
import { machine, type RatioRow } from './measure.ts';
import { type MemoryFigures, memoryBench } from './memory.ts';
import { nodeBench } from './node.ts';
import { type OperatorRow, operatorsBench } from './operators.ts';
import { pipelineBench } from './pipeline.ts';
import { startUpBench } from './start-up.ts';

const quick = process.argv.includes('--quick');

const sizes = quick
  ? {
      log: { rounds: 3, megabytes: 48 },
      client: { rounds: 1, records: 500_000 },
      jobs: { rounds: 2, records: 1_000_000 },
      memory: { inputBytes: 512 << 20, seconds: 8 },
      startUps: 3,
      operatorRounds: 5,
    }
  : {
      log: { rounds: 5, megabytes: 128 },
      client: { rounds: 3, records: 1_000_000 },
      jobs: { rounds: 3, records: 4_000_000 },
      memory: { inputBytes: 2 * 2 ** 30, seconds: 20 },
      startUps: 7,
      operatorRounds: 9,
    };

const asJson = process.argv.includes('--json');
const say = (line: string) => (asJson ? process.stderr : process.stdout).write(`${line}\n`);

interface Line {
  readonly what: string;
  readonly ours: string;
  readonly bare: string;
  readonly ratio: number;
  readonly cpuRatio: number | null;
  /** What there should be of the ratio, 0 for none said. */
  readonly reach: number;
  readonly rounds: readonly number[];
}

function sayRatio({ what, ours, bare, ratio, cpuRatio, reach, rounds }: Line): void {
  const wanted = reach > 0 ? `reach ${reach.toFixed(2)}` : '';
  const cpu = cpuRatio === null ? '' : cpuRatio.toFixed(2);
  const each = rounds.map((one) => one.toFixed(2)).join(' ');
  const figures = `${ours.padStart(14)}${bare.padStart(14)}  ${ratio.toFixed(2).padEnd(6)}${cpu.padEnd(6)}`;
  say(`${what.padEnd(46)}${figures}${wanted.padEnd(12)}(${each})`);
}

const head = (title: string, ours: string, bare: string) =>
  say(`\n${title.padEnd(46)}${ours.padStart(14)}${bare.padStart(14)}  ratio cpu   `);

const megabytes = (perSecond: number) => `${perSecond.toFixed(0)} MB/s`;
const records = (perSecond: number) => `${(perSecond / 1e3).toFixed(0)} k/s`;
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const milliseconds = (ms: number) => `${ms.toFixed(0)} ms`;

function sayLogRow({ what, mbPerS, bareMbPerS, ratio, rounds }: BenchRow, reach = 0): void {
  const [ours, bare] = [megabytes(mbPerS), megabytes(bareMbPerS)];
  sayRatio({ what, ours, bare, ratio, cpuRatio: null, reach, rounds });
}

function sayJobRow({ what, ours, bare, ratio, cpuRatio, rounds }: RatioRow): void {
  const reach = what.includes('exactlyOnce') ? 0 : what.startsWith('count') ? 0.35 : 0.5;
  sayRatio({ what, ours: records(ours), bare: records(bare), ratio, cpuRatio, reach, rounds });
}

function sayMemory({ baseline, peak, mapped, middle, late, inputBytes, recordsTaken }: MemoryFigures): void {
  say(`\nmemory of a job with a slow sink, ${mebibytes(inputBytes)} of input waiting, ${recordsTaken} records taken`);
  say(
    `  ${mebibytes(peak)} at most above ${mebibytes(baseline)}; ${mebibytes(middle)} half-way, ${mebibytes(late)} at the end`,
  );
  say(`  besides, ${mebibytes(mapped)} of LevelDB's files were mapped at most`);
}

if (process.argv.includes('node')) {
  await nodeBench(quick ? { rounds: 1, megabytes: 100 } : { rounds: 3, megabytes: 400 }, say);
  process.exit();
}

function sayOperators(rows: readonly OperatorRow[]): void {
  say(`\n${'operator'.padEnd(30)}${'ns a record'.padStart(12)}  times the bare loop`);
  for (const { what, nsPerRecord, ratio } of rows)
    say(`${what.padEnd(30)}${nsPerRecord.toFixed(0).padStart(12)}  ${(1 / ratio).toFixed(2)}`);
}

if (process.argv.includes('operators')) {
  say(machine());
  const rows = await operatorsBench(sizes.operatorRounds);
  sayOperators(rows);
  if (asJson) process.stdout.write(JSON.stringify(rows));
  process.exit();
}

const startedMs = systemClock.monotonicMs();
say(machine());

head('the log', 'ours', 'bare LevelDB');
const append = await measureAppend(sizes);
sayLogRow(append, 0.8);
const fetches = await measureFetches(sizes);
for (const row of fetches) sayLogRow(row);

head('jobs, one thread, 100-byte values', 'ours', 'plain loop');
const jobs = await pipelineBench(sizes.jobs);
for (const row of jobs) sayJobRow(row);

const operators = await operatorsBench(sizes.operatorRounds);
sayOperators(operators);

say('\nclient and node in one process');
const client = await clientBench(sizes.client);
for (const { what, recordsPerSecond } of client) say(`${what.padEnd(46)}${records(recordsPerSecond).padStart(14)}`);

const memory = await memoryBench(sizes.memory);
sayMemory(memory);

const start = await startUpBench(sizes.startUps);
say('\nstart of a job of three records, from the start of its process');
say(`  imported after ${milliseconds(start.importedMs)}, first record out after ${milliseconds(start.firstRecordMs)},`);
say(`  ended after ${milliseconds(start.endedMs)}; node alone ${milliseconds(start.bareNodeMs)}`);

say(`\n${((systemClock.monotonicMs() - startedMs) / 1_000).toFixed(0)} s; ${machine()}`);
const figures = { append, fetches, jobs, operators };
if (process.argv.includes('--write-baseline')) writeBaseline(guardedRatios(figures));
else {
  const { fallen } = await judge(readBaseline(), figures, sizes);
  for (const { what, was, is } of fallen)
    say(
      `fallen: ${what} from ${was} to ${is?.toFixed(2) ?? 'nothing'}, more than ${Math.round(tolerance * 100)} % below the baseline`,
    );
  if (asJson) process.stdout.write(JSON.stringify({ ...figures, fallen, client, memory, start }));
  else if (fallen.length > 0) process.exitCode = 1;
}
