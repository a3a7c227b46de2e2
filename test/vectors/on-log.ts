// A vector on a log, embedded or a cluster's. 'restarts' ends and starts the job before every record that comes by another
// topic than the one before it, so that state, changelogs and repartition topics are left and found again all the time;
// 'once' has a job of one input run through all of it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, RecordCursor } from '../../core/client/index.ts';
import { utf8 } from '../../core/schema/primitive.ts';
import type { Job } from '../../dsl/index.ts';
import { connect, runJob } from '../../runtime/cli/index.ts';
import { compileJob } from '../../runtime/cli/load-job.ts';
import { programOf } from './programs.ts';
import {
  type Answer,
  answerOf,
  outputsOf,
  problemOf,
  type TopologyVector,
  type VectorRecord,
  type VectorStep,
} from './vector.ts';

export type Manner = 'restarts' | 'once';

/** A foreign-key join asks and is answered over topics: what has changed again meanwhile is never answered. */
export const runsOnce = ({ topology, steps }: TopologyVector): boolean =>
  topology.op !== 'table-table-fk-join' &&
  new Set(steps.flatMap((step) => step.in.map(({ topic = 'in' }) => topic))).size === 1;

/** @returns what is wrong, a line each */
export async function runOnLog(vector: TopologyVector, manner: Manner, bootstrap?: string): Promise<string[]> {
  const data = await mkdtemp(join(tmpdir(), 'millrace-vector-'));
  const where = { data, ...(bootstrap !== undefined && { bootstrap }) };
  const job = programOf(vector);
  const topics = [...new Set(vector.steps.flatMap((step) => step.in.map(({ topic = 'in' }) => topic)))];
  const outputs = outputsOf(vector);
  const read = new Map(outputs.map((name) => [name, 0]));
  const wrong: string[] = [];
  let late = 0;

  /** Runs to the end of what is there. */
  async function toTheEnd(): Promise<void> {
    await using run = await runJob(job, { ...where, until: 'end' });
    late += (await run.done).dropped['late for their window'] ?? 0;
  }

  async function check(steps: readonly VectorStep[], what: string): Promise<void> {
    await using connection = await connect(where);
    const whole: VectorStep = {
      in: [],
      out: steps.flatMap((step) => step.out),
      unordered: steps.some((s) => s.unordered),
    };
    for (const name of outputs) {
      const { answers, next } = await answersFrom(connection.client, job, name, read.get(name)!);
      read.set(name, next);
      const problem = problemOf(whole, name, answers);
      if (problem !== null) wrong.push(`${what}: ${problem}`);
    }
  }

  try {
    await using first = await connect(where);
    // Their times are those of 1970, and retention would take them.
    const kept = { 'retention.ms': '-1' };
    await first.client
      .admin()
      .createTopics([...topics, ...outputs].map((name) => ({ name, partitions: 1, config: kept })));
    await first[Symbol.asyncDispose]();
    for (const [number, step] of vector.steps.entries()) {
      for (const records of manner === 'once' ? [step.in] : byTopic(step.in)) {
        await write(records, where);
        if (manner === 'restarts') await toTheEnd();
      }
      if (manner === 'restarts') await check([step], `step ${number + 1}`);
    }
    if (manner === 'once') {
      await toTheEnd();
      await check(vector.steps, 'all steps');
    }
    if (vector.droppedRecords !== undefined && late !== vector.droppedRecords)
      wrong.push(`${late} records were late, wanted ${vector.droppedRecords}`);
    return wrong;
  } finally {
    if (bootstrap !== undefined) await forget(bootstrap, job);
    await rm(data, { recursive: true, force: true });
  }
}

/** Runs of records by the same topic: the job sees them in the order in which they stand. */
function byTopic(records: readonly VectorRecord[]): VectorRecord[][] {
  const runs: VectorRecord[][] = [];
  for (const record of records) {
    const last = runs.at(-1);
    if (last?.[0]?.topic === record.topic && last !== undefined) last.push(record);
    else runs.push([record]);
  }
  return runs;
}

type Where = Parameters<typeof connect>[0];

async function write(records: readonly VectorRecord[], where: Where): Promise<void> {
  await using connection = await connect(where);
  await using producer = connection.client.producer();
  for (const { topic = 'in', key, value, ts } of records) {
    await producer.partitionsOf(topic);
    const bytes = (text: string | null) => (text === null ? null : utf8.encode(text));
    if (!producer.write(topic, 0, ts, bytes(key), bytes(value))) await producer.ready();
  }
  await producer.flush();
}

async function answersFrom(client: Client, job: Job, topic: string, from: number) {
  const [end] = await client.admin().listOffsets([{ topic, partition: 0 }], 'latest', 'readCommitted');
  const { key: keySerde } = compileJob(job).topics.find(({ name }) => name === topic)!;
  const answers: Answer[] = [];
  const fetcher = client.fetcher({ isolation: 'readCommitted' });
  fetcher.assign([{ topic, partition: 0, offset: from }]);
  const cursor = new RecordCursor();
  let next = from;
  while (next < end!.offset) {
    for (const { batches } of await fetcher.poll(100)) {
      for (const batch of batches) {
        cursor.open(batch);
        while (cursor.next()) {
          if (cursor.offset < from) continue;
          const [key, value] = [cursor.key(), cursor.value()];
          const decoded = key === null ? null : keySerde.decode(key);
          answers.push(answerOf(decoded, value === null ? null : utf8.decode(value), cursor.timestampMs));
          next = cursor.offset + 1;
        }
      }
    }
  }
  fetcher.close();
  return { answers, next };
}

/** The next vector has topics of the same names. */
async function forget(bootstrap: string, job: Job): Promise<void> {
  await using connection = await connect({ bootstrap });
  const admin = connection.client.admin();
  const { topics, internalTopics } = compileJob(job);
  const names = new Set([...topics, ...internalTopics].map(({ name }) => name));
  await admin.deleteTopics((await admin.listTopics()).flatMap(({ name }) => (names.has(name) ? [name] : [])));
  await admin.deleteGroups([job.name]).catch(() => {});
}
