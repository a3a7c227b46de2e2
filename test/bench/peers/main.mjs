// `npm run bench:peers`: Millrace and what people use today, on the same work, on this machine, by turns in one run; the ratio of
// the medians, with what each came to in every round and the machine's load beside it. `--only A,B` takes some works (`--list`
// names them), `--runs N` rounds (5), `--scale 0.1` smaller inputs, `--json FILE` keeps the figures. It takes Java and Maven,
// and compares; it judges nothing.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startKafka } from '../../conformance/parts/kafka.mjs';
import { startMillrace, startMillraceCluster } from '../../conformance/parts/millrace.mjs';
import { clientWorks } from './clients.mjs';
import { embeddedFolder, jobWorks } from './jobs.mjs';
import { nodeWorks } from './node.mjs';
import { threadWorks } from './threads.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    runs: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});
const [runs, scale] = [Number(values.runs), Number(values.scale)];
const say = (line) => process.stdout.write(`${line}\n`);
const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1];

const folder = await mkdtemp(join(tmpdir(), 'millrace-peers-bench-'));
const servers = { kafka: null, millrace: null, patient: null, kafkaCluster: null, millraceCluster: null };
/** Each is started when something is first measured on it, and stays. */
const started = (name, start) => async () => {
  servers[name] ??= start();
  return servers[name];
};
const kafkaNode = started('kafka', () => startKafka(1));
const millraceNode = started('millrace', () => startMillrace());
/** Waits for a group's members as by default. With the suites' 0 the first to come gets everything, to hand it on later. */
const patientNode = started('patient', () => startMillrace({ 'group.initial.rebalance.delay.ms': 3_000 }));
const kafkaCluster = started('kafkaCluster', () => startKafka(3));
const millraceCluster = started('millraceCluster', () => startMillraceCluster(3));
const kafka = async () => (await kafkaNode()).bootstrap;
const context = {
  kafka,
  kafkaNode,
  millraceNode,
  patientNode,
  kafkaCluster,
  millraceCluster,
  embedded: embeddedFolder(folder),
  scale,
};
const works = [...jobWorks(context), ...nodeWorks(context), ...clientWorks(context), ...threadWorks(context)];

function chosen() {
  if (values.only === undefined) return works;
  const names = values.only.split(',');
  const unknown = names.filter((name) => !works.some((work) => work.name === name));
  if (unknown.length === 0) return works.filter(({ name }) => names.includes(name));
  process.stderr.write(`error: no work ${unknown.join(', ')}; --list names those there are\n`);
  process.exit(1);
}

/**
 * A contender's work resolves with a figure, or with several by name; `unit` is that of the first, `units` those of the others.
 */
async function measure({ name, title, unit, units = {}, prepare, rounds = runs, contenders, ratios }) {
  await prepare?.();
  const found = Object.fromEntries(Object.keys(contenders).map((contender) => [contender, {}]));
  const load = loadavg()[0];
  for (let round = 0; round < rounds; round++) {
    const turn = Object.entries(contenders);
    // Nobody is always the first.
    for (const [contender, work] of [...turn.slice(round % turn.length), ...turn.slice(0, round % turn.length)]) {
      const figures = await work();
      for (const [figure, value] of Object.entries(typeof figures === 'number' ? { '': figures } : figures)) {
        found[contender][figure] ??= [];
        found[contender][figure].push(value);
      }
    }
  }
  say(`\n${name}: ${title}; ${rounds} rounds, load ${load.toFixed(1)} before`);
  for (const [contender, figures] of Object.entries(found))
    for (const [figure, all] of Object.entries(figures)) {
      const called = figure === '' ? contender : `${contender}, ${figure}`;
      const value = shown(median(all), units[figure] ?? unit);
      say(`  ${called.padEnd(40)}${value.padStart(20)}  (${all.map((one) => shown(one, '')).join(' ')})`);
    }
  const judged = ratios.map(({ ours, theirs, figure = Object.keys(found[ours])[0], reach, lower = false }) => {
    const ratio = median(found[ours][figure]) / median(found[theirs][figure]);
    const isReached = reach === undefined ? null : lower ? ratio <= reach : ratio >= reach;
    const verdict = `${lower ? 'at most' : 'at least'} ${reach}: ${isReached ? 'reached' : 'not reached'}`;
    const what = figure === '' ? '' : `${figure}, `;
    say(`  ${what}${ours} / ${theirs}: ${ratio.toFixed(2)} (${isReached === null ? 'to compare with' : verdict})`);
    return { ours, theirs, figure, ratio, reach, isReached };
  });
  return { name, title, unit, load, found, ratios: judged };
}

const shown = (value, unit) =>
  `${value >= 1_000 ? Math.round(value).toLocaleString('en-US') : value.toFixed(value < 10 ? 2 : 1)}${unit === '' ? '' : ` ${unit}`}`;

if (values.list) {
  for (const { name, title } of works) say(`${name.padEnd(24)}${title}`);
  process.exit(0);
}
try {
  say(
    `${cpus().length} cores (${cpus()[0].model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`,
  );
  const results = [];
  for (const work of chosen()) {
    results.push(await measure(work));
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`);
  }
} finally {
  for (const server of Object.values(servers)) if (server !== null) await (await server).stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(0);
