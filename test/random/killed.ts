// A random program on several partitions, in two processes of several threads that are killed over and over while its input
// is written, and each time started again; then to its end. What it must come to is the plain model's.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/kernel/clock.ts';
import type { Random } from '../../core/kernel/random.ts';
import type { JobOptions } from '../../dsl/plan.ts';
import { connect } from '../../runtime/cli/index.ts';
import { consume } from '../../runtime/rx/index.ts';
import type { Seen } from '../simulation/programs.ts';
import { type RandomProgram, randomProgram } from '../simulation/random-program.ts';
import { startListeningNode } from '../support/listening-node.ts';
import { inputTopic, item, otherTopic, outputOf, rowsTable } from './recipe.ts';

export interface KilledOptions {
  readonly random: Random;
  readonly guarantee: JobOptions['guarantee'];
  readonly records: number;
  /** Of a cluster; default a node of this process. */
  readonly bootstrap?: string | undefined;
}

export interface KilledOutcome {
  readonly recipe: RandomProgram['recipe'];
  readonly kills: number;
  /** Lines that say what is missing or too much. */
  readonly wrong: readonly string[];
}

const partitions = 3;
const main = fileURLToPath(new URL('../../runtime/cli/main.js', import.meta.url));
const recipeModule = new URL('./recipe.js', import.meta.url).href;
const endMsMax = 90_000;
/** In which about ten kills find the input being processed. */
const feedMs = 4_000;

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly stderr: string }>;
}

function runJobFile(file: string, data: string, bootstrap: string, ...more: readonly string[]): Running {
  const args = [main, 'run', file, '--bootstrap', bootstrap, '--data', data, '--threads', '2', ...more];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NODE_ENV: 'test', MILLRACE_LOG: 'error' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Awaited<Running['ended']>>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stderr }));
  });
  return { child, ended };
}

export async function runKilled({ random, guarantee, records, bootstrap }: KilledOptions): Promise<KilledOutcome> {
  const program = randomProgram(random, partitions, guarantee);
  await using node = bootstrap === undefined ? await startListeningNode() : null;
  const at = node?.bootstrap ?? bootstrap!;
  const folder = await mkdtemp(join(tmpdir(), 'millrace-killed-'));
  const job = join(folder, 'job.mjs');
  const settings = JSON.stringify({ partitions, guarantee, updates: program.updates, commitInterval: 50 });
  await writeFile(
    job,
    `import { jobOf } from '${recipeModule}';\nexport default jobOf(${JSON.stringify(program.recipe)}, ${settings});\n`,
  );
  try {
    await using connection = await connect({ bootstrap: at });
    const { client } = connection;
    await client.admin().createTopics([...program.inputs].map(([name, count]) => ({ name, partitions: count })));
    const kills = await feedAndKill(program, client, {
      random,
      records,
      start: (name) => runJobFile(job, join(folder, name), at),
    });
    const last = await endOf(runJobFile(job, join(folder, 'a'), at, '--until', 'end'));
    if (last.code !== 0) throw new Error(`the last run ended with ${last.code ?? last.signal}: ${last.stderr}`);
    const seen = new Map<string, Seen[]>();
    for (const name of program.reads) seen.set(name, await readAll(client, name));
    if (bootstrap !== undefined) await forget(client);
    return { recipe: program.recipe, kills, wrong: program.check((name) => seen.get(name)!) };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

type Client = Awaited<ReturnType<typeof connect>>['client'];

async function feedAndKill(
  program: RandomProgram,
  client: Client,
  { random, records, start }: { random: Random; records: number; start: (name: string) => Running },
): Promise<number> {
  await using producer = client.producer();
  const write = (topic: string, key: string, value: unknown) =>
    void producer.send({ topic, key: Buffer.from(key), value: item.encode(value as never) });
  program.prepare?.({ write });
  await producer.flush();
  const names = ['a', 'b'] as const;
  const running = new Map(names.map((name) => [name, start(name)]));
  let kills = 0;
  let killAtMs = 1_000;
  const startedMs = systemClock.monotonicMs();
  for (let fed = 0; fed < records; ) {
    const elapsedMs = systemClock.monotonicMs() - startedMs;
    for (; fed < Math.min(records, (elapsedMs / feedMs) * records); fed++) program.feed({ write }, random);
    if (elapsedMs >= killAtMs) {
      const name = names[random.integer(names.length)]!;
      const { child, ended } = running.get(name)!;
      child.kill('SIGKILL');
      const { signal, stderr } = await ended;
      if (signal !== 'SIGKILL') throw new Error(`a process had ended by itself: ${stderr}`);
      kills += 1;
      running.set(name, start(name));
      killAtMs = elapsedMs + 200 + random.integer(1_200);
    }
    await systemClock.sleep(20);
  }
  await producer.flush();
  for (const { child } of running.values()) child.kill(random.next() < 0.5 ? 'SIGKILL' : 'SIGTERM');
  for (const { ended } of running.values()) await ended;
  return kills;
}

async function endOf({ child, ended }: Running): Promise<Awaited<Running['ended']>> {
  const timer = systemClock.after(endMsMax, () => child.kill('SIGKILL'));
  const last = await ended;
  timer.cancel();
  return last;
}

async function readAll(client: Client, name: string): Promise<Seen[]> {
  const seen: Seen[] = [];
  const from = { in: inputTopic, other: otherTopic, rows: rowsTable, out: outputOf(partitions) }[name]!;
  for await (const { key, value } of consume(client, from as typeof inputTopic, { until: 'end' }))
    seen.push({ key: key!, value } as Seen);
  return seen;
}

async function forget(client: Client): Promise<void> {
  const admin = client.admin();
  await admin.deleteGroups(['random']).catch(() => {});
  const names = (await admin.listTopics()).map(({ name }) => name);
  await admin.deleteTopics(
    names.filter((name) => ['in', 'out', 'other', 'rows'].includes(name) || name.startsWith('random-')),
  );
}
