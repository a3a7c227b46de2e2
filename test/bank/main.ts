// `npm run test:bank`: transfers between accounts as a job of several processes, of which every few seconds one, by a seed,
// is killed, paused for longer than its session, added or stopped; the storage node is killed as well, or with `--nodes 3` one
// of a cluster of three. Then the books are checked. `--bootstrap HOST:PORT` takes somebody else's cluster instead, with
// `--replication` copies of each topic; `--embedded` has it all in one process, which is killed. `--guarantee atLeastOnce`
// asks for no more than that nothing is lost, `--seconds` says how long, `--seed` repeats a schedule.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Client, createClient, tcpNetwork } from '../../core/client/index.ts';
import { systemClock as clock } from '../../core/kernel/clock.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import { consume } from '../../runtime/rx/index.ts';
import { audit, readBooks } from './check.ts';
import { runEmbedded } from './embedded.ts';
import { type Leg, legs, type Transfer, transfers } from './job.ts';
import { type OwnNodes, type Process, startNodes, startWorker } from './processes.ts';
import { drawTransfer, openAccounts, opening } from './transfers.ts';

const { values } = parseArgs({
  options: {
    bootstrap: { type: 'string' },
    guarantee: { type: 'string', default: 'exactlyOnce' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    replication: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '1' },
    embedded: { type: 'boolean', default: false },
  },
});
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
  /** None where the cluster is somebody else's. */
  readonly nodes: OwnNodes | null;
  readonly workers: Map<string, Process>;
  readonly paused: Set<string>;
  readonly counts: Record<'kills' | 'pauses' | 'additions' | 'stops' | 'nodeKills', number>;
}

async function open(): Promise<Bank> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bank-'));
  const nodes = values.bootstrap === undefined ? await startNodes(folder, Number(values.nodes)) : null;
  const bootstrap = values.bootstrap ?? nodes!.bootstrap;
  const client = createClient({ network: tcpNetwork({ bootstrap }), apiTimeoutMs: 120_000 });
  const replicationFactor = nodes === null ? Number(values.replication) : nodes.running.size;
  await openAccounts(client, replicationFactor);
  const counts = { kills: 0, pauses: 0, additions: 0, stops: 0, nodeKills: 0 };
  return { client, bootstrap, folder, nodes, workers: new Map(), paused: new Set(), counts };
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
  switch (random.integer(bank.nodes === null ? 4 : 5)) {
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
      const { running: nodes, start } = bank.nodes!;
      const id = [...nodes.keys()][random.integer(nodes.size)]!;
      say(`kill node ${id}`);
      counts.nodeKills++;
      nodes.get(id)!.child.kill('SIGKILL');
      await nodes.get(id)!.ended;
      start(id);
      await copied(bank);
    }
  }
}

/** Until another node may be killed: while a copy is missing the next one's loss would stop everything. */
async function copied({ client }: Bank): Promise<void> {
  const endMs = clock.monotonicMs() + endMsMax;
  for (;;) {
    const places = await client.admin().listPlaces();
    if (places.every(({ replicas, inSync }) => inSync.length === replicas.length)) return;
    if (clock.monotonicMs() > endMs) throw new Error('copies are not in sync again');
    await clock.sleep(200);
  }
}

/** Who ends by itself has met what it should have lived through. */
function checkAlive(bank: Bank): void {
  for (const worker of processesOf(bank)) if (worker.hasEnded) throw new Error(`${worker.name} has ended by itself`);
}

const processesOf = ({ workers, nodes }: Bank): readonly Process[] => [
  ...workers.values(),
  ...(nodes?.running.values() ?? []),
];

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

/** The next bank has topics of the same names. */
async function leave(client: Client): Promise<void> {
  const admin = client.admin();
  const own = /^(transfers|accounts|legs|balances|bank-.*)$/;
  await admin.deleteTopics((await admin.listTopics()).flatMap(({ name }) => (own.test(name) ? [name] : [])));
  await admin.deleteGroups(['bank']).catch(() => {});
}

const place = values.embedded ? 'the embedded log' : undefined;
const where =
  place ?? values.bootstrap ?? (values.nodes === '1' ? 'a storage node' : `a cluster of ${values.nodes} nodes`);
say(`seed ${seed}, ${values.guarantee}, ${where}`);
if (values.embedded) {
  const seconds = Number(values.seconds);
  const wrong = await runEmbedded({ seed, seconds, guarantee: values.guarantee, say });
  for (const line of wrong) write(`  ${line}`);
  say(`the books are ${wrong.length === 0 ? 'right' : 'wrong'}`);
  process.exit(wrong.length === 0 ? 0 : 1);
}
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
    `${made.length} transfers, ${books.legs.length} legs; ${kills} kills, ${pauses} pauses, ${additions} additions, ${stops} stops, ${nodeKills} kills of a node: ${wrong.length === 0 ? 'the books are right' : 'the books are wrong'}`,
  );
  process.exitCode = wrong.length === 0 ? 0 : 1;
} catch (error) {
  write(`failed, seed ${seed}: ${(error as Error).message}`);
  for (const { hasEnded, ended } of bank.workers.values()) if (hasEnded) write((await ended).said);
  process.exitCode = 1;
} finally {
  watching.abort();
  for (const { child } of processesOf(bank)) child.kill('SIGKILL');
  if (bank.nodes === null) await leave(bank.client);
  await bank.client.close();
  await rm(bank.folder, { recursive: true, force: true, maxRetries: 5 });
}
