// Several processes of one job on a node: who runs what when they come, go and die, and what of it each keeps.
import { expect, test } from 'vitest';
import {
  createClient,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  tcpNetwork,
} from '../../../core/client/index.ts';
import {
  count,
  groupByKey,
  type Job,
  type JobSettings,
  job,
  safeInt64,
  topic,
  toStream,
  utf8,
} from '../../../dsl/index.ts';
import { type JobRun, type RunOptions, runJob } from '../../../runtime/cli/index.ts';
import { consume } from '../../../runtime/rx/index.ts';
import { startListeningNode } from '../../support/listening-node.ts';
import { tempFolder } from '../../support/millrace.ts';

const four = { partitions: 4 };
const words = topic('words', utf8, four);
const counts = topic('counts', safeInt64, four);
const counting = (settings: JobSettings = {}): Job =>
  job('counting', [words.pipe(groupByKey(), count({ as: 'totals' }), toStream()).to(counts)], {
    commitInterval: 50,
    ...settings,
  });
const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
const patient = { timeout: 15_000, interval: 20 };

const tasksOf = (run: JobRun) => run.progress().workers.flatMap(({ tasks }) => tasks);
const standbysOf = (run: JobRun) => run.progress().workers.flatMap(({ standbys }) => standbys);
const rebalancesOf = (run: JobRun) => run.progress().workers.reduce((sum, { rebalances }) => sum + rebalances, 0);

async function rig(settings: JobSettings = {}) {
  const node = await startListeningNode({ 'group.min.session.timeout.ms': 100 });
  const folders: Awaited<ReturnType<typeof tempFolder>>[] = [];
  const runs: JobRun[] = [];
  async function start(options: Partial<RunOptions> = {}): Promise<JobRun> {
    const folder = await tempFolder();
    folders.push(folder);
    const run = await runJob(counting(settings), {
      ...{ bootstrap: node.bootstrap, data: folder.data, until: 'stopped', sessionTimeoutMs: 6_000 },
      ...options,
    });
    runs.push(run);
    return run;
  }
  return {
    ...node,
    start,
    async send(times = 1): Promise<void> {
      await using producer = node.client.producer();
      for (let i = 0; i < times; i++)
        await Promise.all(
          keys.map((key) => producer.send({ topic: 'words', key: utf8.encode(key), value: utf8.encode('v') })),
        );
    },
    /** The last count of each key, where they are all the same. */
    async counted(): Promise<number | null> {
      const last = new Map<string | null, number | null>();
      for await (const { key, value } of consume(node.client, counts, { until: 'end' })) last.set(key, value);
      const values = new Set(last.values());
      return last.size === keys.length && values.size === 1 ? [...values][0]! : null;
    },
    async [Symbol.asyncDispose]() {
      for (const run of runs) await run.stop().catch(() => {});
      for (const folder of folders) await folder[Symbol.asyncDispose]();
      await node[Symbol.asyncDispose]();
    },
  };
}

test('tasks move one after another to a process that comes, once their state is warm there; the others go on', async () => {
  await using cluster = await rig();
  const first = await cluster.start();
  await first.ready;
  await cluster.send(5);
  await expect.poll(cluster.counted, patient).toBe(5);
  const second = await cluster.start();
  // Tasks that are warmed up are run where they were until then.
  await expect.poll(() => [tasksOf(first).length, tasksOf(second).length], patient).toEqual([2, 2]);
  expect(tasksOf(first).sort()).toEqual(['0_0', '0_1']);
  await cluster.send(1);
  await expect.poll(cluster.counted, patient).toBe(6);
  await second.stop();
  await expect.poll(() => tasksOf(first).length, patient).toBe(4);
  await cluster.send(1);
  await expect.poll(cluster.counted, patient).toBe(7);
});

test('with standbys each state is on two processes, and who has the copy takes over', async () => {
  await using cluster = await rig({ standbys: 1, guarantee: 'exactlyOnce' });
  const runs = [await cluster.start(), await cluster.start(), await cluster.start()];
  await cluster.send(3);
  await expect.poll(() => runs.map((run) => tasksOf(run).length).sort(), patient).toEqual([1, 1, 2]);
  await expect.poll(() => runs.flatMap(standbysOf).sort(), patient).toEqual(['0_0', '0_1', '0_2', '0_3']);
  for (const run of runs) expect(tasksOf(run).filter((task) => standbysOf(run).includes(task))).toEqual([]);
  await expect.poll(cluster.counted, patient).toBe(3);
  const [gone, ...left] = runs;
  const moved = tasksOf(gone!);
  await gone!.stop();
  await expect.poll(() => left.flatMap(tasksOf).sort(), patient).toEqual(['0_0', '0_1', '0_2', '0_3']);
  expect(moved.every((task) => left.some((run) => tasksOf(run).includes(task)))).toBe(true);
  await cluster.send(1);
  await expect.poll(cluster.counted, patient).toBe(4);
});

test('a static member that restarts in time has its tasks back, and nobody notices', async () => {
  await using cluster = await rig();
  await using folder = await tempFolder();
  const options = { data: folder.data, instanceId: 'b' };
  const first = await cluster.start({ instanceId: 'a' });
  await first.ready;
  const second = await cluster.start(options);
  await expect.poll(() => [tasksOf(first).length, tasksOf(second).length], patient).toEqual([2, 2]);
  await expect.poll(() => first.progress().workers[0]!.restoring, patient).toEqual([]);
  const [had, rebalances] = [tasksOf(second), rebalancesOf(first)];
  await second.stop();
  const again = await cluster.start(options);
  await expect.poll(() => tasksOf(again).sort(), patient).toEqual(had.sort());
  expect(rebalancesOf(first)).toBe(rebalances);
  await cluster.send(2);
  await expect.poll(cluster.counted, patient).toBe(2);
});

test('two processes can’t have one state folder, and the second says so', async () => {
  await using cluster = await rig();
  await using folder = await tempFolder();
  const first = await cluster.start({ data: folder.data });
  await first.ready;
  await expect(cluster.start({ data: folder.data })).rejects.toThrow(
    /^the state of job 'counting' in .*counting is in use by another process; give each process of a job a folder of its own with --data$/,
  );
  await first.stop();
  const second = await cluster.start({ data: folder.data });
  await second.ready;
});

test('tasks that stay go on while the group waits for a member that doesn’t come back', async () => {
  await using cluster = await rig();
  const first = await cluster.start();
  await first.ready;
  // A member that joins and then says nothing more holds up the rebalance until its session ends.
  await using silent = createClient({ network: tcpNetwork({ bootstrap: cluster.bootstrap }) });
  const nothing = encodeSubscription({ topics: [], userData: new Uint8Array(0), ownedPartitions: [] });
  const member = silent.groupMember({
    groupId: 'counting',
    sessionTimeoutMs: 6_000,
    heartbeatIntervalMs: 60_000,
    protocols: [{ name: 'millrace', metadata: () => nothing }],
    assign: async () => [],
    onRevoke: () => new Promise(() => {}),
    onAssign: async () => {},
    onLost: async () => {},
  });
  member.start();
  await expect.poll(() => member.generation !== null, patient).toBe(true);
  const second = await cluster.start(); // which makes the group rebalance
  const before = first.progress().recordsIn;
  await cluster.send(1);
  await expect.poll(() => first.progress().recordsIn - before, { timeout: 3_000, interval: 20 }).toBe(keys.length);
  await expect.poll(cluster.counted, patient).toBe(1);
  await second.stop();
});

test('a process of another version shares the group, and its plans are understood when it leads', async () => {
  await using cluster = await rig();
  const first = await cluster.start();
  await first.ready;
  await cluster.send(1);
  await expect.poll(cluster.counted, patient).toBe(1);
  await using client = createClient({ network: tcpNetwork({ bootstrap: cluster.bootstrap }) });
  const json = (data: object) => Buffer.from(JSON.stringify(data));
  let given: Record<string, unknown> = {};
  // What it says and plans has fields that this version doesn't know, and none that this one has added.
  const later = client.groupMember({
    groupId: 'counting',
    heartbeatIntervalMs: 200,
    protocols: [
      {
        name: 'millrace',
        metadata: () => {
          const positions = { '0_0': 1_000, '0_1': 1_000, '0_2': 1_000, '0_3': 1_000 };
          const said = { version: 2, processId: 'later', generation: -1, tasks: [], positions, colour: 'blue' };
          return encodeSubscription({ topics: ['words'], userData: json(said), ownedPartitions: [] });
        },
      },
    ],
    assign: async (members) =>
      members.map(({ memberId, metadata }) => {
        const { userData } = decodeSubscription(metadata);
        const { colour } = JSON.parse(Buffer.from(userData!).toString());
        const active = colour === undefined ? ['0_0', '0_1', '0_2', '0_3'] : [];
        return {
          memberId,
          assignment: encodeAssignment({ partitions: [], userData: json({ version: 1, active, moon: 'full' }) }),
        };
      }),
    onRevoke: async () => {},
    async onAssign(assignment) {
      given = JSON.parse(Buffer.from(decodeAssignment(assignment).userData!).toString());
    },
    onLost: async () => {},
  });
  later.start();
  await expect
    .poll(() => given, patient)
    .toMatchObject({ version: 1, active: [expect.any(String), expect.any(String)] });
  await expect.poll(() => tasksOf(first).length, patient).toBe(2);

  await first.stop();
  const second = await cluster.start();
  await expect.poll(() => tasksOf(second).length, patient).toBe(4);
  await cluster.send(1);
  await expect.poll(cluster.counted, patient).toBe(2);
  await later.leave();
});

test('processes that are replaced one after another, as in a deploy, lose and double nothing', async () => {
  await using cluster = await rig({ guarantee: 'exactlyOnce' });
  const runs = [await cluster.start(), await cluster.start(), await cluster.start()];
  await Promise.all(runs.map(({ ready }) => ready));
  let sent = 0;
  let deploying = true;
  const sending = (async () => {
    for (; deploying; sent++) await cluster.send(1);
  })();
  for (const run of runs) {
    await run.stop();
    const next = await cluster.start();
    await next.ready;
  }
  deploying = false;
  await sending;
  await expect.poll(cluster.counted, patient).toBe(sent);
});
