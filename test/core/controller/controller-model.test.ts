// Any sequence of commands, each decided on the image that those before have left, keeps what nodes and clients rely on.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  applyRecord,
  type CatalogRecord,
  decodeRecord,
  emptyImage,
  encodeRecord,
  type MutableCatalogImage,
  snapshotOf,
  type TopicImage,
} from '../../../core/controller/catalog-record.ts';
import { balanceLeaders, electLeaders } from '../../../core/controller/elections.ts';
import { alterPartitions } from '../../../core/controller/in-sync-commands.ts';
import { fenceNode, hearNode, registerNode, unregisterNode } from '../../../core/controller/members.ts';
import { isActive } from '../../../core/controller/node-image.ts';
import type { Decision, Outcome } from '../../../core/controller/outcome.ts';
import type { PartitionImage } from '../../../core/controller/partition-image.ts';
import { alterReassignments, listReassignments } from '../../../core/controller/reassignments.ts';
import { createTopic, deleteTopic, growTopic, wantedReplicas } from '../../../core/controller/topic-commands.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { hearing, node } from './cluster.ts';

const nodeIds = [1, 2, 3, 4, 5];
const topicNames = ['orders', 'lossy'];

interface World {
  readonly image: MutableCatalogImage;
  readonly log: CatalogRecord[];
  readonly random: ReturnType<typeof seededRandom>;
  lives: number;
  ids: number;
}

/** Applies what was decided as a log would carry it, checking each partition against what it was. */
function carryOut<T>(
  { image, log }: World,
  outcome: Outcome<Decision<T>> | readonly CatalogRecord[],
  mayGrow = false,
): void {
  const records = 'ok' in outcome ? (outcome.ok ? outcome.value.records : []) : outcome;
  const before = new Map(image.topicsById);
  for (const record of records) {
    log.push(record);
    applyRecord(image, decodeRecord(encodeRecord(record)));
  }
  for (const topic of image.topics.values()) checkTopic(image, topic, { before: before.get(topic.id), mayGrow });
}

function checkTopic(
  image: MutableCatalogImage,
  topic: TopicImage,
  { before, mayGrow }: { before: TopicImage | undefined; mayGrow: boolean },
): void {
  const { places = [] } = topic;
  must(places.length === topic.partitions, `${places.length} places of ${topic.partitions} partitions`);
  for (const [partition, place] of places.entries()) {
    checkPlace(image, place);
    const old = before?.places?.[partition];
    if (old !== undefined && old !== place) checkStep(old, place, mayGrow || topic.name === 'lossy');
  }
}

function checkPlace(image: MutableCatalogImage, place: PartitionImage): void {
  const { replicas, addingReplicas, removingReplicas, inSync, leader } = place;
  const seen = JSON.stringify(place);
  must(isSet(replicas) && isSet(inSync), `a node twice in ${seen}`);
  must(
    [...inSync, ...addingReplicas, ...removingReplicas].every((id) => replicas.includes(id)),
    `no replica: ${seen}`,
  );
  must(!addingReplicas.some((id) => removingReplicas.includes(id)), `it comes and goes in ${seen}`);
  must(inSync.length > 0 && wantedReplicas(place).length > 0, `nobody left in ${seen}`);
  if (leader === -1) return;
  must(inSync.includes(leader), `the leader is not in sync: ${seen}`);
  must(
    inSync.every((id) => isActive(image.nodes.get(id))),
    `in sync and not up: ${seen}`,
  );
}

/** Epochs tell every change; in sync is only who was, but where the leader says so, or an election may be unclean. */
function checkStep(old: PartitionImage, now: PartitionImage, mayGrow: boolean): void {
  const step = `${JSON.stringify(old)} became ${JSON.stringify(now)}`;
  must(now.partitionEpoch > old.partitionEpoch && now.leaderEpoch >= old.leaderEpoch, `epochs: ${step}`);
  must(now.leader === old.leader || now.leaderEpoch > old.leaderEpoch, `a new leader in an old epoch: ${step}`);
  must(mayGrow || now.inSync.every((id) => old.inSync.includes(id)), `in sync from nowhere: ${step}`);
}

const isSet = (ids: readonly number[]): boolean => new Set(ids).size === ids.length;

/** Hundreds of thousands of times a test, so not expect(). */
function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

interface Command {
  readonly what: string;
  readonly run: (world: World) => void;
}

const aNode = fc.constantFrom(...nodeIds);
const aTopic = fc.constantFrom(...topicNames);
const someNodes = fc.uniqueArray(aNode, { minLength: 1, maxLength: 4 });
const command = <T>(
  what: string,
  given: fc.Arbitrary<T>,
  run: (world: World, given: T) => void,
): fc.Arbitrary<Command> =>
  given.map((value) => ({ what: `${what} ${JSON.stringify(value)}`, run: (world) => run(world, value) }));

function register(world: World, id: number): void {
  const {
    epoch: _,
    fenced: __,
    inControlledShutdown: ___,
    ...registered
  } = node(id, { incarnation: `${++world.lives}` });
  const heard = hearing({ hasSession: () => false });
  const registration = { clusterId: null, node: registered };
  carryOut(world, registerNode(world.image, registration, { hearing: heard, nextOffset: world.log.length }));
}

function hear(world: World, id: number, change: { wantFence?: boolean; wantShutDown?: boolean } = {}): void {
  const epoch = world.image.nodes.get(id)?.epoch ?? 0;
  const asked = { node: id, epoch, metadataOffset: world.log.length, wantFence: false, wantShutDown: false, ...change };
  carryOut(world, hearNode(world.image, asked, hearing()));
}

function create(
  world: World,
  { name, partitions, factor }: { name: string; partitions: number; factor: number },
): void {
  const configs = name === 'lossy' ? { 'unclean.leader.election.enable': 'true' } : {};
  const where = { partitions, replicationFactor: factor };
  carryOut(world, createTopic(world.image, { name, id: `${name} ${++world.ids}`, configs, where }, world.random));
}

function alter(world: World, name: string, given: { seed: number; keep: number }): void {
  const topic = world.image.topics.get(name);
  if (topic === undefined) return;
  const partition = given.seed % topic.partitions;
  const { leader, leaderEpoch, partitionEpoch, replicas } = topic.places![partition]!;
  const others = replicas.filter((id, i) => id === leader || (given.keep >> i) % 2 === 1);
  const inSync = others.map((nodeId) => ({ nodeId, nodeEpoch: world.image.nodes.get(nodeId)?.epoch ?? -1 }));
  const changes = [{ topicId: topic.id, partition, leaderEpoch, partitionEpoch, inSync }];
  const nodeEpoch = world.image.nodes.get(leader)?.epoch ?? 0;
  carryOut(world, alterPartitions(world.image, { node: leader, nodeEpoch, changes }), true);
}

const placement = fc.record({
  name: aTopic,
  partitions: fc.integer({ min: 1, max: 4 }),
  factor: fc.integer({ min: 1, max: 4 }),
});
const move = fc.record({ topic: aTopic, partition: fc.nat(1), replicas: fc.option(someNodes, { freq: 3 }) });
const commands = fc.oneof(
  { weight: 2, arbitrary: command('register', aNode, register) },
  { weight: 4, arbitrary: command('hear', aNode, (world, id) => hear(world, id)) },
  { weight: 2, arbitrary: command('fence', aNode, (world, id) => carryOut(world, fenceNode(world.image, id))) },
  command('wantFence', aNode, (world, id) => hear(world, id, { wantFence: true })),
  command('wantShutDown', aNode, (world, id) => hear(world, id, { wantShutDown: true })),
  command('unregister', aNode, (world, id) => carryOut(world, unregisterNode(world.image, id))),
  { weight: 2, arbitrary: command('create', placement, create) },
  command('grow', fc.record({ topic: aTopic, count: fc.integer({ min: 1, max: 5 }) }), (world, { topic, count }) =>
    carryOut(world, growTopic(world.image, { topic, count, assignments: null }, world.random)),
  ),
  command('delete', aTopic, (world, name) =>
    carryOut(world, deleteTopic(world.image, world.image.topics.get(name)?.id ?? '')),
  ),
  {
    weight: 12,
    arbitrary: command(
      'alter',
      fc.record({ name: aTopic, seed: fc.nat(20), keep: fc.nat(31) }),
      (world, { name, ...given }) => alter(world, name, given),
    ),
  },
  {
    weight: 6,
    arbitrary: command('move', move, (world, asked) =>
      carryOut(world, alterReassignments(world.image, [asked]).records),
    ),
  },
  command('elect', fc.constantFrom('preferred', 'unclean'), (world, election) => {
    const topics = election === 'preferred' ? null : [{ topic: 'lossy', partitions: [0, 1, 2, 3, 4] }];
    carryOut(world, electLeaders(world.image, { election, topics }).records);
  }),
  command('balance', fc.constant(null), (world) => carryOut(world, balanceLeaders(world.image))),
);

function newWorld(): World {
  const world: World = { image: emptyImage(), log: [], random: seededRandom(7), lives: 0, ids: 0 };
  carryOut(world, [{ kind: 'cluster', clusterId: 'c', format: 2 }]);
  for (const id of nodeIds.slice(0, 4)) register(world, id);
  for (const id of nodeIds.slice(0, 4)) hear(world, id);
  for (const name of topicNames) create(world, { name, partitions: 2, factor: 2 });
  return world;
}

const shown = (sequence: readonly Command[]) => sequence.map(({ what }) => what).join('\n');

function forAnySequence(check: (world: World) => void): void {
  const property = fc.property(fc.array(commands, { minLength: 20, maxLength: 80, size: 'max' }), (sequence) => {
    const world = newWorld();
    try {
      for (const { run } of sequence) run(world);
      check(world);
    } catch (error) {
      throw new Error(`after\n${shown(sequence)}`, { cause: error });
    }
  });
  fc.assert(property, { numRuns: 100 });
}

test('the leader is in sync, who is in sync has a replica, and epochs tell every change', () => {
  forAnySequence(() => {});
});

test('a snapshot gives the image that the records gave, and the records give it again', () => {
  forAnySequence(({ image, log }) => {
    for (const records of [snapshotOf(image), log]) {
      const again = emptyImage();
      for (const record of records) applyRecord(again, decodeRecord(encodeRecord(record)));
      expect(again).toEqual(image);
    }
  });
});

test('when all nodes are back and heard of, every partition has a leader', () => {
  forAnySequence((world) => {
    const { image } = world;
    for (const id of nodeIds) {
      register(world, id);
      hear(world, id);
    }
    for (const { places = [] } of image.topics.values()) {
      expect(places.filter(({ leader }) => leader === -1)).toEqual([]);
    }
  });
});

test('when all replicas have caught up, moves have ended and leaders go back to where they are preferred', () => {
  forAnySequence((world) => {
    const { image } = world;
    for (const id of nodeIds) {
      register(world, id);
      hear(world, id);
    }
    const wanted = new Map([...image.topics.values()].map(({ name, places }) => [name, places!.map(wantedReplicas)]));
    for (const { name, partitions } of [...image.topics.values()])
      for (let seed = 0; seed < partitions; seed++) alter(world, name, { seed, keep: 31 });
    expect(listReassignments(image, null)).toEqual([]);
    carryOut(world, balanceLeaders(image));
    for (const { name, places } of image.topics.values()) {
      expect(places!.map(({ replicas }) => replicas)).toEqual(wanted.get(name));
      for (const { leader, replicas } of places!) expect(leader).toBe(replicas[0]);
    }
  });
});
