import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Client, GroupMember, GroupMemberOptions } from '../../../core/client/index.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { apis } from '../../../core/protocol/api-table.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { answeringNetwork } from './answering-network.ts';
import { bytes, startNode, type TestNode, text } from './real-node.ts';

let node: TestNode;
const members: GroupMember[] = [];

beforeEach(async () => {
  node = await startNode();
});

afterEach(async () => {
  await Promise.all(members.splice(0).map((member) => member.leave()));
  await node[Symbol.asyncDispose]();
});

/** A member of a group that shares the letters of a word, and writes down what happens to it. */
function memberOf(name: string, options: Partial<GroupMemberOptions> = {}, client: Client = node.client(name)) {
  const events: string[] = [];
  let letters = '';
  const word = 'abcdef';
  const member = client.groupMember({
    groupId: 'g',
    sessionTimeoutMs: 2_000,
    rebalanceTimeoutMs: 5_000,
    heartbeatIntervalMs: 100,
    protocols: [{ name: 'letters', metadata: () => bytes(name) }],
    async assign(list) {
      events.push(`assign ${list.map(({ metadata }) => text(metadata)).sort()}`);
      const order = [...list].sort((a, b) => (text(a.metadata)! < text(b.metadata)! ? -1 : 1));
      return order.map(({ memberId }, i) => ({
        memberId,
        assignment: bytes([...word].filter((_, at) => at % order.length === i).join('')),
      }));
    },
    async onRevoke() {
      events.push(`revoke ${letters}`);
      letters = '';
    },
    async onAssign(assignment) {
      letters = text(assignment)!;
      events.push(`have ${letters}`);
    },
    async onLost() {
      events.push(`lost ${letters}`);
      letters = '';
    },
    onFailed: (error) => events.push(`failed ${(error as Fault).code}`),
    ...options,
  });
  members.push(member);
  return {
    member,
    events,
    get letters() {
      return letters;
    },
  };
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

/** The node, but the answers to syncGroup are lost while `losing` says so. */
const losingSyncs = (losing: () => boolean) =>
  answeringNetwork(node.network, async (api, _request, pass) => {
    const answer = await pass();
    if (api === 'syncGroup' && losing())
      throw new Fault('CONNECTION_LOST', { to: 'the node', reason: 'an answer was lost' });
    return answer;
  });

test('a member whose assignment was lost on the way says that others may have what it had', async () => {
  let losing = false;
  const events: string[] = [];
  const client = node.client(
    'a',
    losingSyncs(() => losing),
  );
  const a = memberOf(
    'a',
    {
      async onJoinFailed() {
        events.push(`gave up ${a.letters}`);
        losing = false;
      },
    },
    client,
  );
  a.member.start();
  await vi.waitFor(() => expect(a.letters).toBe('abcdef'), { timeout: 10_000 });
  expect(events).toEqual([]);
  losing = true;
  const b = memberOf('b');
  b.member.start();
  await vi.waitFor(() => expect(a.letters + b.letters).toBe('acebdf'), { timeout: 10_000 });
  expect(events).toHaveLength(1);
});

describe('a group', () => {
  test('shares out among those that join, and again when one leaves', async () => {
    const a = memberOf('a');
    a.member.start();
    await eventually(() => expect(a.letters).toBe('abcdef'));
    const b = memberOf('b');
    b.member.start();
    await eventually(() => expect([a.letters, b.letters]).toEqual(['ace', 'bdf']));
    expect(a.events).toContain('revoke abcdef');
    expect(b.member.generation!.generationId).toBe(a.member.generation!.generationId);
    await a.member.leave();
    expect(a.member.generation).toBeNull();
    await eventually(() => expect(b.letters).toBe('abcdef'));
    expect(b.events.filter((event) => event.startsWith('assign'))).toEqual(['assign b']);
  });

  test('shares out again when a member asks for it', async () => {
    const a = memberOf('a');
    a.member.start();
    await eventually(() => expect(a.letters).toBe('abcdef'));
    a.member.rejoin();
    await eventually(() =>
      expect(a.events).toEqual(['assign a', 'have abcdef', 'revoke abcdef', 'assign a', 'have abcdef']),
    );
  });

  test('survives a slow member within the rebalance timeout: it is waited for', async () => {
    let release = () => {};
    const slow = new Promise<void>((resolve) => (release = resolve));
    const a = memberOf('a', { onRevoke: () => slow });
    a.member.start();
    await eventually(() => expect(a.letters).toBe('abcdef'));
    const b = memberOf('b');
    b.member.start();
    await node.clock.sleep(3_000); // longer than the session, shorter than the rebalance timeout
    expect(b.letters).toBe('');
    release();
    await eventually(() => expect([a.letters, b.letters]).toEqual(['ace', 'bdf']));
    expect(a.events.some((event) => event.startsWith('lost'))).toBe(false);
  });

  test('goes on without a member that is slower than that, which joins again afterwards', async () => {
    let release = () => {};
    const slow = new Promise<void>((resolve) => (release = resolve));
    const a = memberOf('a', { rebalanceTimeoutMs: 1_000, onRevoke: () => slow });
    a.member.start();
    await eventually(() => expect(a.letters).toBe('abcdef'));
    const b = memberOf('b', { rebalanceTimeoutMs: 1_000 });
    b.member.start();
    await eventually(() => expect(b.letters).toBe('abcdef'));
    release();
    await eventually(() => expect([a.letters, b.letters]).toEqual(['ace', 'bdf']));
  });

  test('a loss that comes while a rebalance waits for a callback is told as one', async () => {
    let release = () => {};
    const slow = new Promise<void>((resolve) => (release = resolve));
    const events: string[] = [];
    const a = memberOf('a', {
      rebalanceTimeoutMs: 1_000,
      async onAssign(assignment) {
        events.push(`have ${text(assignment)}`);
        await slow;
      },
      onRevoke: async () => void events.push('revoke'),
      onLost: async () => void events.push('lost'),
    });
    a.member.start();
    await eventually(() => expect(events).toEqual(['have abcdef']));
    const b = memberOf('b', { rebalanceTimeoutMs: 1_000 });
    b.member.start();
    await eventually(() => expect(b.letters).toBe('abcdef'));
    await eventually(() => expect(a.member.generation).toBeNull());
    release();
    await eventually(() => expect(events).toEqual(['have abcdef', 'lost', 'have ace']));
  });

  test.each(['joinGroup', 'syncGroup'] as const)(
    'a member that %s does not know any more is told of a loss',
    async (at) => {
      let isForgotten = false;
      const network = answeringNetwork(node.network, async (api, _request, pass) => {
        if (api !== at || !isForgotten) return pass();
        isForgotten = false;
        return apis[at].response.create({ errorCode: errors.UNKNOWN_MEMBER_ID.code });
      });
      const events: string[] = [];
      const a = memberOf(
        'a',
        {
          sessionTimeoutMs: 500,
          onAssign: async (assignment) => void events.push(`have ${text(assignment)}`),
          onRevoke: async () => {}, // keeps what it has
          onLost: async () => void events.push('lost'),
        },
        node.client('a', network),
      );
      a.member.start();
      await eventually(() => expect(events).toEqual(['have abcdef']));
      isForgotten = true;
      a.member.rejoin();
      await eventually(() => expect(events.slice(0, 3)).toEqual(['have abcdef', 'lost', 'have abcdef']));
    },
  );

  test('a commit that came too late is a loss, not the end', async () => {
    let isLate = true;
    const a = memberOf('a', {
      async onRevoke() {
        if (isLate) throw new Fault('REBALANCED', { group: 'g', error: 'ILLEGAL_GENERATION' });
      },
    });
    a.member.start();
    await eventually(() => expect(a.letters).toBe('abcdef'));
    a.member.rejoin();
    await eventually(() =>
      expect(a.events).toEqual(['assign a', 'have abcdef', 'lost abcdef', 'assign a', 'have abcdef']),
    );
    isLate = false;
  });

  test.each(['onAssign', 'assign'] as const)('a failing %s ends the membership, and is told', async (callback) => {
    const a = memberOf('a', {
      [callback]: async () => {
        throw new Error('a bug');
      },
    });
    a.member.start();
    await eventually(() => expect(a.events.at(-1)).toBe('failed undefined'));
    expect(a.member.generation).toBeNull();
    const b = memberOf('b');
    b.member.start();
    await eventually(() => expect(b.letters).toBe('abcdef'));
  });

  test('members without a protocol in common are refused', async () => {
    const a = memberOf('a');
    a.member.start();
    await eventually(() => expect(a.letters).toBe('abcdef'));
    const b = memberOf('b', { protocols: [{ name: 'digits', metadata: () => bytes('b') }] });
    b.member.start();
    await eventually(() => expect(b.events).toEqual(['failed BROKER_ERROR']));
    expect(a.letters).toBe('abcdef');
  });

  test('leaving is done once, and works before the first assignment and without a start', async () => {
    const a = memberOf('a');
    a.member.start();
    await Promise.all([a.member.leave(), a.member.leave()]);
    const b = memberOf('b');
    await b.member.leave();
    b.member.start();
    expect(b.member.generation).toBeNull();
    const c = memberOf('c');
    c.member.start();
    await eventually(() => expect(c.letters).toBe('abcdef'));
  });

  test('leaving waits for no coordinator that is not found', async () => {
    let isGone = false;
    let looked = 0;
    const network = answeringNetwork(node.network, async (api, _request, pass) => {
      if (!isGone) return pass();
      if (api === 'heartbeat') return apis.heartbeat.response.create({ errorCode: errors.NOT_COORDINATOR.code });
      if (api !== 'findCoordinator') return pass();
      looked += 1;
      const errorCode = errors.COORDINATOR_NOT_AVAILABLE.code;
      return apis.findCoordinator.response.create({ errorCode, coordinators: [{ key: 'g', errorCode }] });
    });
    const a = memberOf('a', {}, node.client('a', network));
    a.member.start();
    await eventually(() => expect(a.letters).toBe('abcdef'));
    isGone = true;
    await eventually(() => expect(looked).toBeGreaterThan(0));
    const startedMs = node.clock.monotonicMs();
    await a.member.leave();
    expect(node.clock.monotonicMs() - startedMs).toBeLessThan(30_000);
  });
});
