// That the speed is still there, by ratios with slack, of processor time where it is known: a machine that does other
// things as well must pass, a needless copy or await a record must not. It runs the built bench, since what vitest makes of the sources is slower between files.
import { spawn } from 'node:child_process';
import { beforeAll, expect, test } from 'vitest';
import type { BenchRow } from './log.ts';
import type { RatioRow } from './measure.ts';
import type { MemoryFigures } from './memory.ts';
import type { StartUpFigures } from './start-up.ts';

interface Figures {
  readonly append: BenchRow;
  readonly fetches: readonly BenchRow[];
  readonly jobs: readonly RatioRow[];
  readonly memory: MemoryFigures;
  readonly start: StartUpFigures;
}

let figures: Figures;

async function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  if (code !== 0) throw new Error(`${args.join(' ')} ended with exit code ${code}`);
  return out;
}

beforeAll(async () => {
  await run(['runtime/cli/ensure-ready.mjs', '--build']);
  figures = JSON.parse(await run(['dist/test/bench/main.js', '--quick', '--json'])) as Figures;
}, 600_000);

test('append comes close to bare LevelDB', () => {
  expect(Math.max(...figures.append.rounds)).toBeGreaterThan(0.6);
});

test('fetch costs no more than a few reads of the same batches', () => {
  for (const { rounds } of figures.fetches) expect(Math.max(...rounds)).toBeGreaterThan(0.2);
});

test.each([
  ['topic → filter → map → topic', 0.35],
  ['count over 10000 keys', 0.3],
  ['topic → filter → map → topic, exactlyOnce', 0.25],
  ['count over 10000 keys, exactlyOnce', 0.2],
])('%s', (what, least) => {
  const { ratio, cpuRatio } = figures.jobs.find((row) => row.what === what)!;
  expect(cpuRatio ?? ratio).toBeGreaterThan(least);
});

test('memory of a job with a slow sink does not grow with what waits', () => {
  const { peak, middle, late } = figures.memory;
  expect(peak).toBeLessThan(400 << 20);
  expect(late - middle).toBeLessThan(96 << 20);
});

test('a tiny job starts within a few seconds', () => {
  expect(figures.start.firstRecordMs).toBeLessThan(4_000);
});
