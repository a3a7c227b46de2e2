// Members that join, sync, commit, leave, crash and stall by chance, against a coordinator that restarts now and then.
// What may never happen is checked at every answer; that things come right when chance stops, at the end. A failure names
// its seed.
import { expect, test } from 'vitest';
import type { JoinReply } from '../../../../core/coordinator/group/group.ts';
import { createManualClock } from '../../../../core/kernel/manual-clock.ts';
import { type Random, seededRandom } from '../../../../core/kernel/random.ts';
import { createMemoryShardLog } from '../memory-shard-log.ts';
import { bytes, createGroupRig, type GroupRig, text } from './rig.ts';

interface TestMember {
  readonly groupInstanceId: string | null;
  memberId: string;
  generationId: number;
  leader: boolean;
  /** Whom to assign to, as the leader was told. */
  others: readonly string[];
  phase: 'out' | 'waiting' | 'joined' | 'stable';
}

/** What the answers so far have shown. */
interface Seen {
  generation: number;
  /** Of the coordinator: a generation that nobody was assigned in isn't in the log, and the next life may give it again. */
  life: number;
  readonly leaderOf: Map<number, { leader: string; life: number; isAssigned: boolean }>;
  readonly violations: string[];
  /** Ids that once were members and aren't used any more. */
  readonly retired: { memberId: string; generationId: number; groupInstanceId: string | null }[];
  committed: number;
  assigned: number;
}

const seeds = Array.from({ length: 25 }, (_, i) => i + 1);

test.each(seeds)('no generation has two leaders and no old one commits, seed %i', async (seed) => {
  const random = seededRandom(seed);
  const log = createMemoryShardLog();
  const clock = createManualClock(1_000_000);
  const open = (): GroupRig =>
    createGroupRig({ log, clock, seed: random.integer(1 << 30), settings: { membersMax: 5 } });
  let rig = open();
  const seen: Seen = {
    generation: 0,
    life: 0,
    leaderOf: new Map(),
    violations: [],
    retired: [],
    committed: -1,
    assigned: 0,
  };
  const members: TestMember[] = ['one', 'two', null, null, null, null].map((groupInstanceId) => ({
    ...out,
    groupInstanceId,
  }));

  for (let step = 0; step < 300; step++) {
    const member = members[random.integer(members.length)]!;
    const roll = random.integer(100);
    if (roll < 20) await rig.pass(random.integer(8_000));
    else if (roll < 22) {
      await rig.runtime.close();
      await rig.settle();
      rig = open();
      seen.life++;
      seen.generation = Math.max(
        0,
        ...[...seen.leaderOf].filter(([, { isAssigned }]) => isAssigned).map(([generation]) => generation),
      );
    } else if (roll < 30) await commitOld(rig, seen, random);
    else act(rig, member, seen, random);
    if (random.integer(3) === 0) await rig.settle();
  }

  await comeRight(rig, members, seen, random);
  expect(await rig.committed()).toBe(seen.committed);
  expect(seen.assigned).toBeGreaterThan(3);
  expect(seen.violations).toEqual([]);
});

const out = { memberId: '', generationId: -1, leader: false, others: [], phase: 'out' } as const;

function reset(member: TestMember, seen: Seen): void {
  const { memberId, generationId, groupInstanceId } = member;
  if (memberId !== '' && generationId > 0) seen.retired.push({ memberId, generationId, groupInstanceId });
  Object.assign(member, out);
}

/** Begins something; its answer is taken in when it comes. */
function act(rig: GroupRig, member: TestMember, seen: Seen, random: Random): void {
  const roll = random.integer(100);
  if (member.phase === 'waiting') {
    if (roll < 5) reset(member, seen); // crashed with a request under way
  } else if (member.phase === 'out') join(rig, member, seen);
  else if (roll < 6) reset(member, seen);
  else if (roll < 12) leave(rig, member, seen);
  else if (member.phase === 'joined') sync(rig, member, seen);
  else if (roll < 50) heartbeat(rig, member, seen);
  else if (roll < 90) commit(rig, member, seen, random);
  else join(rig, member, seen);
}

/** Whether the answer is still for what the member is now. */
function waitFor(member: TestMember): () => boolean {
  member.phase = 'waiting';
  const { memberId } = member;
  let current = true;
  return () => current && (current = member.phase === 'waiting' && member.memberId === memberId);
}

function join(rig: GroupRig, member: TestMember, seen: Seen): void {
  const { memberId, groupInstanceId } = member;
  const isCurrent = waitFor(member);
  rig
    .join({
      memberId,
      groupInstanceId,
      requireKnownMemberId: true,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 15_000,
    })
    .then(
      (reply) => {
        if (reply.error === 'NONE') seeGeneration(seen, reply);
        if (!isCurrent()) return;
        if (reply.error === 'MEMBER_ID_REQUIRED') Object.assign(member, { ...out, memberId: reply.memberId });
        else if (reply.error === 'NOT_COORDINATOR') member.phase = 'out';
        else if (reply.error !== 'NONE') reset(member, seen);
        else {
          Object.assign(member, {
            memberId: reply.memberId,
            generationId: reply.generationId,
            leader: reply.members.length > 0 && !reply.skipAssignment,
            others: reply.members.map((other) => other.memberId),
            phase: 'joined',
          });
        }
      },
      () => isCurrent() && (member.phase = 'out'),
    );
}

function seeGeneration(seen: Seen, { generationId, memberId, members, skipAssignment }: JoinReply): void {
  seen.generation = Math.max(seen.generation, generationId);
  if (members.length === 0 || skipAssignment) return;
  const before = seen.leaderOf.get(generationId);
  if (before?.leader === memberId) return;
  if (before !== undefined && (before.life === seen.life || before.isAssigned)) {
    seen.violations.push(`generation ${generationId} is led by ${before.leader} and by ${memberId}`);
  }
  seen.leaderOf.set(generationId, { leader: memberId, life: seen.life, isAssigned: false });
}

function sync(rig: GroupRig, member: TestMember, seen: Seen): void {
  const { memberId, generationId, groupInstanceId, leader, others } = member;
  const isCurrent = waitFor(member);
  const assignments = leader
    ? others.map((other) => ({ memberId: other, assignment: bytes(`${generationId} by ${memberId}`) }))
    : [];
  rig.sync({ memberId, generationId, groupInstanceId, assignments }).then(
    ({ error, assignment }) => {
      const generation = seen.leaderOf.get(generationId);
      if (error === 'NONE' && generation !== undefined) generation.isAssigned = true;
      if (error === 'NONE' && assignment.length > 0) {
        seen.assigned++;
        const by = text(assignment);
        if (by !== `${generationId} by ${generation?.leader}`)
          seen.violations.push(`generation ${generationId} was assigned '${by}'`);
      }
      if (!isCurrent()) return;
      if (error === 'NONE') member.phase = 'stable';
      else if (error === 'REBALANCE_IN_PROGRESS' || error === 'NOT_COORDINATOR') member.phase = 'out';
      else reset(member, seen);
    },
    () => isCurrent() && (member.phase = 'out'),
  );
}

function heartbeat(rig: GroupRig, member: TestMember, seen: Seen): void {
  const isCurrent = waitFor(member);
  rig.heartbeat(member).then(
    (error) => {
      if (!isCurrent()) return;
      if (error === 'NONE') member.phase = 'stable';
      else if (error === 'REBALANCE_IN_PROGRESS') member.phase = 'out';
      else reset(member, seen);
    },
    () => isCurrent() && (member.phase = 'out'),
  );
}

function commit(rig: GroupRig, member: TestMember, seen: Seen, random: Random): void {
  const newest = seen.generation;
  const offset = random.integer(1_000_000);
  const { memberId, generationId, groupInstanceId } = member;
  const isCurrent = waitFor(member);
  rig.commit(offset, { memberId, generationId, groupInstanceId }).then(
    (error) => {
      if (error === 'NONE') {
        if (generationId < newest)
          seen.violations.push(`generation ${generationId} committed when ${newest} had begun`);
        seen.committed = offset;
      }
      if (!isCurrent()) return;
      if (error === 'NONE') member.phase = 'stable';
      else if (error === 'REBALANCE_IN_PROGRESS') member.phase = 'out';
      else reset(member, seen);
    },
    () => isCurrent() && (member.phase = 'out'),
  );
}

function leave(rig: GroupRig, member: TestMember, seen: Seen): void {
  const { memberId } = member;
  reset(member, seen);
  rig.leave(memberId).catch(() => {});
}

/** One that has lost its place tries to commit all the same. */
async function commitOld(rig: GroupRig, seen: Seen, random: Random): Promise<void> {
  const old = seen.retired[random.integer(Math.max(seen.retired.length, 1))];
  if (old === undefined || old.generationId >= seen.generation) return;
  expect(await rig.commit(-7, old)).not.toBe('NONE');
}

/** Chance ends: whoever is there follows the protocol, and all must come to one generation that covers them. */
async function comeRight(rig: GroupRig, members: readonly TestMember[], seen: Seen, random: Random): Promise<void> {
  const rest = members.slice(0, 4);
  for (const member of members.slice(4)) reset(member, seen);
  const isSettled = () =>
    rest.every(({ phase, generationId }) => phase === 'stable' && generationId === rest[0]!.generationId);
  for (let round = 0; round < 400 && !(round > 60 && isSettled()); round++) {
    for (const member of rest) {
      if (member.phase === 'out') join(rig, member, seen);
      else if (member.phase === 'joined') sync(rig, member, seen);
      else if (member.phase === 'stable' && random.integer(2) === 0) heartbeat(rig, member, seen);
    }
    await rig.pass(500);
  }
  expect(rest.map(({ phase }) => phase)).toEqual(['stable', 'stable', 'stable', 'stable']);
  expect(new Set(rest.map(({ generationId }) => generationId)).size).toBe(1);
  expect(await rig.state()).toBe('Stable');
}
