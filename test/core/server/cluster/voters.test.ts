// Controllers that come and go in a cluster that serves meanwhile.
import { expect, test, vi } from 'vitest';
import type { Client } from '../../../../core/client/index.ts';
import { startCluster } from './three-nodes.ts';

const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 50 });
const addressOf = (nodeId: number) => ({ nodeId, host: 'node', port: 9_000 + nodeId });

async function votersOf(client: Client): Promise<number[]> {
  return (await client.admin().describeQuorum()).voters.map(({ nodeId }) => nodeId).sort();
}

/** Something that only the controllers decide, and a record of it. */
async function serves(client: Client, topic: string): Promise<void> {
  const config = { 'min.insync.replicas': '2' };
  await client.admin().createTopics([{ name: topic, partitions: 1, replicationFactor: 3, config }]);
  await using producer = client.producer();
  await producer.send({ topic, key: null, value: Buffer.from(topic) });
}

test('a fourth controller comes, the one in charge goes, one dies: the cluster serves', {
  timeout: 90_000,
}, async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  await serves(client, 'three');
  await cluster.start(4);
  expect(await votersOf(client)).toEqual([1, 2, 3]);
  expect((await admin.describeQuorum()).observers.map(({ nodeId }) => nodeId)).toEqual([4]);
  await admin.addVoter(addressOf(4));
  expect(await votersOf(client)).toEqual([1, 2, 3, 4]);
  await serves(client, 'four');

  const { leader: first } = await admin.describeQuorum();
  await admin.removeVoter(first);
  const left = [1, 2, 3, 4].filter((id) => id !== first);
  await until(async () => expect((await admin.describeQuorum()).leader).not.toBe(first));
  expect(await votersOf(client)).toEqual(left);
  await serves(client, 'one-less');

  // It takes the new one to have a majority of three; the one without a vote doesn't count.
  const dead = left.find((id) => id !== 4)!;
  await cluster.kill(dead);
  await serves(client, 'one-dead');

  // They were started with 1, 2 and 3; the log is believed.
  await cluster.stop(4);
  await cluster.start(4);
  expect(await votersOf(client)).toEqual(left);
  await serves(client, 'a-new-life');
  await cluster.start(dead);
  await until(async () =>
    expect((await admin.describeQuorum()).voters.every(({ endOffset }) => endOffset > 0)).toBe(true),
  );
});

test('a change that makes no sense is refused in words', { timeout: 60_000 }, async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  const add = (nodeId: number, host = 'node') => admin.addVoter({ nodeId, host, port: 9_000 + nodeId });
  await expect(add(2)).rejects.toThrow('DUPLICATE_VOTER (node 2 votes already)');
  await expect(add(7)).rejects.toThrow('no node answers at node:9007');
  await expect(add(7, '')).rejects.toThrow('no address of the controller is given');
  await expect(admin.removeVoter(7)).rejects.toThrow('VOTER_NOT_FOUND (node 7 has no vote)');
  await admin.removeVoter(1);
  await admin.removeVoter(2);
  expect(await votersOf(client)).toEqual([3]);
  await expect(admin.removeVoter(3)).rejects.toThrow('nobody would be left');
  await admin.addVoter(addressOf(1));
  expect(await votersOf(client)).toEqual([1, 3]);
});
