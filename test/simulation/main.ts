// Replays one run, or tries many: `npm run sim -- --seed 42 --steps 100`, `npm run sim -- --from 1 --runs 1000`. With
// `--cluster` what is tried is a cluster of storage nodes, without it jobs on one node.
import { parseArgs } from 'node:util';
import { simulateCluster } from './cluster/simulate-cluster.ts';
import type { ProgramName } from './programs.ts';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    steps: { type: 'string' },
    from: { type: 'string', default: '1' },
    runs: { type: 'string', default: '100' },
    program: { type: 'string' },
    guarantee: { type: 'string' },
    cluster: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed ?? values.from);
const runs = values.seed === undefined ? Number(values.runs) : 1;
const write = (line: string) => void process.stdout.write(`${line}\n`);
let failures = 0;
const startedMs = performance.now();

async function play(seed: number) {
  const shared = {
    ...(values.steps !== undefined && { steps: Number(values.steps) }),
    ...(values.verbose && { log: write }),
  };
  if (values.cluster) return simulateCluster({ seed, ...shared });
  return simulate({
    ...{ seed, ...shared },
    ...(values.program !== undefined && { program: values.program as ProgramName }),
    ...(values.guarantee !== undefined && { guarantee: values.guarantee as 'exactlyOnce' }),
  });
}

for (let seed = first; seed < first + runs; seed++) {
  const { title, simulatedMs, events, records, wrong } = await play(seed);
  if (wrong.length > 0) failures++;
  if (wrong.length > 0 || runs === 1) {
    write(`seed ${seed}: ${title}; ${records} records, ${events} events in ${Math.round(simulatedMs / 1_000)} s`);
    for (const line of wrong.slice(0, 10)) write(`  ${line}`);
  }
}
const elapsedS = (performance.now() - startedMs) / 1_000;
write(`${runs} runs from seed ${first}, ${failures} failed, ${elapsedS.toFixed(1)} s`);
process.exitCode = failures > 0 ? 1 : 0;
