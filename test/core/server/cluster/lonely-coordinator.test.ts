// A coordinator or a leader that the other copies don't reach any more: clients go where it is replaced.
import { expect, test } from 'vitest';
import { apis } from '../../../../core/protocol/api-table.ts';
import { errors } from '../../../../core/protocol/error-code.ts';
import { batchOf } from '../rig.ts';
import { startCluster, type TestCluster } from './three-nodes.ts';

const patient = { timeout: 15_000, interval: 30 };

/** `orders`, which all have, with its leader; and the partition of `notes` that this one leads and nobody else has. */
async function ordersAndNotes(cluster: TestCluster): Promise<{ leader: number; partition: number }> {
  const admin = cluster.client().admin();
  await admin.createTopics([
    { name: 'orders', partitions: 1, replicationFactor: 3 },
    { name: 'notes', partitions: 3, replicationFactor: 1 },
  ]);
  const places = await admin.listPlaces();
  const { leader } = places.find(({ topic }) => topic === 'orders')!;
  return places.find((place) => place.topic === 'notes' && place.leader === leader)!;
}

test('sends who asks it away in time, to look for the one that replaced it', async () => {
  await using cluster = await startCluster({ settings: { 'offsets.commit.timeout.ms': 300 } });
  const client = cluster.client();
  const admin = client.admin();
  await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
  const place = { topic: 'orders', partition: 0 };
  await client.offsets('readers').commit([{ ...place, offset: 1 }]);
  const find = apis.findCoordinator.request.create({ keyType: 0, coordinatorKeys: ['readers'] });
  const found = async () => (await cluster.nodes.get(1)!.call('findCoordinator', 4, find)).coordinators[0]!.nodeId;
  await expect.poll(found, patient).toBeGreaterThan(0);
  const coordinator = await found();
  for (const id of cluster.ids) if (id !== coordinator) await cluster.kill(id);
  const alone = cluster.nodes.get(coordinator)!;
  const commit = apis.offsetCommit.request.create({
    groupId: 'readers',
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 2 }] }],
  });
  const notAvailable = errors.COORDINATOR_NOT_AVAILABLE.code;
  const answer = await alone.call('offsetCommit', 8, commit);
  expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(notAvailable);

  // What comes behind it can't be told anything either: it may have seen what isn't committed.
  const groups = await alone.call('listGroups', 4, apis.listGroups.request.create({}));
  expect(groups.errorCode).toBe(notAvailable);
  const fetch = apis.offsetFetch.request.create({ groups: [{ groupId: 'readers', topics: null }] });
  expect((await alone.call('offsetFetch', 8, fetch)).groups[0]!.errorCode).toBe(notAvailable);
  const beat = apis.heartbeat.request.create({ groupId: 'readers', generationId: 1, memberId: 'one' });
  expect((await alone.call('heartbeat', 4, beat)).errorCode).toBe(notAvailable);
}, 60_000);

test('ends the connections of who asks for it or waits for records, once a session is over; what it has is read all the same', async () => {
  await using cluster = await startCluster();
  const admin = cluster.client().admin();
  await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
  await using producer = cluster.client().producer();
  await producer.send({ topic: 'orders', partition: 0, key: null, value: Buffer.from('one') });
  const leader = (await admin.listPlaces())[0]!.leader;
  const alone = cluster.nodes.get(leader)!;
  const find = (key: string) =>
    alone.call('findCoordinator', 4, apis.findCoordinator.request.create({ keyType: 0, coordinatorKeys: [key] }));
  const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
  const nodeOf = async (key: string) => (await find(key)).coordinators[0]!.nodeId;
  await expect.poll(async () => (await Promise.all(keys.map(nodeOf))).includes(leader), patient).toBe(true);
  const nodes = await Promise.all(keys.map(nodeOf));
  const fetch = (fetchOffset: number) => {
    const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000 }];
    const request = { maxWaitMs: 50, minBytes: 1, topics: [{ topic: 'orders', partitions }] };
    return alone.call('fetch', 12, apis.fetch.request.create(request));
  };
  for (const id of cluster.ids) if (id !== leader) await cluster.kill(id);

  const cutOff = /cut off from the other nodes/;
  await expect.poll(() => fetch(1).then(String, String), patient).toMatch(cutOff);
  const { errorCode, records } = (await fetch(0)).responses[0]!.partitions[0]!;
  expect([errorCode, records?.length]).toEqual([0, 1]);
  for (const [i, key] of keys.entries()) {
    // A controller that it had in itself may have answered it last.
    if (nodes[i] === leader) await expect.poll(() => nodeOf(key).then(String, String), patient).toMatch(cutOff);
    else expect(await nodeOf(key)).toBe(nodes[i]);
  }
  const all = await alone.call(
    'findCoordinator',
    4,
    apis.findCoordinator.request.create({ keyType: 0, coordinatorKeys: keys }),
  );
  expect(all.coordinators.map(({ nodeId }) => nodeId)).toEqual(nodes.map((id) => (id === leader ? -1 : id)));
}, 60_000);

test('says nothing of offsets once a session is over: who replaced it may have later ones', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  await client.admin().createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
  await client.offsets('readers').commit([{ topic: 'orders', partition: 0, offset: 1 }]);
  const find = apis.findCoordinator.request.create({ keyType: 0, coordinatorKeys: ['readers'] });
  const coordinator = (await cluster.nodes.get(1)!.call('findCoordinator', 4, find)).coordinators[0]!.nodeId;
  const partitions = [{ name: 'orders', partitionIndexes: [0] }];
  const request = apis.offsetFetch.request.create({ groups: [{ groupId: 'readers', topics: partitions }] });
  const told = async () => {
    const [group] = (await cluster.nodes.get(coordinator)!.call('offsetFetch', 8, request)).groups;
    return group!.errorCode === 0 ? group!.topics[0]!.partitions[0]!.committedOffset : group!.errorCode;
  };
  expect(await told()).toBe(1);
  cluster.cutOff(coordinator);
  const other = cluster.nodes.get(cluster.ids.find((id) => id !== coordinator)!)!;
  const moved = async () => (await other.call('findCoordinator', 4, find)).coordinators[0]!.nodeId;
  await expect.poll(moved, patient).not.toBe(coordinator);
  const commit = apis.offsetCommit.request.create({
    groupId: 'readers',
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 40 }] }],
  });
  const replaced = cluster.nodes.get(await moved())!;
  const outcome = async () => (await replaced.call('offsetCommit', 8, commit)).topics[0]!.partitions[0]!.errorCode;
  await expect.poll(outcome, patient).toBe(0);
  expect(await told()).toBe(errors.NOT_COORDINATOR.code);
}, 60_000);

test('holds neither a producer nor a member of a group that knows only the one that is cut off', async () => {
  await using cluster = await startCluster();
  const admin = cluster.client().admin();
  await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
  const { leader } = (await admin.listPlaces())[0]!;
  const groups = ['a', 'b', 'c', 'd', 'e', 'f'];
  const find = apis.findCoordinator.request.create({ keyType: 0, coordinatorKeys: groups });
  const found = async () => (await cluster.nodes.get(leader)!.call('findCoordinator', 4, find)).coordinators;
  const ofLeader = async () => (await found()).find(({ nodeId }) => nodeId === leader)?.key;
  await expect.poll(ofLeader, patient).toBeDefined();
  const groupId = (await ofLeader())!;
  await using producer = cluster.client().producer();
  const write = (value: string) =>
    producer.send({ topic: 'orders', partition: 0, key: null, value: Buffer.from(value) });
  await write('one');
  const consumer = cluster.client().consumer({ groupId, from: 'earliest', autoCommit: false });
  consumer.subscribe(['orders']);
  const values: string[] = [];
  const take = async () => {
    for (const { value } of await consumer.poll(100)) values.push(String(value));
    return values.length;
  };
  await expect.poll(take, patient).toBe(1);
  cluster.cutOff(leader);
  await write('two');
  await expect.poll(take, patient).toBe(2);
  await consumer.commit();
  await consumer.close();
}, 60_000);

test('answers a producer that writes to what only it has, too', async () => {
  await using cluster = await startCluster();
  const { leader, partition: own } = await ordersAndNotes(cluster);
  const alone = cluster.nodes.get(leader)!;
  const write = (names: readonly (readonly [string, number])[]) =>
    alone.call(
      'produce',
      9,
      apis.produce.request.create({
        ...{ acks: -1, timeoutMs: 10_000 },
        topicData: names.map(([name, index]) => ({ name, partitionData: [{ index, records: [batchOf(['one'])] }] })),
      }),
    );
  for (const id of cluster.ids) if (id !== leader) await cluster.kill(id);
  // The first is written before it is known, the second is not.
  for (const attempt of [0, 1]) {
    const { responses } = await write([
      ['orders', 0],
      ['notes', own],
    ]);
    const found = responses.map(({ partitionResponses: [one] }) => [one!.errorCode, one!.baseOffset]);
    expect(found).toEqual([
      [errors.NOT_LEADER_OR_FOLLOWER.code, -1],
      [0, attempt],
    ]);
    await expect(write([['orders', 0]])).rejects.toThrow(/cut off from the other nodes/);
  }
}, 60_000);

test('sends nobody to a copy in the rack of the reader any more', async () => {
  await using cluster = await startCluster({ racks: { 1: 'a', 2: 'b', 3: 'c' } });
  const admin = cluster.client().admin();
  await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
  await using producer = cluster.client().producer();
  await producer.send({ topic: 'orders', partition: 0, key: null, value: Buffer.from('one') });
  const { leader } = (await admin.listPlaces())[0]!;
  const other = cluster.ids.find((id) => id !== leader)!;
  const fetch = async (fetchOffset: number) => {
    const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000 }];
    const topics = [{ topic: 'orders', partitions }];
    const request = { maxWaitMs: 50, minBytes: 1, rackId: ['a', 'b', 'c'][other - 1]!, topics };
    const { responses } = await cluster.nodes.get(leader)!.call('fetch', 12, apis.fetch.request.create(request));
    return responses[0]!.partitions[0]!;
  };
  await expect.poll(async () => (await fetch(1)).preferredReadReplica, patient).toBe(other);
  cluster.cutOff(leader);
  await expect.poll(() => fetch(1).then(String, String), patient).toMatch(/cut off from the other nodes/);
  expect((await fetch(0)).records?.length).toBe(1);
}, 60_000);

test('does not keep a client that asked it first of all', async () => {
  await using cluster = await startCluster();
  const admin = cluster.client().admin();
  await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
  const { leader } = (await admin.listPlaces())[0]!;
  await using producer = cluster.client('writer', leader).producer();
  const write = (value: string) =>
    producer.send({ topic: 'orders', partition: 0, key: null, value: Buffer.from(value) });
  await write('one');
  const consumer = cluster.client('reader', leader).consumer({ from: 'earliest' });
  await consumer.assign([{ topic: 'orders', partition: 0, offset: 0 }]);
  const values: string[] = [];
  const take = async () => {
    for (const { value } of await consumer.poll(100)) values.push(String(value));
    return values.length;
  };
  await expect.poll(take, patient).toBe(1);
  cluster.cutOff(leader);
  const written = write('two').then(() => true);
  await expect.poll(take, patient).toBe(2);
  expect(await written).toBe(true);
  await consumer.close();
}, 60_000);

test('does not keep a consumer of what is replaced by records of what only it has', async () => {
  await using cluster = await startCluster();
  const { leader, partition } = await ordersAndNotes(cluster);
  await using producer = cluster.client().producer();
  const write = (value: string) =>
    producer.send({ topic: 'orders', partition: 0, key: null, value: Buffer.from(value) });
  await write('one');
  const consumer = cluster.client().consumer({ from: 'earliest' });
  await consumer.assign([
    { topic: 'orders', partition: 0, offset: 0 },
    { topic: 'notes', partition, offset: 0 },
  ]);
  await using notes = cluster.client().producer();
  const values: string[] = [];
  let isOver = false;
  const steadily = async () => {
    while (!isOver) await notes.send({ topic: 'notes', partition, key: null, value: Buffer.from('note') });
  };
  const take = async () => {
    for (const { topic, value } of await consumer.poll(100)) if (topic === 'orders') values.push(String(value));
    return values.length;
  };
  await expect.poll(take, patient).toBe(1);
  const noting = steadily();
  cluster.cutOff(leader);
  await write('two');
  await expect
    .poll(take, patient)
    .toBe(2)
    .finally(() => {
      isOver = true;
    });
  await noting;
  await consumer.close();
}, 60_000);
