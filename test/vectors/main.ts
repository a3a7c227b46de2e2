// `npm run test:vectors -- FILE…`: every vector of the files, or of streams.json, through the driver and on the embedded
// log, or with `--bootstrap HOST:PORT` on a cluster; passed and failed by id. `--every N` takes each N-th.
import { parseArgs } from 'node:util';
import { runFunction, runInDriver } from './in-driver.ts';
import { runOnLog, runsOnce } from './on-log.ts';
import { ownFile, readVectors, type Vector } from './vector.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { bootstrap: { type: 'string' }, id: { type: 'string' }, every: { type: 'string', default: '1' } },
});
const write = (line: string) => void process.stdout.write(`${line}\n`);
const counts = { passed: 0, failed: 0 };

async function attempt(id: string, manner: string, work: () => string[] | Promise<string[]>): Promise<void> {
  let wrong: string[];
  try {
    wrong = await work();
  } catch (error) {
    wrong = [(error as Error).message];
  }
  const result = wrong.length === 0 ? 'passed' : 'failed';
  counts[result]++;
  write(`${result} ${id} ${manner}`);
  for (const line of wrong.slice(0, 10)) write(`  ${line}`);
}

function read(files: readonly string[]): readonly Vector[] {
  try {
    return files.flatMap((file) => readVectors(file));
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    process.exit(1);
  }
}

const startedMs = performance.now();
const where = values.bootstrap ?? 'embedded log';
for (const [i, vector] of read(positionals.length > 0 ? positionals : [ownFile]).entries()) {
  if (values.id !== undefined && vector.id !== values.id) continue;
  if (i % Number(values.every) !== 0) continue;
  if (vector.kind === 'function') {
    await attempt(vector.id, 'computed', () => runFunction(vector));
    continue;
  }
  await attempt(vector.id, 'driver', () => runInDriver(vector));
  await attempt(vector.id, `${where}, restarts`, () => runOnLog(vector, 'restarts', values.bootstrap));
  if (runsOnce(vector)) await attempt(vector.id, `${where}, once`, () => runOnLog(vector, 'once', values.bootstrap));
}
write(`${counts.passed} passed, ${counts.failed} failed, ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
