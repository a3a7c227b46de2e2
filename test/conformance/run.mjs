// Shows that real, unmodified Kafka clients use a storage node as they use Apache Kafka: each client's program runs the
// scenarios of scenarios.mjs against one node, one client after another. Plain JavaScript, so that it needs no build of
// its own. README.md says how to run parts of it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { clients } from './clients.mjs';
import { runScenarios } from './parts/client-process.mjs';
import { clusterUnderFire, failoverBesideKafka } from './parts/cluster.mjs';
import { compareRead, writeCrossRecords, writeCrossTopics, writtenBy } from './parts/cross.mjs';
import { hostileBytes } from './parts/hostile.mjs';
import { jobsOnKafka } from './parts/jobs.mjs';
import { killUnderLoad } from './parts/kill.mjs';
import { killedLeaders } from './parts/leaders.mjs';
import { NotRun, peersFolder } from './parts/peers.mjs';
import { compareSchemas } from './parts/schemas.mjs';
import { secureCluster } from './parts/security.mjs';
import { streamsWordCount } from './parts/streams.mjs';
import { formatProofs, formatTable } from './parts/table.mjs';
import { openTarget } from './parts/target.mjs';
import { toolsOfCluster } from './parts/tools.mjs';
import { scenarios } from './scenarios.mjs';

/** What is shown beside the clients' scenarios, each by itself: they need no node or start their own. */
const proofs = {
  schemas: compareSchemas,
  hostile: hostileBytes,
  kill: killUnderLoad,
  streams: streamsWordCount,
  security: secureCluster,
  leaders: killedLeaders,
  jobs: jobsOnKafka,
  cluster: clusterUnderFire,
  tools: () => toolsOfCluster(options),
  failover: failoverBesideKafka,
};
const partNames = ['clients', ...Object.keys(proofs)];
/** Compares, and takes minutes for it: by name only. */
const partsByDefault = partNames.filter((name) => name !== 'failover');

const { values: options } = optionsOf({
  options: {
    part: { type: 'string' },
    bootstrap: { type: 'string' },
    kafka: { type: 'boolean', default: false },
    cluster: { type: 'boolean', default: false },
    client: { type: 'string' },
    scenario: { type: 'string' },
    records: { type: 'string', default: '100000' },
    timeout: { type: 'string', default: '60' },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** An option that isn't there gets a sentence, not a stack. */
function optionsOf(config) {
  try {
    return parseArgs(config);
  } catch (error) {
    process.stderr.write(`error: ${error.message}; --help says what there is\n`);
    process.exit(1);
  }
}

if (options.help) {
  process.stdout.write(`npm run test:conformance -- [options]
  --part A,B         only these parts: ${partNames.join(', ')}; what is chosen below is of the clients alone,
                     but --kafka, which tools takes too.
                     failover runs by its name only
  --client A,B       only these clients: ${clients.map(({ name }) => name).join(', ')}
  --scenario A,B     only these scenarios (--list)
  --kafka            against Apache Kafka instead of a Millrace node
  --cluster          against three nodes instead of one
  --bootstrap H:P    against a node that runs
  --records N        how many the group scenario writes, 100000
  --timeout S        of each scenario, 60
  --json FILE        the results as JSON
The clients are kept in ${peersFolder} (MILLRACE_PEERS).
`);
  process.exit(0);
}
if (options.list) {
  for (const [name, text] of Object.entries(scenarios)) process.stdout.write(`${name.padEnd(20)}${text}\n`);
  process.exit(0);
}

const chosen = (asked, known, what) => {
  const names = asked?.split(',') ?? known;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(`error: no ${what} ${unknown.join(', ')}; there are ${known.join(', ')}\n`);
    process.exit(1);
  }
  return known.filter((name) => names.includes(name));
};
const print = (line) => process.stdout.write(`${line}\n`);
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

// A node that was named, Apache Kafka's and chosen clients concern the clients' part alone.
const clientsAlone = options.bootstrap || options.kafka || options.cluster || options.client || options.scenario;

async function main() {
  const startedMs = Date.now();
  mkdirSync(peersFolder, { recursive: true });
  const parts = chosen(options.part ?? (clientsAlone ? 'clients' : partsByDefault.join(',')), partNames, 'part');
  const shown = parts.includes('clients')
    ? await runClients(startedMs)
    : { node: 'no node', results: new Map(), missing: [] };
  const proven = new Map();
  for (const part of parts.filter((name) => name !== 'clients')) await prove(part, proven, shown.missing);
  summary({ ...shown, proven, startedMs });
}

/** Runs one part and prints what failed, and how it went. */
async function prove(part, proven, missing) {
  const sinceMs = Date.now();
  let results;
  try {
    results = await proofs[part]();
  } catch (error) {
    if (error instanceof NotRun) {
      missing.push({ name: part, why: error.message });
      return;
    }
    results = [{ test: part, result: 'failed', ms: Date.now() - sinceMs, note: error.message }];
  }
  proven.set(part, { results, ms: Date.now() - sinceMs });
  for (const { test, result, note } of results) {
    if (result === 'passed') continue;
    print(`  ${result.padEnd(7)} ${part} ${test}${note ? `: ${note.replaceAll('\n', '\n      ')}` : ''}`);
  }
  print(`${part}: ${seconds(Date.now() - sinceMs)}`);
}

/** @returns the node's name, the results by client and scenario, and the clients that couldn't be installed */
async function runClients(startedMs) {
  const names = chosen(
    options.client,
    clients.map(({ name }) => name),
    'client',
  );
  const asked = chosen(options.scenario, Object.keys(scenarios), 'scenario');
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-conformance-'));
  writeCrossRecords(dataFolder);
  const installed = await install(clients.filter(({ name }) => names.includes(name)));
  const node = await openTarget({ ...options, settings: { 'log.cleaner.backoff.ms': 1_000 } });
  print(`\n${node.name} at ${node.bootstrap}`);
  const results = new Map(installed.ready.map(({ name }) => [name, new Map()]));
  // Names differ from run to run, so that a node can be used again.
  const runId = `c${startedMs.toString(36).slice(-6)}`;
  const common = {
    // One address is enough for every client to find the others, and not every program here takes several.
    bootstrap: node.bootstrap.split(',')[0],
    runId,
    dataFolder,
    records: Number(options.records),
    timeoutMs: Number(options.timeout) * 1000,
  };
  try {
    const alone = asked.filter((name) => name !== 'crossRead');
    for (const client of installed.ready) {
      const sinceMs = Date.now();
      await runScenarios(client, alone, { ...common, onResult: (result) => report(client, result) });
      print(`${client.name}: ${seconds(Date.now() - sinceMs)}`);
    }
    if (asked.includes('crossRead')) await crossRead(installed.ready);
  } finally {
    await node.stop();
    await rm(dataFolder, { recursive: true, force: true });
  }
  return { node: node.name, results, missing: installed.missing };

  function report(client, result) {
    results.get(client.name).set(result.scenario, result);
    if (result.result === 'absent' && !result.note) return;
    const took = result.result === 'absent' ? '' : ` (${seconds(result.ms)})`;
    const note = result.note ? `: ${result.note.replaceAll('\n', '\n      ')}` : '';
    print(`  ${result.result.padEnd(7)} ${client.name} ${result.scenario}${took}${note}`);
  }

  async function crossRead(ready) {
    const written = ready.flatMap(({ name }) => {
      const left = writtenBy(dataFolder, name);
      return left === null ? [] : [{ name, ...left }];
    });
    if (written.length === 0) return;
    writeCrossTopics(dataFolder, written);
    for (const client of ready) {
      await runScenarios(client, ['crossRead'], {
        ...common,
        onResult(result) {
          if (result.result !== 'passed') return report(client, result);
          const differences = compareRead(dataFolder, client, written);
          if (differences.length === 0) return report(client, { ...result, note: `of ${written.length} writers` });
          report(client, { ...result, result: 'failed', note: differences.slice(0, 8).join('\n') });
        },
      });
    }
  }
}

function summary({ node, results, missing, proven, startedMs }) {
  const scenarioNames = Object.keys(scenarios);
  if (results.size > 0) print(`\n${formatTable(scenarioNames, results)}`);
  if (proven.size > 0) print(`\n${formatProofs(proven)}`);
  for (const { name, why } of missing) print(`NOT RUN ${name}: ${why}`);
  const ofClients = [...results.values()].flatMap((byScenario) => [...byScenario.values()]);
  const all = [...ofClients, ...[...proven.values()].flatMap((part) => part.results)];
  const count = (wanted) => all.filter(({ result }) => result === wanted).length;
  if (options.json) {
    const byClient = Object.fromEntries([...results].map(([name, byScenario]) => [name, [...byScenario.values()]]));
    const parts = Object.fromEntries([...proven].map(([name, part]) => [name, part.results]));
    writeFileSync(options.json, JSON.stringify({ node, results: byClient, parts, notRun: missing }, null, 2));
  }
  print(`\n${node}; ${seconds(Date.now() - startedMs)}. A dot: the client has no API for it.`);
  print(`${count('passed')} passed, ${count('failed')} failed, ${missing.length} skipped`);
  if (count('failed') > 0 || count('passed') === 0) process.exitCode = 1;
}

async function install(wanted) {
  const ready = [];
  const missing = [];
  for (const client of wanted) {
    const sinceMs = Date.now();
    try {
      ready.push({ ...client, ...(await client.install()) });
      print(`${client.name} ${client.version} is there (${seconds(Date.now() - sinceMs)})`);
    } catch (error) {
      if (!(error instanceof NotRun)) throw error;
      print(`${client.name} ${client.version} is NOT there: ${error.message}`);
      missing.push({ name: client.name, why: error.message });
    }
  }
  return { ready, missing };
}

await main();
