// `millrace cluster`: who leads what and how far copies are, leaders that move off a node, copies that move to others. All of
// it is asked by Kafka's protocol, so it serves an Apache Kafka as well.
import { type Command, InvalidArgumentError } from 'commander';
import type { Admin, PartitionPlace, Reassignment } from '../../../core/client/index.ts';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { partitionName } from '../../../core/kernel/ids.ts';
import { addConnectionOptions, type ConnectionFlags, withClient } from '../connection.ts';
import { parseNonNegativeInteger, parsePositiveInteger } from '../options.ts';
import { print, printJson, printTable, say } from '../output.ts';
import { balanced, drained } from '../place-plan.ts';
import { throttled } from '../throttled-move.ts';
import { addVoters } from './cluster-voters.ts';

interface Flags extends ConnectionFlags {
  readonly json?: boolean;
  readonly all?: boolean;
}

interface ReassignFlags extends ConnectionFlags {
  readonly replicas: readonly number[];
  readonly partition?: number;
  readonly throttle?: number;
}

const settleMsMax = 30_000;
const askEveryMs = 200;

/** How many records each copy lacks of what its leader has, by partition and node; null where the node doesn't say. */
async function lags(admin: Admin, places: readonly PartitionPlace[]): Promise<Map<string, Map<number, number | null>>> {
  const ids = [...new Set(places.flatMap(({ replicas }) => replicas))];
  const ends = new Map<number, ReadonlyMap<string, number>>();
  const up = new Set((await admin.listNodes()).filter(({ fenced }) => !fenced).map(({ nodeId }) => nodeId));
  await Promise.all(
    ids
      .filter((id) => up.has(id))
      .map(async (id) =>
        ends.set(
          id,
          await admin.replicaEnds(
            id,
            places.filter(({ replicas }) => replicas.includes(id)),
          ),
        ),
      ),
  );
  return new Map(
    places.map((place) => {
      const name = partitionName(place);
      const end = ends.get(place.leader)?.get(name);
      const behind = place.replicas.map((id) => {
        const own = ends.get(id)?.get(name);
        return [id, end === undefined || own === undefined ? null : Math.max(0, end - own)] as const;
      });
      return [name, new Map(behind)];
    }),
  );
}

const isWhole = ({ replicas, inSync, leader }: PartitionPlace) => leader >= 0 && inSync.length === replicas.length;

async function status(flags: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    const admin = client.admin();
    const [{ clusterId, controllerId }, nodes, places] = await Promise.all([
      admin.describeCluster(),
      admin.listNodes(),
      admin.listPlaces(),
    ]);
    const behind = await lags(admin, places);
    const moving = await admin.listReassignments();
    if (flags.json === true) {
      const partitions = places.map((place) => ({
        ...place,
        behind: behind.get(partitionName(place)),
        moving: moving.some((move) => partitionName(move) === partitionName(place)),
      }));
      return printJson([{ clusterId, controllerId, nodes, partitions }]);
    }
    print(`cluster ${clusterId ?? ''}, controller ${controllerId}`);
    printTable(
      ['node', 'address', 'rack', 'state', 'leads', 'copies', 'in sync', 'records behind'],
      nodes.map(({ nodeId, host, port, rack, fenced }) => {
        const copies = places.filter(({ replicas }) => replicas.includes(nodeId));
        const inSync = copies.filter((place) => place.inSync.includes(nodeId)).length;
        const lag = copies.map((place) => behind.get(partitionName(place))?.get(nodeId) ?? null);
        const known = lag.flatMap((records) => (records === null ? [] : [records]));
        return [
          ...[nodeId, `${host}:${port}`, rack, fenced ? 'not heard of' : 'up'],
          ...[copies.filter(({ leader }) => leader === nodeId).length, copies.length, inSync],
          known.length === 0 && copies.length > 0 ? null : known.reduce((sum, records) => sum + records, 0),
        ];
      }),
    );
    const shown = flags.all === true ? places : places.filter((place) => !isWhole(place));
    const title = flags.all === true ? 'partitions' : 'under-replicated';
    print(`${places.length} partitions, ${places.filter((place) => !isWhole(place)).length} under-replicated`);
    if (moving.length > 0) print(`${moving.length} moving: ${moving.map(partitionName).join(', ')}`);
    if (shown.length === 0) return;
    print('');
    printTable(
      [title, 'leader', 'replicas', 'in sync', 'behind'],
      shown.map((place) => {
        const lag = [...behind.get(partitionName(place))!].map(([node, records]) => `${node}: ${records ?? '?'}`);
        const leader = place.leader < 0 ? 'none' : place.leader;
        return [partitionName(place), leader, place.replicas.join(','), place.inSync.join(','), lag.join(', ')];
      }),
    );
  });
}

/** Until no copy moves any more. */
async function settled(admin: Admin, moves: readonly Reassignment[], timeoutMs: number): Promise<void> {
  const names = new Set(moves.map(partitionName));
  const endMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const left = (await admin.listReassignments()).filter((move) => names.has(partitionName(move)));
    if (left.length === 0) return;
    if (clock.monotonicMs() > endMs) throw new Fault('STILL_MOVING', { partitions: left.map(partitionName) });
    await clock.sleep(askEveryMs);
  }
}

async function reorder(admin: Admin, moves: readonly Reassignment[]): Promise<void> {
  if (moves.length === 0) return;
  await admin.reassign(moves);
  await settled(admin, moves, settleMsMax);
  await admin.electLeaders('preferred', moves);
}

/** A move that ends meanwhile is among them: the places may be as they were before. */
async function movingPlaces(admin: Admin) {
  const before = await admin.listReassignments();
  const places = await admin.listPlaces();
  return { places, moving: [...before, ...(await admin.listReassignments())] };
}

async function drain(node: number, flags: ConnectionFlags): Promise<void> {
  await withClient(flags, async (client) => {
    const admin = client.admin();
    if (!(await admin.listNodes()).some(({ nodeId }) => nodeId === node)) throw new Fault('NODE_NOT_FOUND', { node });
    const { places, moving } = await movingPlaces(admin);
    await reorder(admin, drained(places, node, moving));
    const left = (await admin.listPlaces()).filter(({ leader }) => leader === node);
    const names = new Set(moving.map(partitionName));
    const held = left.map(partitionName).filter((name) => names.has(name));
    if (held.length > 0) throw new Fault('STILL_MOVING', { partitions: held });
    if (left.length > 0) throw new Fault('STILL_LEADS', { node, partitions: left.map(partitionName) });
    say(`node ${node} leads nothing; 'millrace cluster balance' gives it its share again`);
  });
}

async function balance(flags: ConnectionFlags): Promise<void> {
  await withClient(flags, async (client) => {
    const admin = client.admin();
    const { places: now, moving } = await movingPlaces(admin);
    await reorder(admin, balanced(now, moving));
    await admin.electLeaders('preferred', null);
    const places = await admin.listPlaces();
    const nodes = (await admin.listNodes()).map(({ nodeId }) => nodeId);
    const counts = nodes.map((node) => `${node}: ${places.filter(({ leader }) => leader === node).length}`);
    say(`leaders by node: ${counts.join(', ')}`);
  });
}

async function reassign(topic: string, flags: ReassignFlags): Promise<void> {
  await withClient(flags, async (client) => {
    const admin = client.admin();
    const places = (await admin.listPlaces()).filter((place) => place.topic === topic);
    if (places.length === 0) throw new Fault('TOPIC_NOT_FOUND', { topic });
    const wanted = places.filter(({ partition }) => flags.partition === undefined || partition === flags.partition);
    if (wanted.length === 0)
      throw new Fault('PARTITION_NOT_FOUND', { topic, partition: flags.partition!, partitions: places.length });
    // Each partition begins with another node, so that they don't all lead on one.
    const moves = wanted.map(({ partition }, i) => ({ topic, partition, replicas: rotated(flags.replicas, i) }));
    const move = async () => {
      await admin.reassign(moves);
      say(`${moves.length} partitions move to nodes ${flags.replicas.join(', ')}`);
      await settled(admin, moves, Number.POSITIVE_INFINITY);
    };
    await (flags.throttle === undefined
      ? move()
      : throttled(admin, { topic, places, moves, rate: flags.throttle }, move));
    await admin.electLeaders('preferred', moves);
    say('moved');
  });
}

const rotated = (nodes: readonly number[], by: number) => nodes.map((_, i) => nodes[(i + by) % nodes.length]!);

function parseNodes(text: string): readonly number[] {
  const nodes = text.split(',').map(parseNonNegativeInteger);
  if (new Set(nodes).size < nodes.length) throw new InvalidArgumentError('A node is there twice.');
  return nodes;
}

export function addCluster(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('see and move leaders and copies among the nodes of a cluster');
  addConnectionOptions(cluster.command('status').description('nodes, who leads, which copies are behind'))
    .option('--all', 'every partition, not only those that lack a copy')
    .option('--json', 'one line of JSON')
    .addHelpText('after', '\nExample:\n  $ millrace cluster status --bootstrap 127.0.0.1:9092')
    .action(status);
  addConnectionOptions(
    cluster
      .command('drain')
      .description('move leaders off a node, as before work on it; one that is told to stop does so by itself')
      .argument('<node>', 'its number', parseNonNegativeInteger),
  )
    .addHelpText('after', '\nExample:\n  $ millrace cluster drain 2 --bootstrap 127.0.0.1:9092')
    .action(drain);
  addConnectionOptions(cluster.command('balance').description('spread leaders over the nodes that have copies'))
    .addHelpText('after', '\nExample:\n  $ millrace cluster balance --bootstrap 127.0.0.1:9092')
    .action(balance);
  addConnectionOptions(
    cluster.command('reassign').description('move the copies of a topic to other nodes').argument('<topic>'),
  )
    .requiredOption('--replicas <nodes>', 'numbers of the nodes that are to have it, with commas between', parseNodes)
    .option('--partition <n>', 'default: all of them', parseNonNegativeInteger)
    .option(
      '--throttle <bytes>',
      'a second, at most, from and to each node; taken back when all have moved',
      parsePositiveInteger,
    )
    .addHelpText('after', '\nExample:\n  $ millrace cluster reassign orders --replicas 2,3 --bootstrap 127.0.0.1:9092')
    .action(reassign);
  addVoters(cluster);
}
