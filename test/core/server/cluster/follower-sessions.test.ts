// Followers keep a fetch session with each leader (KIP-227): what is quiet costs nothing, and a session that is lost costs no record.
import { expect, test } from 'vitest';
import type { RequestOf, ResponseOf } from '../../../../core/protocol/api-table.ts';
import { startCluster } from './three-nodes.ts';

const patient = { timeout: 15_000, interval: 30 };
const bytes = (text: string) => Buffer.from(text);

test('an idle cluster names no partition; one that has records is named alone, and a leader that forgot is told all again', async () => {
  let asked: number[] = [];
  let told: number[] = [];
  const count = (topics: readonly { readonly partitions: readonly unknown[] }[]) =>
    topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
  await using cluster = await startCluster({
    onAnswer(_nodeId, api, request, answer) {
      if (api !== 'fetch' || (request as RequestOf<'fetch'>).replicaState.replicaId < 0) return;
      asked.push(count((request as RequestOf<'fetch'>).topics));
      told.push(count((answer as ResponseOf<'fetch'>).responses));
    },
  });
  const client = cluster.client();
  const admin = client.admin();
  await admin.createTopics([{ name: 'orders', partitions: 30, replicationFactor: 3 }]);
  const isQuiet = () => asked.length >= 12 && asked.every((n) => n === 0) && told.every((n) => n === 0);
  const quiet = async () => {
    const found = isQuiet();
    if (asked.length >= 12) [asked, told] = [[], []];
    return found;
  };
  await expect.poll(quiet, patient).toBe(true);
  [asked, told] = [[], []];
  await using producer = client.producer();
  await producer.send({ topic: 'orders', partition: 0, key: null, value: bytes('a') });
  expect(Math.max(...told)).toBe(1);
  const { leader } = (await admin.listPlaces())[0]!;
  await cluster.kill(leader);
  await cluster.start(leader);
  const whole = async () => (await admin.listPlaces()).every(({ inSync }) => inSync.length === 3);
  await expect.poll(whole, patient).toBe(true);
  await Promise.all(
    Array.from({ length: 30 }, (_, partition) =>
      producer.send({ topic: 'orders', partition, key: null, value: bytes('b') }),
    ),
  );
  const partitions = Array.from({ length: 30 }, (_, partition) => ({ topic: 'orders', partition }));
  for (const id of cluster.ids)
    await expect
      .poll(async () => [...(await admin.replicaEnds(id, partitions)).values()].reduce((a, b) => a + b, 0), patient)
      .toBe(31);
  await expect.poll(quiet, patient).toBe(true);
}, 60_000);
