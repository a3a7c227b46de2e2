// A cluster as a person runs it: three processes in one terminal, one of which is killed. Every command is the built one.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createClient, tcpNetwork } from '../../core/client/index.ts';
import { millrace, startMillrace, tempFolder } from '../support/millrace.ts';

const starting = { timeoutMs: 120_000 };

async function freeRange(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 30_000);
    const ports = [0, 1, 2, 100, 101, 102].map((offset) => first + offset);
    const free = await Promise.all(
      ports.map(
        (port) =>
          new Promise<boolean>((resolve) => {
            const server = createServer().once('error', () => resolve(false));
            server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
          }),
      ),
    );
    if (free.every(Boolean)) return first;
  }
}

async function startDev(data: string) {
  const port = await freeRange();
  const dev = startMillrace(['dev', '--listen', `127.0.0.1:${port}`, '--data', data], starting);
  await dev.said('stderr', /process ids .*/);
  const pids = new Map(
    [.../process ids (.*);/.exec(dev.stderr())![1]!.matchAll(/(\d+): (\d+)/g)].map(([, id, pid]) => [
      Number(id),
      Number(pid),
    ]),
  );
  return { dev, pids, port, bootstrap: [0, 1, 2].map((i) => `127.0.0.1:${port + i}`).join(',') };
}

interface Status {
  readonly nodes: readonly { readonly nodeId: number; readonly fenced: boolean }[];
  readonly partitions: readonly {
    readonly topic: string;
    readonly leader: number;
    readonly replicas: readonly number[];
    readonly inSync: readonly number[];
    readonly behind: Readonly<Record<string, number | null>>;
  }[];
}

async function statusOf(bootstrap: string): Promise<Status> {
  const { code, stdout, stderr } = await millrace(['cluster', 'status', '--json', '--bootstrap', bootstrap]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Status;
}

test('three nodes outlive the loss of one, and it comes back to what it missed', { timeout: 120_000 }, async () => {
  await using folder = await tempFolder();
  const { dev, pids, bootstrap } = await startDev(folder.data);
  const at = ['--bootstrap', bootstrap];
  const settings = ['--partitions', '6', '--replication-factor', '3', '--config', 'min.insync.replicas=2'];
  expect(await millrace(['topic', 'create', 'orders', ...settings, ...at])).toMatchObject({ code: 0 });
  const before = await statusOf(bootstrap);
  expect(new Set(before.partitions.map(({ leader }) => leader))).toEqual(new Set([1, 2, 3]));

  await using client = createClient({ network: tcpNetwork({ bootstrap }) });
  await using producer = client.producer();
  const acknowledged: string[] = [];
  let sent = 0;
  const send = (count: number) =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const value = `v${sent++}`;
        await producer.send({ topic: 'orders', key: Buffer.from(value), value: Buffer.from(value) });
        acknowledged.push(value);
      }),
    );
  await send(500);
  process.kill(pids.get(2)!, 'SIGKILL');
  await send(500);
  await dev.said('stderr', /node 2 has ended \(SIGKILL\); to start it again:\n {2}millrace node .*/);
  const without = await statusOf(bootstrap);
  expect(without.nodes.map(({ nodeId, fenced }) => [nodeId, fenced])).toEqual([
    [1, false],
    [2, true],
    [3, false],
  ]);
  expect(without.partitions.every(({ leader, inSync }) => leader !== 2 && !inSync.includes(2))).toBe(true);

  const again = /to start it again:\n {2}millrace (node .*)/.exec(dev.stderr())![1]!.split(' ');
  const back = startMillrace(again, starting);
  await back.said('stderr', 'node 2 is ready');
  await expect
    .poll(async () => (await statusOf(bootstrap)).partitions.every(({ inSync }) => inSync.length === 3), {
      timeout: 30_000,
      interval: 500,
    })
    .toBe(true);
  const healed = await statusOf(bootstrap);
  expect(healed.partitions.every(({ behind }) => Object.values(behind).every((lag) => lag === 0))).toBe(true);

  const read = await millrace(['consume', 'orders', '--until', 'end', ...at], starting);
  expect(read.stdout.trim().split('\n').sort()).toEqual(acknowledged.sort());

  expect((await millrace(['cluster', 'balance', ...at])).stderr).toBe('leaders by node: 1: 2, 2: 2, 3: 2\n');
  expect(await millrace(['cluster', 'drain', '1', ...at])).toMatchObject({ code: 0 });
  expect((await statusOf(bootstrap)).partitions.map(({ leader }) => leader)).not.toContain(1);
  expect(await millrace(['cluster', 'drain', '9', ...at])).toMatchObject({
    code: 1,
    stderr: "error: the cluster knows no node 9; 'millrace cluster status' shows those it knows\n",
  });
  expect(await millrace(['cluster', 'reassign', 'orders', '--replicas', '2,3', ...at], starting)).toMatchObject({
    code: 0,
  });
  const moved = await statusOf(bootstrap);
  expect(moved.partitions.map(({ replicas }) => [...replicas].sort())).toEqual(Array(6).fill([2, 3]));
  const readAgain = await millrace(['consume', 'orders', '--until', 'end', ...at], starting);
  expect(readAgain.stdout.trim().split('\n')).toHaveLength(acknowledged.length);

  back.kill('SIGTERM');
  expect(await back.finished).toMatchObject({ code: 0 });
  dev.kill('SIGTERM');
  expect(await dev.finished).toMatchObject({ code: 0 });
});

test('nodes end with the process that started them, however that ends', { timeout: 60_000 }, async () => {
  await using folder = await tempFolder();
  const { dev, pids } = await startDev(folder.data);
  dev.kill('SIGKILL');
  await dev.finished;
  const alive = () => [...pids.values()].filter((pid) => isAlive(pid));
  await expect.poll(alive, { timeout: 30_000, interval: 100 }).toEqual([]);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test.each<[string, readonly string[], string]>([
  ['no number', ['--controllers', '1@127.0.0.1:1'], 'a node of a cluster needs a number of its own; give it with --id'],
  ['no controllers', ['--rack', 'a'], 'a rack is for a node of a cluster; name its controllers with --controllers'],
  [
    'a controller without its number',
    ['--id', '1', '--controllers', '127.0.0.1:1'],
    "'127.0.0.1:1' is no controller; write id@host:port, several with commas between",
  ],
  ['a controller twice', ['--id', '1', '--controllers', '1@a:1,1@b:1'], 'controller 1 is there twice'],
])('node with %s says what to do', async (_, flags, said) => {
  await using folder = await tempFolder();
  const { code, stderr } = await millrace(['node', '--listen', '127.0.0.1:0', '--data', folder.data, ...flags]);
  expect(code).toBe(1);
  expect(stderr).toContain(said);
});

test("a folder is one node's: another number, or none, is refused", async () => {
  await using folder = await tempFolder();
  const first = await freeRange();
  const data = join(folder.data, 'one');
  const own = (id: number) => ['--id', `${id}`, '--controllers', `1@127.0.0.1:${first},2@127.0.0.1:${first + 1}`];
  const start = (...flags: readonly string[]) => ['node', '--listen', '127.0.0.1:0', '--data', data, ...flags];
  const one = startMillrace(start(...own(1)), starting);
  await one.said('stderr', 'waits for its cluster');
  one.kill('SIGTERM');
  expect(await one.finished).toMatchObject({ code: 0 });
  const refused = (given: string) =>
    `error: the data folder is that of node 1 of a cluster, and this is ${given}; give each node a folder of its own with --data\n`;
  expect(await millrace(start(...own(2)))).toMatchObject({ code: 1, stderr: refused('node 2 of a cluster') });
  expect(await millrace(start())).toMatchObject({
    code: 1,
    stderr: refused('a node without a cluster').replace('node 1 of a cluster', 'a node of a cluster'),
  });
});

test('a vote is taken and given back, and what cannot be is one sentence', { timeout: 120_000 }, async () => {
  await using folder = await tempFolder();
  const { dev, port, bootstrap } = await startDev(folder.data);
  const at = ['--bootstrap', bootstrap];
  const voters = async () => {
    const { stdout } = await millrace(['cluster', 'voters', '--json', ...at]);
    const found = JSON.parse(stdout) as { voters: { nodeId: number }[]; observers: { nodeId: number }[] };
    return [found.voters.map(({ nodeId }) => nodeId).sort(), found.observers.map(({ nodeId }) => nodeId).sort()];
  };
  expect(await voters()).toEqual([[1, 2, 3], []]);
  const removed = await millrace(['cluster', 'voters', 'remove', '3', ...at]);
  expect(removed).toMatchObject({ code: 0, stderr: 'node 3 votes no more; it goes on following\n' });
  await expect.poll(voters, { timeout: 30_000 }).toEqual([[1, 2], [3]]);
  const added = await millrace(['cluster', 'voters', 'add', `3@127.0.0.1:${port + 102}`, ...at]);
  expect(added).toMatchObject({ code: 0, stderr: 'node 3 votes\n' });
  await expect.poll(voters, { timeout: 30_000 }).toEqual([[1, 2, 3], []]);
  const shown = await millrace(['cluster', 'voters', ...at]);
  expect(shown.stdout).toMatch(/node +address +role +entries behind\n/);
  const twice = await millrace(['cluster', 'voters', 'add', `3@127.0.0.1:${port + 102}`, ...at]);
  expect([twice.code, twice.stderr.trim().split('\n').length]).toEqual([1, 1]);
  const malformed = await millrace(['cluster', 'voters', 'add', 'nonsense', ...at]);
  expect(malformed.code).not.toBe(0);
  expect(malformed.stderr).toContain("'nonsense' is no controller; write id@host:port");
  dev.kill('SIGTERM');
  expect(await dev.finished).toMatchObject({ code: 0 });
});
