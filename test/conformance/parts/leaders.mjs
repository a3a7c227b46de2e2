// Our client on an Apache Kafka of three brokers that are killed one after the other: what is acknowledged is read once
// and in order whoever leads, and a leader that lost records by an unclean election is found out (KIP-320).
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startKafka } from './kafka.mjs';
import { run } from './peers.mjs';

const bin = fileURLToPath(new URL('../../../runtime/cli/bin.mjs', import.meta.url));
const partitions = [0, 1, 2];
const waitMsMax = 60_000;

/** @returns results `{ test, result, ms, note }` */
export async function killedLeaders() {
  await run(process.execPath, [bin, '--version']); // builds what is read from the build
  const { createClient, tcpNetwork } = await import('millrace/client');
  const kafka = await startKafka(3);
  const client = createClient({ network: tcpNetwork({ bootstrap: kafka.bootstrap }) });
  const results = [];
  try {
    for (const [test, work] of Object.entries({ cleanElections, uncleanElection })) {
      const sinceMs = Date.now();
      const note = await work(kafka, client).then(
        () => '',
        (error) => error.message,
      );
      results.push({ test, result: note === '' ? 'passed' : 'failed', ms: Date.now() - sinceMs, note });
    }
  } finally {
    await client.close();
    await kafka.stop();
  }
  return results;
}

/** Each broker is killed and comes back while a topic of three replicas is written and read. */
async function cleanElections(kafka, client) {
  const topic = 'clean';
  const config = { 'min.insync.replicas': '2' };
  await client.admin().createTopics([{ name: topic, partitions: partitions.length, replicationFactor: 3, config }]);
  const fetcher = client.fetcher({ from: 'error' });
  fetcher.assign(partitions.map((partition) => ({ topic, partition, offset: 0 })));
  const producer = client.producer();
  const next = partitions.map(() => 0);
  let sent = 0;
  let isOver = false;
  async function write() {
    for (; !isOver; await sleep(5)) {
      for (let i = 0; i < 9; i++) producer.write(topic, sent % 3, Date.now(), null, Buffer.from(`${sent++}`));
    }
    await producer.flush();
  }
  async function read() {
    while (!isOver || next.reduce((sum, offset) => sum + offset) < sent) {
      for (const { partition, fetchOffset, nextOffset } of await fetcher.poll(500)) {
        if (fetchOffset !== next[partition])
          throw new Error(`${partition} goes on at ${fetchOffset}, not ${next[partition]}`);
        next[partition] = nextOffset;
      }
    }
  }
  async function kill() {
    for (const id of [1, 2, 3]) {
      await sleep(2_000);
      await kafka.kill(id);
      await sleep(4_000);
      await kafka.restart(id);
    }
    isOver = true;
  }
  try {
    await Promise.all([write(), read(), kill()]);
  } finally {
    isOver = true;
    fetcher.close();
  }
  process.stdout.write(`  ${sent} records through 3 kills\n`);
}

/** The follower is killed, misses records that are read, and leads once the leader is killed. */
async function uncleanElection(kafka, client) {
  const topic = 'unclean';
  const config = { 'min.insync.replicas': '1', 'unclean.leader.election.enable': 'true' };
  await client.admin().createTopics([{ name: topic, partitions: 1, replicationFactor: 2, config }]);
  const partition = async () => (await client.cluster.metadata([topic])).topics[0].partitions[0];
  const until = async (what, holds) => {
    for (const endMs = Date.now() + waitMsMax; !holds(await partition()); await sleep(200)) {
      if (Date.now() > endMs) throw new Error(`${what} took longer than ${waitMsMax} ms`);
    }
  };
  const write = async (count) => {
    const producer = client.producer();
    for (let i = 0; i < count; i++) await producer.send({ topic, partition: 0, key: null, value: Buffer.from(`${i}`) });
    await producer.close();
  };
  await until('the first leader', ({ leader, inSyncReplicas }) => leader >= 0 && inSyncReplicas.length === 2);
  const { leader, replicas } = await partition();
  const follower = replicas.find((id) => id !== leader);
  await write(50);
  await sleep(2_000); // the follower has them: its next fetch is long answered
  await kafka.kill(follower);
  await until('that the follower is missed', ({ inSyncReplicas }) => !inSyncReplicas.includes(follower));
  await write(50);
  const [goingOn, failing] = ['earliest', 'error'].map((from) => client.fetcher({ from }));
  try {
    for (const fetcher of [goingOn, failing]) {
      fetcher.assign([{ topic, partition: 0, offset: 0 }]);
      for (let next = 0; next < 100; ) next = (await fetcher.poll(waitMsMax)).at(-1)?.nextOffset ?? next;
    }
    await kafka.kill(leader);
    await kafka.restart(follower);
    await until('the unclean election', (now) => now.leader === follower);
    await write(80);
    const [moved] = await goingOn.poll(waitMsMax);
    if (moved?.fetchOffset !== 100 || moved.nextOffset !== 50)
      throw new Error(`it goes on from ${moved?.fetchOffset} at ${moved?.nextOffset}, not from 100 at 50`);
    const told = await failing.poll(waitMsMax).then(
      () => 'nothing',
      ({ code }) => code,
    );
    if (told !== 'LOG_TRUNCATED') throw new Error(`it is told ${told}, not LOG_TRUNCATED`);
  } finally {
    goingOn.close();
    failing.close();
    await kafka.restart(leader);
  }
}
