// `npm run test:random`: random programs on the embedded log, or with `--bootstrap HOST:PORT` on a cluster, against the plain
// model. It says its seed; `--seed N` draws the same programs again. Two lines a failure: the smallest that fails, and why.
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { anyCase } from './any-program.ts';
import { expectedLines, linesOf } from './model.ts';
import { runOnLog } from './on-log.ts';

const { values } = parseArgs({
  options: {
    bootstrap: { type: 'string' },
    seed: { type: 'string' },
    runs: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '120' },
  },
});
const write = (line: string) => void process.stdout.write(`${line}\n`);

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
