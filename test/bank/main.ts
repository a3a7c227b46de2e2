// `npm run test:bank`: transfers between accounts as a job of several processes, of which every few seconds one, by a seed,
// is killed, paused for longer than its session, added or stopped; the storage node is killed as well. Then the books are
// checked. `--bootstrap HOST:PORT` takes a cluster instead of a node of its own, `--guarantee atLeastOnce` asks for no more
// than that nothing is lost, `--seconds` says how long, `--seed` repeats a schedule.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Client, createClient, tcpNetwork } from '../../core/client/index.ts';
import { systemClock as clock } from '../../core/kernel/clock.ts';
import { type Random, seededRandom } from '../../core/kernel/random.ts';
import { consume } from '../../runtime/rx/index.ts';
import { audit, readBooks } from './check.ts';
import { accounts, balances, type Leg, legs, partitions, type Transfer, transfers } from './job.ts';
import { freePort, type Process, startNode, startWorker } from './processes.ts';

const { values } = parseArgs({
  options: {
    bootstrap: { type: 'string' },
    guarantee: { type: 'string', default: 'exactlyOnce' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    replication: { type: 'string', default: '1' },
  },
});
const accountCount = 1_000;
const opening = 1_000;
const transfersPerSecond = 300;
const pauseMs = 8_000;
const endMsMax = 120_000;

const seed = Number(values.seed ?? Math.floor(clock.now() % 1_000_000));
const random = seededRandom(seed);
const startedMs = clock.monotonicMs();
const write = (line: string) => void process.stdout.write(`${line}\n`);
const say = (line: string) => write(`${((clock.monotonicMs() - startedMs) / 1_000).toFixed(1).padStart(6)} s ${line}`);

interface Bank {
  readonly client: Client;
  readonly bootstrap: string;
  readonly folder: string;
  /** Null where the cluster is somebody else's. */
  node: Process | null;
  readonly port: number;
  readonly workers: Map<string, Process>;
  readonly paused: Set<string>;
  readonly counts: Record<'kills' | 'pauses' | 'additions' | 'stops' | 'nodeKills', number>;
}

async function open(): Promise<Bank> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bank-'));
  const port = await freePort();
  const node = values.bootstrap === undefined ? startNode(folder, port) : null;
  const bootstrap = values.bootstrap ?? `127.0.0.1:${port}`;
  const client = createClient({ network: tcpNetwork({ bootstrap }), apiTimeoutMs: 120_000 });
  const admin = client.admin();
  const replicationFactor = Number(values.replication);
  const names = [transfers, legs, balances].map(({ topic: { name } }) => name);
  const made = [
    ...names.map((name) => ({ name, config: {} })),
    { name: 'accounts', config: { 'cleanup.policy': 'compact' } },
  ];
  await admin.createTopics(made.map((topic) => ({ ...topic, partitions, replicationFactor })));
  await using producer = client.producer();
  for (let i = 0; i < accountCount; i++)
    void producer.send({
      topic: 'accounts',
      key: Buffer.from(accountName(i)),
      value: accounts.topic.value.encode({ opening }),
    });
  await producer.flush();
  const counts = { kills: 0, pauses: 0, additions: 0, stops: 0, nodeKills: 0 };
  return { client, bootstrap, folder, node, port, workers: new Map(), paused: new Set(), counts };
}

const accountName = (index: number) => `account ${index}`;

function drawTransfer(id: number, by: Random): Transfer {
  const from = by.integer(accountCount);
  const to = (from + 1 + by.integer(accountCount - 1)) % accountCount;
  return { id, from: accountName(from), to: accountName(to), amount: 1 + by.integer(100) };
}

function launch(bank: Bank, name: string): void {
  const { bootstrap, folder } = bank;
  bank.workers.set(name, startWorker(name, { bootstrap, folder, guarantee: values.guarantee }));
}

async function end(bank: Bank, name: string, signal: NodeJS.Signals): Promise<void> {
  const worker = bank.workers.get(name)!;
  worker.child.kill(signal);
  const timer = clock.after(endMsMax, () => worker.child.kill('SIGKILL'));
  const { code, said, ...ended } = await worker.ended;
  timer.cancel();
  bank.workers.delete(name);
  // A process that is stopped while it still loads ends by the signal: it had begun nothing.
  if (signal === 'SIGTERM' && code !== 0 && !(ended.signal === 'SIGTERM' && said === ''))
    throw new Error(`${name} was stopped and ended with ${code ?? ended.signal}:\n${said}`);
}

async function act(bank: Bank): Promise<void> {
  const { workers, paused, counts } = bank;
  const running = [...workers.keys()].filter((name) => !paused.has(name));
  const name = running[random.integer(Math.max(1, running.length))];
  switch (random.integer(bank.node === null ? 4 : 5)) {
    case 0: {
      if (name === undefined) return;
      say(`kill ${name}`);
      counts.kills++;
      await end(bank, name, 'SIGKILL');
      launch(bank, name);
      return;
    }
    case 1: {
      if (name === undefined || running.length < 2) return;
      say(`pause ${name}`);
      counts.pauses++;
      paused.add(name);
      const { child } = workers.get(name)!;
      child.kill('SIGSTOP');
      clock.after(pauseMs, () => {
        child.kill('SIGCONT');
        paused.delete(name);
      });
      return;
    }
    case 2: {
      const free = ['a', 'b', 'c', 'd'].find((one) => !workers.has(one));
      if (free === undefined) return;
      say(`add ${free}`);
      counts.additions++;
      launch(bank, free);
      return;
    }
    case 3: {
      if (name === undefined || running.length < 2) return;
      say(`stop ${name}`);
      counts.stops++;
      await end(bank, name, 'SIGTERM');
      return;
    }
    default: {
      say('kill the node');
      counts.nodeKills++;
      bank.node!.child.kill('SIGKILL');
      await bank.node!.ended;
      bank.node = startNode(bank.folder, bank.port);
    }
  }
}

/** Who ends by itself has met what it should have lived through. */
function checkAlive({ workers, node }: Bank): void {
  for (const worker of [...workers.values(), ...(node === null ? [] : [node])])
    if (worker.hasEnded) throw new Error(`${worker.name} has ended by itself`);
}

async function watch(client: Client, seen: Leg[], signal: AbortSignal): Promise<void> {
  try {
    for await (const { value } of consume(client, legs, { signal })) seen.push(value!);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function trade(bank: Bank): Promise<Transfer[]> {
  const done: Transfer[] = [];
  const sent: Promise<unknown>[] = [];
  await using producer = bank.client.producer({ deliveryTimeoutMs: 10 * 60_000 });
  const endMs = startedMs + Number(values.seconds) * 1_000;
  const byAmount = seededRandom(seed + 1);
  let actAtMs = startedMs + 4_000;
  for (let nowMs = startedMs; nowMs < endMs; nowMs = clock.monotonicMs()) {
    while (done.length < ((nowMs - startedMs) / 1_000) * transfersPerSecond) {
      const transfer = drawTransfer(done.length, byAmount);
      done.push(transfer);
      sent.push(
        producer.send({
          topic: 'transfers',
          key: Buffer.from(String(transfer.id)),
          value: transfers.topic.value.encode(transfer),
        }),
      );
    }
    if (nowMs >= actAtMs) {
      checkAlive(bank);
      await act(bank);
      actAtMs = clock.monotonicMs() + 1_000 + random.integer(3_000);
    }
    await clock.sleep(50);
  }
  await Promise.all(sent);
  return done;
}

async function settle(bank: Bank): Promise<void> {
  say('no more transfers; the processes are stopped, and one goes to the end');
  while (bank.paused.size > 0) await clock.sleep(100);
  await Promise.all([...bank.workers.keys()].map((name) => end(bank, name, 'SIGTERM')));
  const { bootstrap, folder } = bank;
  const last = startWorker('a', { bootstrap, folder, guarantee: values.guarantee, more: ['--until', 'end'] });
  const timer = clock.after(endMsMax, () => last.child.kill('SIGKILL'));
  const { code, signal, said } = await last.ended;
  timer.cancel();
  if (code !== 0) throw new Error(`the last process ended with ${code ?? signal}:\n${said}`);
}

say(`seed ${seed}, ${values.guarantee}, ${values.bootstrap ?? 'a storage node of its own'}`);
const bank = await open();
const watching = new AbortController();
const seen: Leg[] = [];
try {
  for (const name of ['a', 'b', 'c']) launch(bank, name);
  const watched = watch(bank.client, seen, watching.signal);
  const made = await trade(bank);
  await settle(bank);
  const books = await readBooks(bank.client);
  const caughtUpMs = clock.monotonicMs() + 30_000;
  while (seen.length < books.legs.length && clock.monotonicMs() < caughtUpMs) await clock.sleep(50);
  watching.abort();
  await watched;
  const wrong = audit(books, { transfers: made, opening, guarantee: values.guarantee, seen });
  for (const line of wrong) write(`  ${line}`);
  const { kills, pauses, additions, stops, nodeKills } = bank.counts;
  say(
    `${made.length} transfers, ${books.legs.length} legs; ${kills} kills, ${pauses} pauses, ${additions} additions, ${stops} stops, ${nodeKills} kills of the node: ${wrong.length === 0 ? 'the books are right' : 'the books are wrong'}`,
  );
  process.exitCode = wrong.length === 0 ? 0 : 1;
} catch (error) {
  write(`failed, seed ${seed}: ${(error as Error).message}`);
  for (const { hasEnded, ended } of bank.workers.values()) if (hasEnded) write((await ended).said);
  process.exitCode = 1;
} finally {
  watching.abort();
  for (const { child } of [...bank.workers.values(), ...(bank.node === null ? [] : [bank.node])]) child.kill('SIGKILL');
  await bank.client.close();
  await rm(bank.folder, { recursive: true, force: true, maxRetries: 5 });
}
