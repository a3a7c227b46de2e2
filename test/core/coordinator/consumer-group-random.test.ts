// Consumer groups under members that come, go, stall, lose answers and change their minds, while topics grow and the
// coordinator starts anew from its log, also after failed writes. Seeds are in the names of the tests.
import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../../../core/kernel/random.ts';
import {
  type ConsumerRig,
  createConsumerRig,
  groupId,
  type ModelMember,
  modelBeat,
  modelRevoke,
  modelTake,
  newModelMember,
} from './consumer-group-rig.ts';

interface World {
  readonly rig: ConsumerRig;
  readonly random: Random;
  /** Those who speak, and those who don't any more and aren't put out yet. */
  readonly alive: ModelMember[];
  readonly silent: ModelMember[];
  readonly names: string[];
  readonly awayStatics: ModelMember[];
  made: number;
}

const pick = <T>(random: Random, from: readonly T[]): T | undefined => from[random.integer(from.length)];
const someNames = ({ random, names }: World) => {
  const chosen = names.filter(() => random.next() < 0.6);
  return chosen.length > 0 ? chosen : [names[0]!];
};

/** No partition may be worked on by two; those that the coordinator has put out have been told to stop. */
async function checkOwners(world: World): Promise<void> {
  const there = new Set((await world.rig.describe())?.members.map(({ memberId }) => memberId));
  const owner = new Map<string, string>();
  for (const member of [...world.alive, ...world.silent]) {
    if (!there.has(member.memberId)) {
      member.held = new Set();
      continue;
    }
    for (const partition of new Set([...member.held, ...member.owned])) {
      const other = owner.get(partition);
      if (other !== undefined) throw new Error(`${partition} is owned by ${other} and ${member.memberId}`);
      owner.set(partition, member.memberId);
    }
  }
  for (let i = world.silent.length - 1; i >= 0; i--) {
    if (!there.has(world.silent[i]!.memberId)) world.silent.splice(i, 1);
  }
}

async function checkCommit(world: World, member: ModelMember): Promise<void> {
  const { rig, random } = world;
  const group = await rig.describe();
  const current = group?.members.find(({ memberId }) => memberId === member.memberId)?.memberEpoch;
  const epoch = Math.max(0, (current ?? 1) + random.integer(3) - 1);
  const outcome = await rig.commit(member.memberId, epoch);
  if (group === null) expect(outcome).toBe('ILLEGAL_GENERATION');
  else if (current === undefined) expect(outcome).toBe('UNKNOWN_MEMBER_ID');
  else expect(outcome).toBe(epoch === current ? 'NONE' : 'STALE_MEMBER_EPOCH');
}

async function step(world: World): Promise<void> {
  const { rig, random, alive, silent, names } = world;
  const member = pick(random, alive);
  const dice = random.next();
  if (dice < 0.06 && alive.length < 7) {
    const instanceId = random.next() < 0.3 ? `static-${world.made}` : null;
    alive.push(newModelMember(`member-${world.made++}`, someNames(world), instanceId));
  } else if (dice < 0.08) {
    const back = world.awayStatics.pop();
    if (back !== undefined) alive.push(newModelMember(`member-${world.made++}`, back.names, back.instanceId));
  } else if (dice < 0.12) {
    const count = rig.topics.get(pick(random, names)!)!.partitions;
    rig.topic(pick(random, names)!, Math.min(12, count + 1 + random.integer(2)));
  } else if (dice < 0.13 && names.length < 5) {
    names.push(`topic-${names.length}`);
    rig.topic(names.at(-1)!, 1 + random.integer(5));
  } else if (dice < 0.18) await rig.reload();
  else if (dice < 0.2) rig.log.failNext(new Error('the disk is full'));
  else if (dice < 0.27) await rig.pass(random.integer(9_000));
  else if (member === undefined) return;
  else if (dice < 0.29) {
    alive.splice(alive.indexOf(member), 1);
    silent.push(member);
  } else if (dice < 0.32) await goodbye(world, member);
  else if (dice < 0.35) {
    member.names = someNames(world);
    member.full = true;
  } else if (dice < 0.43) await checkCommit(world, member).catch(ignoreFullDisk);
  else if (dice < 0.55) modelRevoke(member);
  else if (dice < 0.68) modelTake(member);
  else await modelBeat(rig, member, { loseAnswer: random.next() < 0.1, quiet: random.next() < 0.5 });
}

async function goodbye({ rig, random, alive, awayStatics }: World, member: ModelMember): Promise<void> {
  const { memberId, instanceId } = member;
  const away = instanceId !== null && random.next() < 0.7;
  const reply = await rig.beat({ memberId, instanceId, memberEpoch: away ? -2 : -1 }).catch(ignoreFullDisk);
  if (reply === undefined) return;
  alive.splice(alive.indexOf(member), 1);
  if (away && reply.error === 'NONE') awayStatics.push(member);
}

const ignoreFullDisk = (error: unknown): undefined => {
  if (!(error instanceof Error && error.message === 'the disk is full')) throw error;
};

/** All do as they are told, until nothing is left to do. */
async function calm(world: World, assignor: string | null = null): Promise<void> {
  const { rig, alive, silent } = world;
  for (let round = 0; round < 40; round++) {
    for (const member of alive) {
      modelTake(member);
      await modelBeat(rig, member, { assignor });
      modelTake(member);
      await checkOwners(world);
    }
    await rig.pass(5_000);
    const group = await rig.describe();
    if (silent.length === 0 && group?.state === 'Stable' && group.members.length === alive.length && round > 10) return;
  }
  throw new Error(`the group is not stable: ${JSON.stringify(await rig.describe())}`);
}

/** Every partition that anyone reads is someone's who reads it, and is being worked on. */
function checkAllAssigned({ rig, alive }: World): void {
  const expected = new Set<string>();
  for (const name of new Set(alive.flatMap((member) => member.names))) {
    const topic = rig.topics.get(name)!;
    for (let partition = 0; partition < topic.partitions; partition++) expected.add(`${topic.id}/${partition}`);
  }
  const owned = alive.flatMap((member) => [...member.owned]);
  expect(owned.toSorted()).toEqual([...expected].sort());
  for (const member of alive) {
    const ids = new Set(member.names.map((name) => rig.topics.get(name)!.id));
    expect([...member.owned].filter((name) => !ids.has(name.split('/')[0]!))).toEqual([]);
  }
}

const spread = (alive: readonly ModelMember[]): number => {
  const sizes = alive.map(({ owned }) => owned.size);
  return Math.max(...sizes) - Math.min(...sizes);
};

async function run(seed: number, steps: number): Promise<World> {
  const rig = createConsumerRig({ seed });
  const world: World = {
    rig,
    random: seededRandom(seed * 7919),
    alive: [],
    silent: [],
    names: ['topic-0', 'topic-1'],
    awayStatics: [],
    made: 0,
  };
  for (const name of world.names) rig.topic(name, 1 + world.random.integer(6));
  for (let i = 0; i < steps; i++) {
    await step(world);
    await checkOwners(world);
  }
  if (world.alive.length === 0) world.alive.push(newModelMember(`member-${world.made++}`, world.names));
  return world;
}

const seeds = Array.from({ length: 25 }, (_, i) => i + 1);

test.each(seeds)('each partition has one owner at all times, and one when all is calm, seed %i', async (seed) => {
  const world = await run(seed, 300);
  await world.rig.pass(45_000); // statics that went away, and those who fell silent, are given up
  await calm(world);
  checkAllAssigned(world);
  for (const { memberId, epoch } of world.alive) {
    expect(await world.rig.commit(memberId, epoch)).toBe('NONE');
    expect(await world.rig.commit(memberId, epoch - 1)).toBe('STALE_MEMBER_EPOCH');
  }
});

test.each(seeds.slice(0, 10))('uniform is even and moves no more than it must, seed %i', async (seed) => {
  const world = await run(seed, 200);
  await world.rig.pass(45_000);
  for (const member of world.alive) {
    member.names = world.names;
    member.full = true;
  }
  await calm(world);
  checkAllAssigned(world);
  expect(spread(world.alive)).toBeLessThanOrEqual(1);

  const before = new Map(world.alive.map((member) => [member, member.owned]));
  world.alive.push(newModelMember('one more', world.names));
  await calm(world);
  checkAllAssigned(world);
  expect(spread(world.alive)).toBeLessThanOrEqual(1);
  for (const [member, owned] of before) expect([...member.owned].filter((name) => !owned.has(name))).toEqual([]);

  const [gone] = world.alive.splice(0, 1);
  await world.rig.beat({ memberId: gone!.memberId, instanceId: gone!.instanceId, memberEpoch: -1 });
  if (world.alive.length === 0) return;
  const kept = new Map(world.alive.map((member) => [member, member.owned]));
  await calm(world);
  checkAllAssigned(world);
  expect(spread(world.alive)).toBeLessThanOrEqual(1);
  for (const [member, owned] of kept) expect([...owned].filter((name) => !member.owned.has(name))).toEqual([]);
});

test('what is in memory is what the log gives, at every step', async () => {
  const world = await run(99, 0);
  for (let i = 0; i < 150; i++) {
    await step(world);
    const before = await world.rig.describe();
    const owned = await world.rig.runtime.run(groupId, (shard) => shard.list());
    await world.rig.reload();
    expect(await world.rig.describe()).toEqual(before);
    expect(await world.rig.runtime.run(groupId, (shard) => shard.list())).toEqual(owned);
  }
});
