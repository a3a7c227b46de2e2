// That the speed is still there: no ratio below the baseline by more than the tolerance (baseline.ts), and bounds on memory
// and start. A machine that does other things as well must pass, a needless copy or await a record must not. It runs the built bench, since what vitest makes of the sources is slower between files.
import { spawn } from 'node:child_process';
import { beforeAll, expect, test } from 'vitest';
import type { Fallen } from './baseline.ts';
import type { MemoryFigures } from './memory.ts';
import type { StartUpFigures } from './start-up.ts';

interface Figures {
  readonly fallen: readonly Fallen[];
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

test('log, jobs and operators are as fast as in the baseline, within its tolerance', () => {
  expect(figures.fallen).toEqual([]);
});

test('memory of a job with a slow sink does not grow with what waits', () => {
  const { peak, middle, late } = figures.memory;
  expect(peak).toBeLessThan(400 << 20);
  expect(late - middle).toBeLessThan(96 << 20);
});

test('a tiny job starts within a few seconds', () => {
  expect(figures.start.firstRecordMs).toBeLessThan(4_000);
});
