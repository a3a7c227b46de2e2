// `npm run test:random`: random programs on the embedded log, or with `--bootstrap HOST:PORT` on a cluster, against the plain
// model. It says its seed; `--seed N` draws the same programs again. Two lines a failure: the smallest that fails, and why.
// With `--kill` they run on several partitions in processes that are killed meanwhile; then no smaller one is looked for.
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { seededRandom } from '../../core/kernel/random.ts';
import { anyCase } from './any-program.ts';
import { runKilled } from './killed.ts';
import { expectedLines, linesOf } from './model.ts';
import { runOnLog } from './on-log.ts';

const { values } = parseArgs({
  options: {
    bootstrap: { type: 'string' },
    seed: { type: 'string' },
    runs: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '120' },
    kill: { type: 'boolean', default: false },
  },
});
const write = (line: string) => void process.stdout.write(`${line}\n`);

async function runWithKills(): Promise<never> {
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
  const startedMs = performance.now();
  let [runs, kills, failures] = [0, 0, 0];
  while (runs < Number(values.runs) && performance.now() - startedMs < Number(values.seconds) * 1_000) {
    const random = seededRandom(seed + runs++);
    const guarantee = random.next() < 0.7 ? 'exactlyOnce' : 'atLeastOnce';
    const outcome = await runKilled({ random, guarantee, records: 600, bootstrap: values.bootstrap }).catch((error) => {
      write(`failed --kill --seed ${seed + runs - 1} --runs 1, ${guarantee}`);
      throw error;
    });
    kills += outcome.kills;
    if (outcome.wrong.length === 0) continue;
    failures += 1;
    write(`failed --kill --seed ${seed + runs - 1} --runs 1, ${guarantee}: ${JSON.stringify(outcome.recipe)}`);
    for (const line of outcome.wrong.slice(0, 5)) write(`  ${line}`);
  }
  write(`${runs} programs, ${kills} kills, seed ${seed}, ${failures === 0 ? 'none' : failures} failed`);
  process.exit(failures > 0 || runs === 0 ? 1 : 0);
}

if (values.kill) await runWithKills();

const property = fc.asyncProperty(anyCase, fc.boolean(), fc.boolean(), async (drawn, exactly, restart) => {
  const guarantee = exactly ? 'exactlyOnce' : 'atLeastOnce';
  const results = await runOnLog(drawn, { guarantee, restart, bootstrap: values.bootstrap });
  const found = linesOf(drawn.recipe, results).join(' ');
  const wanted = expectedLines(drawn.recipe, drawn.inputs).join(' ');
  if (found !== wanted) throw new Error(`found ${found}\nwanted ${wanted}`);
});
const details = await fc.check(property, {
  numRuns: Number(values.runs),
  interruptAfterTimeLimit: Number(values.seconds) * 1_000,
  ...(values.seed !== undefined && { seed: Number(values.seed) }),
});
const failed = details.counterexample !== null;
if (failed) write(`failed ${JSON.stringify(details.counterexample)}\n${details.errorInstance}`);
write(`${details.numRuns} programs, seed ${details.seed}, ${failed ? 'one failed' : 'none failed'}`);
process.exitCode = failed || details.numRuns === 0 ? 1 : 0;
