import { expect, test } from 'vitest';
import {
  fenceNode,
  hearNode,
  type Registration,
  registerNode,
  unregisterNode,
} from '../../../core/controller/members.ts';
import { createSessions } from '../../../core/controller/sessions.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { applyAll, clusterOf, decided, hearing, node, placed, topicOf } from './cluster.ts';

const { epoch: _, fenced: __, inControlledShutdown: ___, ...one } = node(1);
const registration = (change: Partial<Registration['node']> = {}): Registration => ({
  clusterId: null,
  node: { ...one, ...change },
});
const beat = { node: 1, epoch: 1, metadataOffset: 100, wantFence: false, wantShutDown: false };
const places = (image: ReturnType<typeof clusterOf>) => image.topics.get('orders')!.places!;

test('a node is fenced until it has read the metadata up to its registration', () => {
  const image = clusterOf(0);
  expect(decided(image, registerNode(image, registration(), { hearing: hearing(), nextOffset: 7 }))).toEqual({
    epoch: 7,
  });
  const first = { ...beat, epoch: 7, metadataOffset: 6 };
  expect(decided(image, hearNode(image, first, hearing()))).toEqual({
    ...{ isCaughtUp: false, isFenced: true, shouldShutDown: false },
  });
  expect(decided(image, hearNode(image, { ...first, metadataOffset: 7, wantFence: true }, hearing()))).toMatchObject({
    ...{ isCaughtUp: true, isFenced: true },
  });
  expect(decided(image, hearNode(image, { ...first, metadataOffset: 7 }, hearing()))).toEqual({
    ...{ isCaughtUp: true, isFenced: false, shouldShutDown: false },
  });
  expect(image.nodes.get(1)).toEqual(node(1, { epoch: 7 }));
});

test('a second node of the same id is refused while the first is alive, and replaces it afterwards', () => {
  const image = clusterOf(2, [topicOf('orders', [placed([1, 2])])]);
  const other = registration({ incarnation: 'another' });
  const register = (hasSession: boolean) =>
    decided(image, registerNode(image, other, { hearing: hearing({ hasSession: () => hasSession }), nextOffset: 50 }));
  expect(register(true)).toMatchObject({ error: 'DUPLICATE_BROKER_REGISTRATION' });
  expect(register(false)).toEqual({ epoch: 50 });
  expect(image.nodes.get(1)).toMatchObject({ incarnation: 'another', epoch: 50, fenced: true });
  expect(places(image)[0]).toMatchObject({ inSync: [2], leader: 2, leaderEpoch: 1 });
  expect(decided(image, hearNode(image, beat, hearing()))).toMatchObject({ error: 'STALE_BROKER_EPOCH' });
  expect(decided(image, hearNode(image, { ...beat, node: 9 }, hearing()))).toMatchObject({
    error: 'BROKER_ID_NOT_REGISTERED',
  });
});

test('the same life registers again as what it was', () => {
  const image = clusterOf(1);
  const again = registration({ rack: 'b' });
  expect(decided(image, registerNode(image, again, { hearing: hearing(), nextOffset: 50 }))).toEqual({ epoch: 1 });
  expect(image.nodes.get(1)).toEqual(node(1, { rack: 'b' }));
  const astray = registerNode(image, { ...again, clusterId: 'x' }, { hearing: hearing(), nextOffset: 50 });
  expect(astray).toMatchObject({ error: 'INCONSISTENT_CLUSTER_ID' });
});

test('leaders move off a fenced node; the last one in sync keeps its place and leads again when it is back', () => {
  const image = clusterOf(3, [
    topicOf('orders', [placed([1, 2, 3]), placed([1, 2, 3], { inSync: [1] }), placed([2, 3, 1])]),
  ]);
  applyAll(image, fenceNode(image, 1));
  expect(image.nodes.get(1)!.fenced).toBe(true);
  expect(places(image)).toEqual([
    placed([1, 2, 3], { inSync: [2, 3], leader: 2, leaderEpoch: 1, partitionEpoch: 1 }),
    placed([1, 2, 3], { inSync: [1], leader: -1, leaderEpoch: 1, partitionEpoch: 1 }),
    placed([2, 3, 1], { inSync: [2, 3], partitionEpoch: 1 }),
  ]);
  expect(fenceNode(image, 1)).toEqual([]);
  decided(image, hearNode(image, beat, hearing()));
  expect(places(image)[1]).toEqual(placed([1, 2, 3], { inSync: [1], leaderEpoch: 2, partitionEpoch: 2 }));
  expect(places(image)[0]!.leader).toBe(2);
});

test('a replica that is not in sync leads only where the topic, or all nodes, allow it', () => {
  const lost = placed([1, 2], { inSync: [1] });
  const setting = { 'unclean.leader.election.enable': 'true' };
  const image = clusterOf(2, [topicOf('orders', [lost], setting), topicOf('safe', [lost])]);
  applyAll(image, fenceNode(image, 1));
  expect(places(image)[0]).toMatchObject({ leader: 2, inSync: [2] });
  expect(image.topics.get('safe')!.places![0]).toMatchObject({ leader: -1, inSync: [1] });
  const all = clusterOf(2, [topicOf('orders', [lost]), { kind: 'nodeConfigs', node: '', configs: setting }]);
  applyAll(all, fenceNode(all, 1));
  expect(places(all)[0]).toMatchObject({ leader: 2, inSync: [2] });
});

test('a node that wants to shut down may do so when its leaders have moved and the others know', () => {
  const image = clusterOf(2, [topicOf('orders', [placed([1, 2])])]);
  const wanting = { ...beat, wantShutDown: true };
  const waits = { isCaughtUp: true, isFenced: false, shouldShutDown: false };
  expect(decided(image, hearNode(image, wanting, hearing()))).toEqual(waits);
  expect(image.nodes.get(1)).toMatchObject({ fenced: false, inControlledShutdown: true });
  expect(places(image)[0]).toMatchObject({ leader: 2, inSync: [2] });
  const behind = hearing({ lowestOffset: 41, shutdownOffset: () => 42 });
  expect(decided(image, hearNode(image, wanting, behind))).toEqual(waits);
  expect(decided(image, hearNode(image, wanting, hearing({ lowestOffset: 42, shutdownOffset: () => 42 })))).toEqual({
    ...{ isCaughtUp: true, isFenced: true, shouldShutDown: true },
  });
  expect(image.nodes.get(1)).toMatchObject({ fenced: true });
});

test('a node that leads nothing, or is fenced, may shut down at once', () => {
  const image = clusterOf(2);
  expect(decided(image, hearNode(image, { ...beat, wantShutDown: true }, hearing()))).toMatchObject({
    shouldShutDown: true,
  });
  expect(decided(image, hearNode(image, { ...beat, wantShutDown: true }, hearing()))).toMatchObject({
    shouldShutDown: true,
  });
});

test('a node goes only where somebody else in sync was heard of lately, or where it is the last', () => {
  const image = clusterOf(3, [topicOf('orders', [placed([1, 2, 3])]), topicOf('last', [placed([1])])]);
  const wanting = { ...beat, wantShutDown: true };
  const hears = (...nodes: number[]) => hearing({ isHeard: (id) => nodes.includes(id) });
  const stays = { isCaughtUp: true, isFenced: false, shouldShutDown: false };
  // Node 2 and 3 may have died with what they had: their sessions will tell.
  expect(decided(image, hearNode(image, wanting, hears(1)))).toEqual(stays);
  expect(places(image)[0]).toMatchObject({ leader: 1, inSync: [1, 2, 3] });
  decided(image, hearNode(image, wanting, hears(1, 3)));
  expect(image.nodes.get(1)).toMatchObject({ inControlledShutdown: true });
  expect(places(image)[0]).toMatchObject({ inSync: [2, 3] });
});

test('a node that is unregistered is gone, and its replicas stay in the lists', () => {
  const image = clusterOf(2, [topicOf('orders', [placed([1, 2])])]);
  expect(decided(image, unregisterNode(image, 1))).toBeNull();
  expect([...image.nodes.keys()]).toEqual([2]);
  expect(places(image)[0]).toMatchObject({ replicas: [1, 2], leader: 2, inSync: [2] });
  expect(unregisterNode(image, 1)).toMatchObject({ error: 'BROKER_ID_NOT_REGISTERED' });
});

test('a session ends when nothing was heard for its time; who takes over gives everyone a whole one', () => {
  const clock = createManualClock();
  const image = clusterOf(3, [{ kind: 'node', node: node(3, { fenced: true }) }]);
  const sessions = createSessions({ image, monotonicMs: clock.monotonicMs, timeoutMs: 1_000 });
  sessions.begin();
  expect(sessions.ended()).toEqual([]);
  clock.advance(600);
  sessions.heard(2, 30);
  expect(sessions.nextEndMs).toBe(1_000);
  clock.advance(400);
  expect(sessions.ended()).toEqual([1]);
  expect([1, 2, 3].map(sessions.hasSession)).toEqual([false, true, false]);
  expect([1, 2, 3].map(sessions.isHeard)).toEqual([false, true, false]);
  clock.advance(200);
  expect(sessions.isHeard(2)).toBe(false);
  expect(sessions.hasSession(2)).toBe(true);
  sessions.heard(1, 20);
  expect(sessions.lowestOffset).toBe(20);
  sessions.shutdownAt(2, 31);
  expect(sessions.shutdownOffset(2)).toBe(31);
  sessions.begin();
  expect(sessions.shutdownOffset(2)).toBe(-1);
});
