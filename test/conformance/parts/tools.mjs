// Kafka's own command-line tools on a cluster of three nodes: what they print about leaders, copies in sync, moves of replicas,
// the quorum, settings and sizes is compared with what was done, and not only that they end well. The program in Java runs them
// and judges; here the nodes are started, and one is killed in between. Each scenario makes its own topics.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runScenarios } from './client-process.mjs';
import { installJava, javaFlags } from './java.mjs';
import { startKafka } from './kafka.mjs';
import { startMillraceCluster } from './millrace.mjs';

/** The node that is killed: the tools are told another's address. */
const killed = 3;
const whole = [
  'topics',
  'elections',
  'moves',
  'throttledMoves',
  'quorum',
  'topicConfigs',
  'nodeConfigs',
  'logDirs',
  'versions',
];
/** Made before the node is killed, and looked at while it is away, and when it is back. */
const phases = [
  { scenarios: [...whole, 'prepareLoss'] },
  { before: (cluster) => cluster.kill(killed), scenarios: ['copiesLost', 'voterLost', 'movesThatWait'] },
  { before: (cluster) => cluster.restart(killed), scenarios: ['copiesBack'] },
];

/** @returns results `{ test, result, ms, note }` */
export async function toolsOfCluster({ kafka = false } = {}) {
  const classPath = await installJava();
  const cluster = await (kafka ? startKafka(3) : startMillraceCluster(3));
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-tools-'));
  const client = { name: 'tools', command: 'java', args: [...javaFlags, '-cp', classPath, 'ClusterTools'] };
  const common = {
    bootstrap: cluster.bootstrap.split(',')[0],
    runId: `t${Date.now().toString(36).slice(-6)}`,
    dataFolder,
    records: 0,
    timeoutMs: 90_000,
  };
  const results = [];
  const onResult = ({ scenario, result, ms, note }) => results.push({ test: scenario, result, ms, note });
  process.stdout.write(`  ${cluster.name}\n`);
  try {
    for (const { before, scenarios } of phases) {
      await before?.(cluster);
      await runScenarios(client, scenarios, { ...common, onResult });
    }
  } finally {
    await cluster.stop();
    await rm(dataFolder, { recursive: true, force: true });
  }
  return results;
}
