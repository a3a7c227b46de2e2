// One run of a cluster: nodes, clients and a network, all from one seed; faults for a while, then peace, in which everything
// must heal in bounded time, and then the books are read.
import { isFault } from '../../../core/kernel/fault.ts';
import { type Logger, silentLogger } from '../../../core/kernel/logger.ts';
import { type Random, seededRandom } from '../../../core/kernel/random.ts';
import { apis } from '../../../core/protocol/api-table.ts';
import { loadCompression } from '../../../core/protocol/compression/registry.ts';
import type { StorageNode } from '../../../core/server/node.ts';
import { fairWeather, type Weather } from '../simulated-network.ts';
import { createSimulatedTime, type SimulatedTime } from '../simulated-time.ts';
import { checkCopied, checkCopies, checkHistory } from './check.ts';
import { type Churn, createChurn } from './churn.ts';
import { type Copiers, copied, startCopiers } from './copier.ts';
import { clientOf, createLoad, type Load, paired, partitions, plain } from './load.ts';
import {
  type ClusterNode,
  type ClusterParts,
  createSimulatedCluster,
  type SimulatedCluster,
} from './simulated-cluster.ts';

export interface ClusterSimulationOptions {
  readonly seed: number;
  /** Default 25. */
  readonly steps?: number;
  /** Gets every line, with the simulated time in front. */
  readonly log?: (line: string) => void;
  readonly spoil?: ClusterParts['spoil'];
}

export interface ClusterOutcome {
  readonly seed: number;
  readonly title: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly records: number;
  readonly transactions: number;
  /** Empty when all is well. */
  readonly wrong: readonly string[];
}

/** What may happen in a run, so that some faults are also met alone. */
interface Mood {
  readonly name: string;
  readonly weather: Weather;
  readonly kills: boolean;
  readonly cuts: boolean;
  readonly pauses: boolean;
  /** Machines lose their power, one at a time and while every copy is in sync: more, no number of copies outlives. */
  readonly powerLosses: boolean;
  /** Nodes' clocks differ, and go fast or slow. */
  readonly skewed: boolean;
  /** Disks are full for a while, or fail a few writes. */
  readonly fills: boolean;
  /** One disk gives back other bytes than it was given, of what all copies have. */
  readonly rots: boolean;
  /** Nodes that may be away at a time. */
  readonly awayMax: number;
}

const startMsMax = 60_000;
const askedMsMax = 5_000;
const healMsMax = 5 * 60_000;
const stopMsMax = 60_000;

function chooseMood(random: Random, ofDisks: Random): Mood {
  const weathers: readonly (Weather & { name: string })[] = [
    { name: 'fair', ...fairWeather },
    { name: 'slow', delayMsMax: 30, slowShare: 0.01, slowMsMax: 500, lossShare: 0 },
    { name: 'lossy', delayMsMax: 5, slowShare: 0.01, slowMsMax: 1_500, lossShare: 0.005 },
  ];
  const weather = weathers[random.integer(weathers.length)]!;
  const powerLosses = random.next() < 0.15;
  const [kills, cuts, pauses] = [0.7, 0.5, 0.5].map((share) => random.next() < share && !powerLosses) as [
    boolean,
    boolean,
    boolean,
  ];
  const fills = ofDisks.next() < 0.35 && !powerLosses;
  const rots = ofDisks.next() < 0.35 && !powerLosses;
  const awayMax = powerLosses || random.next() < 0.6 ? 1 : 3;
  const skewed = random.next() < 0.3;
  const with_ = Object.entries({ kills, cuts, pauses, powerLosses, skewed, fills, rots }).flatMap(([what, is]) =>
    is ? [what] : [],
  );
  const name = [weather.name, ...with_, `${awayMax} away`].join(' ');
  return { name, weather, kills, cuts, pauses, powerLosses, skewed, fills, rots, awayMax };
}

interface World {
  readonly time: SimulatedTime;
  readonly random: Random;
  readonly ofDisks: Random;
  readonly mood: Mood;
  readonly cluster: SimulatedCluster;
  readonly load: Load;
  readonly copiers: Copiers;
  readonly churn: Churn;
  readonly tester: ReturnType<typeof clientOf>['client'];
  readonly moving: Set<Promise<unknown>>;
  readonly wrong: string[];
  readonly say: (line: string) => void;
  /** When a node last had its power back. */
  powerBackMs: number;
}

export async function simulateCluster(options: ClusterSimulationOptions): Promise<ClusterOutcome> {
  await loadCompression();
  const random = seededRandom(options.seed * 2_654_435_761);
  // Of its own, so that a run whose disks are sound is what it would be without them.
  const ofDisks = seededRandom(options.seed * 2_246_822_519 + 1);
  const mood = chooseMood(random, ofDisks);
  const time = createSimulatedTime(seededRandom(random.integer(2 ** 31)));
  const say = (line: string) => options.log?.(`${time.nowMs.toFixed(1).padStart(10)} ${line}`);
  const wrong: string[] = [];
  let world: World | null = null;
  try {
    world = await createWorld({ time, random, ofDisks, mood, wrong, say, moving: new Set(), powerBackMs: 0 }, options);
    await run(world, options.steps ?? 25);
  } catch (error) {
    wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    for (const node of world?.cluster.nodes ?? []) node.process?.kill();
  }
  const history = world?.load.history;
  return {
    ...{ seed: options.seed, title: mood.name, simulatedMs: Math.round(time.nowMs), events: time.events },
    records: history?.acknowledged.length ?? 0,
    transactions: history?.transactions.size ?? 0,
    wrong: [...wrong, ...(history?.wrong ?? [])],
  };
}

async function createWorld(
  base: Omit<World, 'cluster' | 'load' | 'copiers' | 'churn' | 'tester'>,
  options: ClusterSimulationOptions,
): Promise<World> {
  const { time, random, mood, wrong, say } = base;
  const loggerOf = (process: string): Logger => {
    const line = (level: string) => (fields: object, message: string) =>
      say(`${process} ${level} ${message} ${JSON.stringify(fields, plainError)}`);
    // What a node calls an error is a fault: whatever befalls it here, it is to expect.
    const error = (fields: object, message: string) => {
      line('error')(fields, message);
      wrong.push(`${process} says: ${message} ${JSON.stringify(fields, plainError)}`);
    };
    if (options.log === undefined) return { ...silentLogger, error };
    return { debug: line('debug'), info: line('info'), warn: line('warn'), error };
  };
  const cluster = createSimulatedCluster({
    ...{ time, random, count: 3, weather: mood.weather, skewed: mood.skewed, loggerOf },
    // Small, so that a node that was away is given a snapshot now and then.
    entriesOverSnapshotMax: 1 + random.integer(60),
    onBug: (error) => wrong.push(`${error.stack ?? error.message}\n${(error.cause as Error | undefined)?.stack ?? ''}`),
    settings: {
      'offsets.topic.num.partitions': 1,
      'transaction.state.log.num.partitions': 1,
      'group.initial.rebalance.delay.ms': 0,
      'auto.create.topics.enable': false,
      'log.scrub.interval.ms': mood.rots ? 10_000 : 0,
    },
    ...(options.log !== undefined && { trace: say }),
    ...(options.spoil !== undefined && { spoil: options.spoil }),
  });
  for (const node of cluster.nodes) await time.within(startMsMax, `starting node ${node.id}`, node.start());
  const parts = { time, cluster, random, loggerOf };
  const { client: tester } = clientOf(parts, 'tester');
  await time.within(startMsMax, 'taking nodes in', Promise.all(cluster.nodes.map(({ node }) => node!.ready)));
  const config = { 'min.insync.replicas': '2' };
  const made = [plain, paired, copied].map((name) => ({ name, partitions, replicationFactor: 3, config }));
  // One that was made by a request whose answer was lost is there already.
  const making = tester
    .admin()
    .createTopics(made)
    .catch((error: unknown) => {
      if (!isFault(error, 'TOPIC_EXISTS')) throw error;
    });
  await time.within(startMsMax, 'making topics', making);
  for (const { node } of cluster.nodes) await knows(time, node!, made.length);
  return {
    ...{ ...base, cluster, tester, load: createLoad(parts) },
    ...{ copiers: startCopiers(parts), churn: createChurn(parts) },
  };
}

/** A client takes a topic that a node doesn't know after some tries for one that isn't there. */
async function knows(time: SimulatedTime, node: StorageNode, topics: number): Promise<void> {
  const ask = () => node.call('metadata', 12, apis.metadata.request.create({ topics: null }));
  const endMs = time.nowMs + startMsMax;
  for (;;) {
    const answer = await time.within(startMsMax, 'asking for topics', ask());
    if (answer.topics.length >= topics) return;
    if (time.nowMs > endMs) throw new Error(`node ${node.nodeId} doesn't hear of topics`);
    await time.advance(100);
  }
}

const plainError = (_: string, value: unknown): unknown =>
  value instanceof Error ? value.message : typeof value === 'bigint' ? String(value) : value;

async function run(world: World, steps: number): Promise<void> {
  const { time, random, load, copiers, churn, moving } = world;
  for (let i = 0; i < steps; i++) {
    await time.advance(random.next() < 0.6 ? random.next() * 400 : random.next() * 6_000);
    if (random.next() < 0.8) load.send(1 + random.integer(random.next() < 0.2 ? 40 : 6));
    if (random.next() < 0.4) load.transact();
    if (random.next() < 0.15) copiers.handOver();
    if (random.next() < 0.15) moving.add(churn.turn());
    await time.advance(random.next() * 40);
    await act(world);
  }
  await heal(world);
  await judge(world);
}

async function act(world: World): Promise<void> {
  const { cluster, random, mood, time, say } = world;
  const node = cluster.nodes[random.integer(cluster.nodes.length)]!;
  const away = cluster.nodes.filter(({ isUp }) => !isUp).length;
  if ((mood.fills || mood.rots) && world.ofDisks.integer(7) === 0) {
    if (mood.fills && isMissable(world, node)) fill(world, node);
    if (mood.rots) await rot(world);
  }
  const mayBeMissed = isMissable(world, node);
  const mayGo = node.isUp && away < mood.awayMax && mayBeMissed;
  switch (random.integer(7)) {
    case 6:
      reassign(world);
      break;
    case 0:
      if (!node.isUp) await start(node, time, say);
      break;
    case 1:
      if (mood.powerLosses && mayGo) await losePower(world, node);
      if (!mood.kills || !mayGo) break;
      say(`kill node ${node.id}`);
      await node.kill();
      if (random.next() < 0.6) {
        await time.advance(random.next() * (random.next() < 0.5 ? 300 : 8_000));
        await start(node, time, say);
      }
      break;
    case 2:
      if (!mayGo || node.node === null) break;
      say(`stop node ${node.id}`);
      await time.within(stopMsMax, `stopping node ${node.id}`, node.stop());
      if (random.next() < 0.7) await start(node, time, say);
      break;
    case 3:
      if (!mood.pauses || !node.isUp || !mayBeMissed) break;
      say(`pause node ${node.id}`);
      node.process!.pause(random.next() < 0.5 ? random.next() * 1_500 : random.next() * 12_000);
      break;
    case 4: {
      if (!mood.cuts) break;
      const other = cluster.nodes[random.integer(cluster.nodes.length)]!;
      if (other === node || !isMissable(world, node) || !isMissable(world, other)) break;
      const isOneWay = random.next() < 0.4;
      say(`cut node ${node.id} off from node ${other.id}${isOneWay ? ', one way' : ''}`);
      cluster.cut(node.id, other.id);
      if (!isOneWay) cluster.cut(other.id, node.id);
      break;
    }
    default:
      if (mood.cuts && random.next() < 0.5) {
        say('mend the network');
        cluster.mend();
      }
  }
}

/** Full until there is room, or until it is full no more by the next start; or only some writes fail. */
function fill({ ofDisks: random, say }: World, { id, disk }: ClusterNode): void {
  if (!disk.isFull && random.next() < 0.3) {
    const count = 1 + random.integer(3);
    say(`the next ${count} writes of node ${id} fail`);
    return disk.failWrites(count, random.integer(5));
  }
  disk.isFull = !disk.isFull;
  say(`the disk of node ${id} ${disk.isFull ? 'is full' : 'has room'}`);
}

/** While the first node has something that it doesn't know to be damaged, the others stay: theirs are the copies of it. */
const isMissable = ({ cluster }: World, node: ClusterNode): boolean =>
  node === cluster.nodes[0] || !cluster.nodes[0]!.disk.isRotten;

/** Always the first node's: of what two have lost nobody has to have kept any. */
async function rot(world: World): Promise<void> {
  const [node] = world.cluster.nodes;
  if (world.cluster.nodes.some(({ isUp }) => !isUp) || !(await isWhole(world))) return;
  const where = await node!.disk.rot();
  if (where !== null) world.say(`the disk of node ${node!.id} changes ${where}`);
}

const powerApartMs = 10_000;

/** It starts again later than its session lasts, as a machine does. */
async function losePower(world: World, node: ClusterNode): Promise<void> {
  const { cluster, time, say } = world;
  if (cluster.nodes.some(({ isUp }) => !isUp) || !(await isWhole(world))) return;
  // Metadata may not tell yet that the one before has lost something: a controller that took over gives it a session first.
  if (world.powerBackMs > 0 && time.nowMs < world.powerBackMs + powerApartMs) return;
  say(`node ${node.id} loses its power`);
  await node.kill('powerLoss');
  await time.advance(5_000);
  await start(node, time, say);
  world.powerBackMs = time.nowMs;
}

/** Not where nobody can be asked in time: nodes that are all cut off from each other stay so until somebody mends that. */
async function isWhole({ time, tester }: World): Promise<boolean> {
  const asking = time.within(askedMsMax, 'asking for metadata', tester.admin().listPlaces());
  const places = await asking.catch(() => null);
  return places?.every(({ leader, replicas, inSync }) => leader >= 0 && inSync.length === replicas.length) ?? false;
}

/** Another order of a partition's copies, or two of three, or leaders where they are preferred; it may be refused. */
function reassign({ tester, random, say, moving }: World): void {
  const topic = random.next() < 0.5 ? plain : paired;
  const partition = random.integer(partitions);
  const admin = tester.admin();
  const order = [1, 2, 3].sort(() => random.next() - 0.5);
  const elects = random.next() < 0.4;
  say(elects ? 'elect preferred leaders' : `move ${topic}-${partition} to ${order}`);
  const work = elects ? admin.electLeaders('preferred', null) : admin.reassign([{ topic, partition, replicas: order }]);
  moving.add(work.catch((error: unknown) => say(`refused: ${error}`)));
}

async function start(node: ClusterNode, time: SimulatedTime, say: (line: string) => void): Promise<void> {
  say(`start node ${node.id}`);
  node.disk.isFull = false; // nobody starts one on a full disk for long
  node.disk.failWrites(0);
  await time.within(startMsMax, `starting node ${node.id}`, node.start());
}

/** Peace: everything works from here on, and every copy must come in sync. */
async function heal({ cluster, time, tester, load, moving, say }: World): Promise<void> {
  say('peace');
  cluster.mend();
  for (const { disk } of cluster.nodes) {
    disk.isFull = false;
    disk.failWrites(0);
  }
  for (const node of cluster.nodes) if (!node.isUp) await start(node, time, say);
  await time.within(healMsMax, 'settling what clients had begun', load.settle());
  await time.within(healMsMax, 'settling moves', Promise.all(moving));
  const endMs = time.nowMs + healMsMax;
  for (;;) {
    const places = await time.within(healMsMax, 'asking for metadata', tester.admin().listPlaces());
    const lacking = places.filter(({ leader, replicas, inSync }) => leader < 0 || inSync.length < replicas.length);
    if (lacking.length === 0) return;
    if (time.nowMs > endMs) throw new Error(`not healed after ${healMsMax} ms: ${JSON.stringify(lacking.slice(0, 3))}`);
    await time.advance(500);
  }
}

async function judge({ cluster, time, tester, load, copiers, churn, wrong }: World): Promise<void> {
  // Who led before may not have heard of it when it is first asked for the end.
  wrong.push(...(await untilRight(time, () => checkHistory(tester, load.history))));
  wrong.push(...(await untilRight(time, () => checkCopied(tester, copied, load.history))));
  wrong.push(...copiers.wrong);
  wrong.push(...(await untilRight(time, churn.check)));
  await time.advance(5_000); // followers hear of the last high watermark with their next fetch, the reader of the last record
  const { read, shared, sent } = load.history;
  const groupEndMs = time.nowMs + healMsMax;
  const isShared = () => shared.every((offsets, partition) => offsets.size === sent[partition]!.length);
  while (!isShared() && time.nowMs < groupEndMs) await time.advance(1_000);
  if (!isShared())
    wrong.push(`the group has read ${shared.map(({ size }) => size)} of ${sent.map(({ length }) => length)}`);
  for (const [partition, records] of read.entries())
    if (records.size !== sent[partition]!.length)
      wrong.push(`the reader of ${partition} has ${records.size} records of ${sent[partition]!.length}`);
  const nodes = cluster.nodes.map(({ node }) => node!);
  // Transactions that nobody ends are ended by their coordinator meanwhile.
  wrong.push(...(await untilRight(time, () => checkCopies(nodes))));
  const stopped = Promise.all([load.stop(), copiers.stop(), churn.stop()]);
  await time.within(stopMsMax, 'stopping the clients', stopped);
}

/** What must come about some time, though not at once. */
async function untilRight(time: SimulatedTime, check: () => Promise<string[]>): Promise<string[]> {
  const endMs = time.nowMs + healMsMax;
  for (;;) {
    const wrong = await time.within(healMsMax, 'checking', check());
    if (wrong.length === 0 || time.nowMs > endMs) return wrong;
    await time.advance(2_000);
  }
}
