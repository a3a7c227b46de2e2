import { expect, test } from 'vitest';
import { balanceLeaders, electLeaders } from '../../../core/controller/elections.ts';
import { alterPartitions } from '../../../core/controller/in-sync-commands.ts';
import { hearNode } from '../../../core/controller/members.ts';
import { alterReassignments, listReassignments } from '../../../core/controller/reassignments.ts';
import { applyAll, clusterOf, decided, hearing, node, placed, topicOf } from './cluster.ts';

const refusedOrOk = ({ outcome }: { outcome: { ok: boolean; error?: string } }) => outcome.error ?? 'ok';

test('a preferred election puts leaders back, and says where it could not', () => {
  const image = clusterOf(3, [
    topicOf('orders', [
      placed([1, 2], { leader: 2 }),
      placed([1, 2]),
      placed([3, 2], { leader: 2, inSync: [2] }),
      placed([3, 1], { leader: 1 }),
    ]),
  ]);
  const topics = [
    { topic: 'orders', partitions: [0, 1, 2, 9] },
    { topic: 'none', partitions: [0] },
  ];
  const { records, reply } = electLeaders(image, { election: 'preferred', topics });
  expect(reply.map(({ partitions }) => partitions.map(refusedOrOk))).toEqual([
    ['ok', 'ELECTION_NOT_NEEDED', 'PREFERRED_LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['UNKNOWN_TOPIC_OR_PARTITION'],
  ]);
  applyAll(image, records);
  const led = () => image.topics.get('orders')!.places!.map(({ leader }) => leader);
  expect(led()).toEqual([1, 1, 2, 1]);
  const all = electLeaders(image, { election: 'preferred', topics: null });
  expect(all.reply[0]!.partitions.map(({ partition }) => partition)).toEqual([2, 3]);
});

test('an unclean election is for partitions without a leader, and takes who is up', () => {
  const image = clusterOf(3, [
    topicOf('orders', [placed([1, 2], { leader: -1, inSync: [1] }), placed([2, 3]), placed([1], { leader: -1 })]),
    { kind: 'node', node: node(1, { fenced: true }) },
  ]);
  const { records, reply } = electLeaders(image, {
    election: 'unclean',
    topics: [{ topic: 'orders', partitions: [0, 1, 2] }],
  });
  expect(reply[0]!.partitions.map(refusedOrOk)).toEqual([
    'ok',
    'ELECTION_NOT_NEEDED',
    'ELIGIBLE_LEADERS_NOT_AVAILABLE',
  ]);
  applyAll(image, records);
  expect(image.topics.get('orders')!.places![0]).toMatchObject({ leader: 2, inSync: [2], leaderEpoch: 1 });
});

test('balancing moves leaders to where they are preferred, and nowhere else', () => {
  const lost = placed([2, 1], { leader: -1, inSync: [2] });
  const image = clusterOf(3, [
    topicOf('orders', [placed([1, 3], { leader: 3 }), placed([2, 3], { leader: 3, inSync: [3] }), lost]),
    topicOf('lossy', [lost], { 'unclean.leader.election.enable': 'true' }),
    { kind: 'node', node: node(2, { fenced: true }) },
  ]);
  applyAll(image, balanceLeaders(image));
  expect(image.topics.get('orders')!.places!.map(({ leader }) => leader)).toEqual([1, 3, -1]);
  expect(image.topics.get('lossy')!.places![0]).toMatchObject({ leader: 1, inSync: [1] });
  expect(balanceLeaders(image)).toEqual([]);
});

test('moves of replicas are begun, listed and cancelled', () => {
  const image = clusterOf(4, [topicOf('orders', [placed([1, 2]), placed([2, 3])])]);
  const alter = (partition: number, replicas: number[] | null, allowReplicationFactorChange = true) => {
    const asked = [{ topic: 'orders', partition, replicas }];
    const { records, reply } = alterReassignments(image, asked, { allowReplicationFactorChange });
    applyAll(image, records);
    return reply.map((outcome) => (outcome.ok ? 'ok' : outcome.error))[0];
  };
  expect(alter(0, null)).toBe('NO_REASSIGNMENT_IN_PROGRESS');
  expect(alter(0, [1, 9])).toBe('INVALID_REPLICA_ASSIGNMENT');
  expect(alter(5, [1, 2])).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  expect(alter(0, [1, 2, 3], false)).toBe('INVALID_REPLICATION_FACTOR');
  expect(alter(0, [3, 4], false)).toBe('ok');
  const moving = { replicas: [3, 4, 1, 2], addingReplicas: [3, 4], removingReplicas: [1, 2] };
  expect(listReassignments(image, null)).toMatchObject([{ topic: 'orders', partition: 0, place: moving }]);
  expect(listReassignments(image, [{ topic: 'orders', partitions: [1, 7] }])).toEqual([]);
  expect(alter(0, null)).toBe('ok');
  expect(listReassignments(image, null)).toEqual([]);
  expect(image.topics.get('orders')!.places![0]).toMatchObject({ replicas: [1, 2], leader: 1 });
  const { reply } = alterReassignments(image, [{ topic: 'none', partition: 0, replicas: [1] }]);
  expect(reply).toMatchObject([{ error: 'UNKNOWN_TOPIC_OR_PARTITION' }]);
});

test('a node that can not write leads only what no other in sync can, and is back in sync when a leader says so', () => {
  const image = clusterOf(3, [
    topicOf('orders', [placed([1, 2, 3]), placed([2, 1]), placed([1]), placed([1, 2], { inSync: [1] }), placed([3])]),
  ]);
  const beat = (offlineLogDir: boolean) => {
    const heartbeat = { node: 1, epoch: 1, metadataOffset: 9, wantFence: false, wantShutDown: false, offlineLogDir };
    decided(image, hearNode(image, heartbeat, hearing()));
  };
  const shown = () => image.topics.get('orders')!.places!.map(({ leader, inSync }) => [leader, inSync]);
  beat(true);
  const without = [
    [2, [2, 3]],
    [2, [2]],
    [1, [1]],
    [1, [1]],
    [3, [3]],
  ];
  expect(shown()).toEqual(without);
  const sync = (partition: number, node: number, inSync: readonly number[]) => {
    const { leaderEpoch, partitionEpoch } = image.topics.get('orders')!.places![partition]!;
    const change = { topicId: 'id of orders', partition, leaderEpoch, partitionEpoch };
    const nodes = inSync.map((nodeId) => ({ nodeId, nodeEpoch: nodeId }));
    const asked = alterPartitions(image, { node, nodeEpoch: node, changes: [{ ...change, inSync: nodes }] });
    if (!asked.ok) throw new Error(asked.error);
    applyAll(image, asked.value.records);
    return asked.value.reply.map((one) => (one.ok ? 'ok' : one.error));
  };
  expect(sync(0, 2, [2, 3, 1])).toEqual(['INELIGIBLE_REPLICA']);
  expect(sync(3, 1, [1, 2])).toEqual(['NEW_LEADER_ELECTED']);
  expect(shown()[3]).toEqual([2, [2]]);
  beat(false);
  expect(sync(0, 2, [2, 3, 1])).toEqual(['ok']);
  expect(shown()[0]).toEqual([2, [2, 3, 1]]);
});
