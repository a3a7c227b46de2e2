// A cluster of three nodes under load from librdkafka (acks=all, idempotence, a group) while, by a seed, one node after the
// other is killed, stands still for longer than its session, is cut off from the others while clients still reach it (where
// the machine allows networks of their own), or is stopped in good order and started again: nothing that was acknowledged is
// lost, doubled or out of order, and writing goes on before the node is back. The program in Python writes, reads and
// judges, as it does for one node.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { folderOf, installPython } from '../clients.mjs';
import { startKafka } from './kafka.mjs';
import { startMillraceCluster } from './millrace.mjs';
import { openNamespaces } from './namespaces.mjs';
import { run } from './peers.mjs';
import { startTold } from './told.mjs';

const bin = fileURLToPath(new URL('../../../runtime/cli/bin.mjs', import.meta.url));
const seconds = Number(process.env.MILLRACE_CLUSTER_SECONDS ?? 45);
const seed = Number(process.env.MILLRACE_SEED ?? Date.now() % 100_000);
const wholeMsMax = 60_000;
/** Longer than a node's session: the others take it for dead, and it comes back as one that doesn't know. */
const pauseMs = 6_000;
const cutMs = 10_000;

/** mulberry32 */
function seeded(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What befalls a node; resolves when the load goes on without it, with the seconds that it took, and the node is back after. */
const faults = {
  async kill(cluster, id, goesOn) {
    await cluster.kill(id);
    const gap = await goesOn();
    await cluster.restart(id);
    return gap;
  },
  async pause(cluster, id, goesOn) {
    cluster.pause(id);
    const [gap] = await Promise.all([goesOn(), sleep(pauseMs)]).finally(() => cluster.resume(id));
    return gap;
  },
  async cut(cluster, id, goesOn) {
    await cluster.cut(id);
    const [gap] = await Promise.all([goesOn(), sleep(cutMs)]).finally(() => cluster.mend(id));
    return gap;
  },
  async end(cluster, id, goesOn) {
    await cluster.end(id);
    const gap = await goesOn();
    await cluster.restart(id);
    return gap;
  },
};

/** @returns results `{ test, result, ms, note }` */
export async function clusterUnderFire() {
  const start = async () => startMillraceCluster(3, {}, await openNamespaces(3));
  return underFire(start, { forMs: seconds * 1_000, next: seeded(seed) });
}

/** The same against Apache Kafka, which says whether the test is right, with the seconds of each beside ours. */
export async function failoverBesideKafka() {
  const order = ['kill', 'end', 'kill', 'end', 'kill', 'end'];
  const ours = await underFire(() => startMillraceCluster(3), { order });
  const theirs = await underFire(() => startKafka(3), { order });
  return [...ours, ...theirs.map((result) => ({ ...result, test: `${result.test}, Apache Kafka` }))];
}

async function underFire(startCluster, { forMs = Number.POSITIVE_INFINITY, next, order }) {
  const python = await installPython();
  await run(process.execPath, [bin, '--version']); // builds what is read from the build
  const { createClient, tcpNetwork } = await import('millrace/client');
  const cluster = await startCluster();
  const kinds = Object.keys(faults).filter((kind) => kind !== 'cut' || cluster.cut !== null);
  if (next !== undefined && cluster.cut === null)
    process.stdout.write('  networks of their own are not allowed here: no node is cut off\n');
  const client = createClient({ network: tcpNetwork({ bootstrap: cluster.bootstrap }) });
  const sinceMs = Date.now();
  const args = [
    join(folderOf('python'), 'kill_writer.py'),
    cluster.bootstrap,
    `f${sinceMs.toString(36).slice(-6)}`,
    '3',
  ];
  const timeoutMs = (order === undefined ? forMs : order.length * 60_000) + 240_000;
  const program = startTold(python, args, { timeoutMs, env: { PYTHONDONTWRITEBYTECODE: '1' } });
  const gaps = { kill: [], pause: [], cut: [], end: [] };
  const done = [];
  try {
    await program.told('loaded');
    for (let i = 0; order === undefined ? Date.now() - sinceMs < forMs : i < order.length; i++) {
      const kind = order?.[i] ?? kinds[Math.floor(next() * kinds.length)];
      const id = order === undefined ? cluster.ids[Math.floor(next() * cluster.ids.length)] : await leaderOf(client);
      if (next !== undefined) await sleep(next() * 1_500);
      program.say('go on');
      await program.told('loaded'); // the gap of what was before is none of this fault's
      program.say('go on');
      done.push(`${new Date().toISOString()} ${kind} ${id}`);
      const gap = await faults[kind](cluster, id, async () => (await program.told('loaded')).gap);
      gaps[kind].push(gap);
      await whole(client);
    }
    program.say('go on');
    await program.told('loaded');
    program.say('end');
    const { wrong, ...counts } = await program.told('checked');
    const ms = Date.now() - sinceMs;
    const told = Object.entries(gaps).flatMap(([kind, all]) => (all.length === 0 ? [] : [`${kind} ${shown(all)}`]));
    process.stdout.write(
      `  ${cluster.name}${next === undefined ? '' : `, seed ${seed}`}: ${counts.records} records, ${counts.acknowledged} acknowledged\n` +
        `  longest time without an acknowledgement, seconds: ${told.join('; ')}\n`,
    );
    return Object.entries(wrong).map(([test, found]) => ({
      test,
      result: found.length === 0 ? 'passed' : 'failed',
      ms,
      note: found.slice(0, 8).join('\n'),
    }));
  } catch (error) {
    const faultsTold =
      next === undefined ? '' : `seed ${seed}, the last of ${done.length} faults: ${done.slice(-5).join(', ')}\n`;
    const places = await client.admin().listPlaces().catch(String);
    process.stdout.write(`${faultsTold}${JSON.stringify(places)}\n${cluster.outputs?.() ?? ''}\n`);
    throw error;
  } finally {
    await program.stop();
    await client.close();
    await cluster.stop();
  }
}

function shown(all) {
  const sorted = [...all].sort((a, b) => a - b);
  return `median ${sorted[sorted.length >> 1].toFixed(1)}, most ${sorted.at(-1).toFixed(1)} of ${sorted.length}`;
}

/** Of the topic's first partition. */
async function leaderOf(client) {
  const places = await client.admin().listPlaces();
  return places.find(({ topic, partition }) => topic.endsWith('-kill') && partition === 0).leader;
}

/** Every copy is in sync again: with two of three gone, nothing could go on. */
async function whole(client) {
  for (const endMs = Date.now() + wholeMsMax; ; await sleep(200)) {
    const places = await client.admin().listPlaces();
    const behind = places.filter(({ replicas, inSync }) => inSync.length < replicas.length);
    if (behind.length === 0) return;
    if (Date.now() > endMs)
      throw new Error(
        `not in sync after ${wholeMsMax} ms: ${behind.map((p) => `${p.topic}-${p.partition}`).join(', ')}`,
      );
  }
}
