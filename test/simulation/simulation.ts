// One run: a node, some hosts and a program, all from one seed; faults for a while, then peace, and then everything must
// have come out. What is checked on the way: committed offsets never go back, no state is ahead of its changelog, no worker
// fails of what passes by itself, nobody is stuck.
import { type Client, createClient } from '../../core/client/index.ts';
import { Fault } from '../../core/kernel/fault.ts';
import { partitionName, type TopicPartition } from '../../core/kernel/ids.ts';
import { type Logger, silentLogger } from '../../core/kernel/logger.ts';
import { type Random, seededRandom } from '../../core/kernel/random.ts';
import { apis } from '../../core/protocol/api-table.ts';
import { loadCompression } from '../../core/protocol/compression/registry.ts';
import { compile } from '../../dsl/compile/compile.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import type { TopicSpec } from '../../dsl/plan.ts';
import { prepareTopics } from '../../runtime/app/prepare.ts';
import type { Layout } from '../../runtime/worker/layout.ts';
import { checkDisk } from './check-disk.ts';
import { makeProgram, type Program, type ProgramName, programNames, type Seen } from './programs.ts';
import { readTopic } from './read-topic.ts';
import { createHost, type Host } from './simulated-host.ts';
import { createLink, type Weather } from './simulated-network.ts';
import { createSimulatedNode, type SimulatedNode } from './simulated-node.ts';
import { createSimulatedTime, type SimulatedTime } from './simulated-time.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Default 40. */
  readonly steps?: number;
  readonly program?: ProgramName;
  readonly guarantee?: 'atLeastOnce' | 'exactlyOnce';
  /** Gets every line, with the simulated time in front. */
  readonly log?: (line: string) => void;
}

export interface Outcome {
  readonly seed: number;
  readonly title: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly records: number;
  /** Empty when all is well. */
  readonly wrong: readonly string[];
}

const drainMsMax = 10 * 60_000;
const stopMsMax = 2 * 60_000;

export async function simulate(options: SimulationOptions): Promise<Outcome> {
  await loadCompression();
  const random = seededRandom(options.seed * 2_654_435_761);
  const programName = options.program ?? programNames[random.integer(programNames.length)]!;
  const guarantee = options.guarantee ?? (random.next() < 0.6 ? 'exactlyOnce' : 'atLeastOnce');
  const program = makeProgram(programName, guarantee, random);
  const world = await createWorld(program, guarantee, random, options);
  const title = `${programName} ${guarantee}, ${world.mood.name}`;
  const { time, wrong } = world;
  try {
    await run(world, options.steps ?? 40);
  } catch (error) {
    wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    for (const host of world.hosts) if (host.isUp) host.process.kill();
  }
  return {
    seed: options.seed,
    title,
    simulatedMs: Math.round(time.nowMs),
    events: time.events,
    records: world.fed(),
    wrong,
  };
}

/** What may happen in a run, so that some faults are also met alone. */
interface Mood {
  readonly name: string;
  readonly weather: Weather;
  readonly hostKills: boolean;
  readonly nodeKills: boolean;
  readonly cuts: boolean;
  readonly pauses: boolean;
  readonly cutMsMax: number;
}

function chooseMood(random: Random, guarantee: string): Mood {
  const weathers: readonly (Weather & { name: string })[] = [
    { name: 'fair', delayMsMax: 2, slowShare: 0, slowMsMax: 0, lossShare: 0 },
    { name: 'slow', delayMsMax: 40, slowShare: 0.02, slowMsMax: 500, lossShare: 0 },
    { name: 'lossy', delayMsMax: 5, slowShare: 0.02, slowMsMax: 2_000, lossShare: 0.01 },
    { name: 'foul', delayMsMax: 60, slowShare: 0.01, slowMsMax: 8_000, lossShare: 0.03 },
  ];
  const weather = weathers[random.integer(weathers.length)]!;
  const hostKills = random.next() < 0.6;
  const nodeKills = random.next() < 0.5;
  const cuts = random.next() < 0.5;
  const pauses = random.next() < 0.4;
  const with_ = Object.entries({ hostKills, nodeKills, cuts, pauses }).flatMap(([what, is]) => (is ? [what] : []));
  return {
    name: `${weather.name} ${with_.join(' ')}`.trim(),
    weather,
    hostKills,
    nodeKills,
    cuts,
    pauses,
    // Without transactions nothing keeps a member that was taken for dead from writing: that is what the guarantee says.
    cutMsMax: guarantee === 'exactlyOnce' ? 55_000 : 15_000,
  };
}

interface World {
  readonly time: SimulatedTime;
  readonly random: Random;
  readonly mood: Mood;
  readonly program: Program;
  readonly topology: Topology;
  readonly layout: Layout;
  readonly node: SimulatedNode;
  readonly hosts: readonly Host[];
  readonly tester: Client;
  readonly wrong: string[];
  readonly say: (line: string) => void;
  fed(): number;
  feed(records: number): void;
  /** What was fed is in the log. */
  settled(): Promise<void>;
  /** Nothing befalls members, so that nobody may run what another runs, even for a moment. */
  readonly isCalm: boolean;
  /** Hosts of which a worker has ended by itself: they are started again, as whatever supervises a process does. */
  readonly failed: Set<string>;
}

async function createWorld(
  program: Program,
  guarantee: string,
  random: Random,
  options: SimulationOptions,
): Promise<World> {
  const time = createSimulatedTime(seededRandom(random.integer(2 ** 31)));
  const wrong: string[] = [];
  const mood = chooseMood(random, guarantee);
  const say = (line: string) => options.log?.(`${time.nowMs.toFixed(1).padStart(10)} ${line}`);
  const loggerOf = (process: string): Logger => {
    if (options.log === undefined) return silentLogger;
    const line = (level: string) => (fields: object, message: string) =>
      say(`${process} ${level} ${message} ${JSON.stringify(fields, plainError)}`);
    return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  };
  const node = createSimulatedNode({
    time,
    random,
    logger: loggerOf('node'),
    settings: {
      'group.initial.rebalance.delay.ms': [0, 300, 3_000][random.integer(3)]!,
      'offsets.topic.num.partitions': 2,
      'transaction.state.log.num.partitions': 2,
      'auto.create.topics.enable': false,
      'log.retention.check.interval.ms': random.next() < 0.3 ? 15_000 : 300_000,
    },
    onGone: () => {
      testerLink.nodeDied();
      for (const host of hosts) if (host.isUp) host.link.nodeDied();
    },
  });
  const onBug = (error: Error) => wrong.push(error.stack ?? error.message);
  const testerProcess = time.process('tester');
  const testerLink = createLink({ process: testerProcess, nodeAt: node.at, random, onBug });
  await time.within(10_000, 'starting the node', node.start());
  const tester = createClient({
    network: testerLink.network,
    clientId: 'tester',
    clock: testerProcess.clock,
    random: seededRandom(random.integer(2 ** 31)),
    logger: loggerOf('tester'),
  });
  const admin = tester.admin();
  const compiled = compile(program.job, { environment: 'development' });
  const standbys = [0, 0, 1, 2][random.integer(4)]!;
  const topology: Topology = { ...compiled, options: { ...compiled.options, standbys } };
  const made = [...program.inputs].map(([name, partitions]) => ({ name, partitions }));
  if (made.length > 0) await time.within(10_000, 'making input topics', admin.createTopics(made));
  const layout = await time.within(10_000, 'making topics', prepareTopics(topology, admin, testerProcess.clock));

  const producer = tester.producer({ deliveryTimeoutMs: 30 * 60_000 });
  const specs = new Map(topicsOf(topology).map((spec) => [spec.name, spec]));
  const underWay = new Set<Promise<unknown>>();
  let fed = 0;
  const write = (topic: string, key: string, value: unknown) => {
    const spec = specs.get(topic)!;
    const sent = producer
      .send({ topic, key: spec.key.encode(key), value: spec.value.encode(value) })
      .catch((error: unknown) => wrong.push(`what the tester wrote was lost: ${error}`));
    underWay.add(sent);
    sent.finally(() => underWay.delete(sent));
  };
  const settled = async () => {
    while (underWay.size > 0) await Promise.all(underWay);
  };
  if (program.prepare !== undefined) {
    program.prepare({ write });
    await time.within(60_000, 'filling topics', settled());
  }

  const isCalm = !mood.cuts && !mood.pauses && !mood.nodeKills && !mood.hostKills && mood.weather.lossShare === 0;
  const hosts: Host[] = ['north', 'south', 'west'].map((name) =>
    createHost(name, {
      time,
      nodeAt: node.at,
      random,
      ...(options.log !== undefined && { trace: say }),
      loggerOf,
      topology,
      layout,
      onBug,
      onFailed(host, error) {
        say(`${host} FAILED ${error instanceof Error ? error.stack : error}`);
        failed.add(host);
        const isOutage = error instanceof Fault && error.retriable && mood.cutMsMax > 20_000;
        if (!isOutage)
          wrong.push(`a worker on ${host} failed: ${error instanceof Error ? describeError(error) : error}`);
      },
    }),
  );
  const failed = new Set<string>();
  return {
    failed,
    time,
    random,
    mood,
    program,
    topology,
    layout,
    node,
    hosts,
    tester,
    wrong,
    say,
    isCalm,
    settled,
    fed: () => fed,
    feed(records) {
      for (let i = 0; i < records; i++) program.feed({ write }, random);
      fed += records;
    },
  };
}

const describeError = (error: Error): string =>
  `${error.stack?.split('\n').slice(0, 6).join('\n')}${error.cause instanceof Error ? `\n  because: ${error.cause.message}` : ''}`;

const plainError = (_: string, value: unknown): unknown =>
  value instanceof Error ? value.message : typeof value === 'bigint' ? String(value) : value;

const topicsOf = (topology: Topology): readonly TopicSpec[] => {
  const inputs = topology.subTopologies.flatMap((sub) =>
    sub.inputs.flatMap((input) => (input.kind === 'topic' ? [input.topic] : [])),
  );
  return [...inputs, ...topology.topics];
};

async function run(world: World, steps: number): Promise<void> {
  const { time, random, hosts } = world;
  const watch = createOffsetWatch(world);
  const first = 1 + random.integer(2);
  for (let i = 0; i < first; i++) startHost(world, hosts[i]!);
  for (let i = 0; i < steps; i++) {
    await time.advance(pauseMs(random));
    if (random.next() < 0.8) {
      // What happens next shall find work half done.
      world.feed(1 + random.integer(random.next() < 0.1 ? 60 : 8));
      await time.advance(random.next() * busyMs);
    }
    await act(world);
    checkOwners(world);
    await supervise(world);
    await watch();
  }
  await heal(world);
  await drain(world, watch);
  for (const host of hosts) if (host.isUp) await stopHost(world, host);
  for (const host of hosts) await checkState(world, host);
  world.wrong.push(...world.program.check(await readAll(world)));
}

/** In which what was fed is fetched, processed and committed, about. */
const busyMs = 250;

/** Mostly moments, sometimes long enough for sessions and transactions to time out. */
const pauseMs = (random: Random): number => {
  const kind = random.next();
  if (kind < 0.5) return random.next() * 300;
  if (kind < 0.9) return random.next() * 5_000;
  return random.next() * 60_000;
};

function startHost({ mood, random, say }: World, host: Host): void {
  say(`start ${host.name}`);
  host.start(1 + random.integer(2));
  host.link.weather = mood.weather;
}

async function stopHost(world: World, host: Host): Promise<void> {
  const { time, say } = world;
  say(`stop ${host.name}`);
  try {
    await time.within(stopMsMax, `stopping ${host.name}`, host.stop());
  } catch (error) {
    // A worker that had failed says so once more; whether it may have, was judged then.
    if (!world.failed.has(host.name)) throw error;
  }
}

async function killHost(world: World, host: Host): Promise<void> {
  world.say(`kill ${host.name}`);
  await host.kill();
  await checkState(world, host);
}

/** No two members run one task. */
function checkOwners({ hosts, isCalm, wrong }: World): void {
  if (!isCalm) return;
  const owners = new Map<string, string>();
  for (const host of hosts) {
    if (!host.isUp) continue;
    for (const [index, worker] of host.workers.entries()) {
      for (const task of worker.report().tasks) {
        const other = owners.get(task);
        if (other !== undefined) wrong.push(`task ${task} is run by ${other} and by ${host.name}/${index}`);
        owners.set(task, `${host.name}/${index}`);
      }
    }
  }
}

async function supervise(world: World): Promise<void> {
  for (const host of world.hosts) {
    if (!world.failed.delete(host.name) || !host.isUp) continue;
    await killHost(world, host);
    startHost(world, host);
  }
}

async function act(world: World): Promise<void> {
  const { random, hosts, node, mood, time, say } = world;
  const host = hosts[random.integer(hosts.length)]!;
  switch (random.integer(7)) {
    case 0:
      if (!host.isUp) startHost(world, host);
      break;
    case 1:
      // Stopping takes what the network allows.
      if (host.isUp && node.isUp && !host.link.isCut && hosts.filter((one) => one.isUp).length > 1)
        await stopHost(world, host);
      break;
    case 2:
      if (mood.hostKills && host.isUp) {
        await killHost(world, host);
        if (random.next() < 0.7) {
          await time.advance(random.next() * 2_000);
          startHost(world, host);
        }
      }
      break;
    case 3:
      if (mood.nodeKills && node.isUp) {
        const gracefully = random.next() < 0.2;
        say(gracefully ? 'stop the node' : 'kill the node');
        await (gracefully ? time.within(60_000, 'closing the node', node.stop()) : node.kill());
        await time.advance(random.next() < 0.7 ? random.next() * 500 : random.next() * 20_000);
        say('start the node');
        await time.within(60_000, 'starting the node', node.start());
      }
      break;
    case 4:
      if (mood.cuts && host.isUp && !host.link.isCut) {
        say(`cut off ${host.name}`);
        const { link, process } = host;
        link.cut();
        const forMs = random.next() < 0.5 ? random.next() * 3_000 : random.next() * mood.cutMsMax;
        world.tester.cluster.clock.after(forMs, () => {
          say(`mend ${process.name}`);
          if (process.alive) link.mend();
        });
      }
      break;
    case 5:
      if (mood.pauses && host.isUp) {
        const forMs = random.next() < 0.5 ? random.next() * 3_000 : random.next() * mood.cutMsMax;
        say(`pause ${host.name} for ${Math.round(forMs)}`);
        host.process.pause(forMs);
      }
      break;
    default:
  }
}

/** Peace: everything works from here on. */
async function heal(world: World): Promise<void> {
  const { time, hosts, node, say } = world;
  if (!node.isUp) await time.within(60_000, 'starting the node', node.start());
  await time.advance(mendMs);
  say('peace');
  for (const host of hosts) {
    if (!host.isUp) continue;
    host.link.weather = { delayMsMax: 1, slowShare: 0, slowMsMax: 0, lossShare: 0 };
  }
  if (!hosts.some((host) => host.isUp)) startHost(world, hosts[0]!);
  for (const host of hosts)
    if (host.isUp) host.link.weather = { delayMsMax: 1, slowShare: 0, slowMsMax: 0, lossShare: 0 };
}

/** All cuts and pauses are over by then. */
const mendMs = 60_000;

async function drain(world: World, watch: () => Promise<void>): Promise<void> {
  const { time, topology, layout } = world;
  const startedMs = time.nowMs;
  await time.within(60_000, 'what the tester writes', world.settled());
  const inputs = topology.subTopologies.flatMap((sub) =>
    sub.inputs.flatMap((input) =>
      input.kind === 'topic'
        ? Array.from({ length: layout.partitions.get(input.topic.name)! }, (_, partition) => ({
            topic: input.topic.name,
            partition,
          }))
        : [],
    ),
  );
  for (;;) {
    const left = await time.within(120_000, 'asking what is left', undone(world, inputs));
    if (left === null) return;
    if (time.nowMs - startedMs > drainMsMax) {
      const states = world.hosts.flatMap((host) =>
        host.isUp ? host.workers.map((worker) => `${host.name}: ${JSON.stringify(worker.report())}`) : [],
      );
      throw new Error(`stuck: ${left}\n${states.join('\n')}`);
    }
    await time.advance(500);
    await supervise(world);
    await watch();
  }
}

async function undone(world: World, inputs: readonly TopicPartition[]): Promise<string | null> {
  const { tester, topology, program } = world;
  if (program.isDone !== undefined && !program.isDone(await readAll(world))) return 'the source is not in its topic';
  const committed = await tester.offsets(topology.job).fetch(inputs);
  const ends = await tester.admin().listOffsets(inputs, 'latest', 'readUncommitted');
  for (const [i, tp] of inputs.entries()) {
    const end = ends[i]!.offset;
    const offset = committed.get(partitionName(tp))?.offset ?? 0;
    if (offset < end) return `${partitionName(tp)} is committed to ${offset} of ${end}`;
  }
  return null;
}

async function readAll(world: World): Promise<(name: string) => readonly Seen[]> {
  const specs = new Map(topicsOf(world.topology).map((spec) => [spec.name, spec]));
  const all = new Map<string, readonly Seen[]>();
  for (const name of world.program.reads) {
    const partitions = world.layout.partitions.get(name)!;
    const spec = specs.get(name)!;
    const records = await world.time.within(120_000, `reading ${name}`, readTopic(world.tester, name, partitions));
    all.set(
      name,
      records.map(({ key, value, ...at }) => ({
        ...at,
        key: spec.key.decode(key!) as string,
        value: value === null ? null : spec.value.decode(value),
      })),
    );
  }
  return (name) => all.get(name)!;
}

async function checkState(world: World, host: Host): Promise<void> {
  const { time, node, topology, tester } = world;
  if (!node.isUp) return;
  const found = await time.within(
    120_000,
    'comparing state with its changelog',
    checkDisk(tester, topology, host.disk),
  );
  for (const one of found) {
    world.say(`WRONG ${one}`);
    world.wrong.push(`on ${host.name}: ${one}`);
  }
}

/** Looks at the committed offsets whenever it is called. */
function createOffsetWatch({ node, topology, time, wrong }: World): () => Promise<void> {
  const seen = new Map<string, number>();
  return async () => {
    const at = node.at();
    if (at === null) return;
    const request = apis.offsetFetch.request.create({ groupId: topology.job, topics: null });
    const answer = await time.within(60_000, 'reading offsets', at.transport.call('offsetFetch', 7, request));
    for (const { name: topic, partitions } of answer.topics) {
      for (const { partitionIndex: partition, committedOffset } of partitions) {
        const id = partitionName({ topic, partition });
        const last = seen.get(id) ?? -1;
        if (committedOffset < last) wrong.push(`the committed offset of ${id} went from ${last} to ${committedOffset}`);
        seen.set(id, committedOffset);
      }
    }
  };
}
