// A random program on a log in one task, the embedded one or a cluster's, whose topics are taken away again. With a restart
// the job runs to the end of half its input, and another one goes on from what that has left.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, connect, runJob } from '../../runtime/cli/index.ts';
import { compileJob } from '../../runtime/cli/load-job.ts';
import { consume } from '../../runtime/rx/index.ts';
import type { Case } from './any-program.ts';
import type { Keyed, Result } from './model.ts';
import { item, jobOf, outputOf, sideInputOf } from './recipe.ts';

export interface LogOptions {
  readonly guarantee: 'atLeastOnce' | 'exactlyOnce';
  readonly restart: boolean;
  /** Of a cluster; default the embedded log. */
  readonly bootstrap?: string | undefined;
}

type Where = Parameters<typeof connect>[0];

/** @returns all that came out, in order */
export async function runOnLog({ recipe, inputs }: Case, options: LogOptions): Promise<Result[]> {
  const { guarantee, restart, bootstrap } = options;
  const data = await mkdtemp(join(tmpdir(), 'millrace-random-'));
  const where = { data, ...(bootstrap !== undefined && { bootstrap }) };
  const job = jobOf(recipe, { partitions: 1, guarantee });
  const side = sideInputOf(recipe);
  const half = restart ? inputs.in.length >> 1 : inputs.in.length;
  try {
    await createTopics(['in', ...(side === null ? [] : [side])], where);
    if (side !== null) await write(side, inputs.side, where);
    for (const part of [inputs.in.slice(0, half), ...(restart ? [inputs.in.slice(half)] : [])]) {
      await write('in', part, where);
      await using run = await runJob(job, { ...where, until: 'end' });
      await run.done;
    }
    return await results(where);
  } finally {
    if (bootstrap !== undefined) await forget(await connect(where), job);
    await rm(data, { recursive: true, force: true });
  }
}

async function createTopics(names: readonly string[], where: Where): Promise<void> {
  await using connection = await connect(where);
  await connection.client.admin().createTopics(names.map((name) => ({ name, partitions: 1 })));
}

async function write(topic: string, records: readonly Keyed[], where: Where): Promise<void> {
  await using connection = await connect(where);
  await using producer = connection.client.producer();
  await Promise.all(
    records.map(({ key, value }) => producer.send({ topic, key: Buffer.from(key), value: item.encode(value) })),
  );
}

async function results(where: Where): Promise<Result[]> {
  await using connection = await connect(where);
  const found: Result[] = [];
  for await (const { key, value } of consume(connection.client, outputOf(1), { until: 'end' }))
    found.push({ key: key!, value });
  return found;
}

/** The next program has topics of the same names. */
async function forget(open: Connection, job: ReturnType<typeof jobOf>): Promise<void> {
  await using connection = open;
  const admin = connection.client.admin();
  const { topics, internalTopics } = compileJob(job);
  const made = new Set([...topics, ...internalTopics].map(({ name }) => name));
  await admin.deleteTopics((await admin.listTopics()).flatMap(({ name }) => (made.has(name) ? [name] : [])));
  await admin.deleteGroups([job.name]).catch(() => {});
}
