// Whole jobs on the embedded log, everything included (node, client, worker, commits, start and end), by turns with a
// plain loop that decodes, applies and encodes the same batches, checksums and all, without a log.
import { systemClock } from '../../core/kernel/clock.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { apis } from '../../core/protocol/api-table.ts';
import { BatchBuilder } from '../../core/protocol/batch-builder.ts';
import { readBatchHeader, verifyBatch } from '../../core/protocol/record-batch.ts';
import { RecordCursor } from '../../core/protocol/record-cursor.ts';
import { safeInt64, utf8 } from '../../core/schema/primitive.ts';
import { count, filter, groupByKey, type Job, type JobSettings, job, map, topic, toStream } from '../../dsl/index.ts';
import { type Embedded, openEmbedded } from '../../runtime/cli/embedded.ts';
import { runJob } from '../../runtime/cli/run-job.ts';
import { inFolder, type Rates, type RatioRow, ratesOf, ratioRow } from './measure.ts';

export interface PipelineBenchOptions {
  /** Of each side. */
  readonly rounds: number;
  readonly records: number;
  /** Which jobs; default all. */
  readonly only?: readonly PipelineName[];
}

export type PipelineName = 'stateless' | 'count' | 'stateless exactlyOnce' | 'count exactlyOnce';

const keyCount = 10_000;
const valueBytes = 100;
const distinctRecords = 200_000;
/** As a producer's batch size. */
const batchBytes = 64 * 1024;

const keep = (value: string) => value.charCodeAt(0) !== 0x39;
const change = (value: string) => `${value.slice(1)}!`;

const keyOf = (n: number) => utf8.encode(`key-${(n * 7_919) % keyCount}`);
const textOf = (n: number) => utf8.encode(`${n},`.repeat(valueBytes).slice(0, valueBytes));

/** The batches that fill the topic, made once: as many as don't fit into a processor's nearer caches. */
function makeInput(): Uint8Array[] {
  const startMs = systemClock.now();
  const appender = createAppender();
  for (let n = 0; n < distinctRecords; n++) appender.append(startMs + (n >> 7), keyOf(n), textOf(n));
  return appender.batches;
}

/** Builds batches as a producer does. */
function createAppender() {
  const batches: Uint8Array[] = [];
  const builder = new BatchBuilder();
  return {
    batches,
    append(timestampMs: number, key: Uint8Array | null, value: Uint8Array | null): void {
      builder.append(timestampMs, key, value);
      if (builder.sizeBytes < batchBytes) return;
      batches.push(builder.build());
      builder.reset();
    },
  };
}

type Append = (timestampMs: number, key: Uint8Array | null, value: Uint8Array | null) => void;

/** Reads `records` records out of the batches, over and over, with their checksums. */
function plainLoop(
  batches: readonly Uint8Array[],
  records: number,
  each: (cursor: RecordCursor, append: Append) => void,
) {
  const cursor = new RecordCursor();
  const { append, batches: made } = createAppender();
  for (let at = 0, left = records; left > 0; at = (at + 1) % batches.length) {
    verifyBatch(batches[at]!);
    cursor.open(batches[at]!);
    for (; left > 0 && cursor.next(); left--) each(cursor, append);
    made.length = 0;
  }
}

function plainStateless(cursor: RecordCursor, append: Append): void {
  const value = utf8.decode(cursor.value()!);
  if (keep(value)) append(cursor.timestampMs, cursor.key(), utf8.encode(change(value)));
}

function plainCount(): (cursor: RecordCursor, append: Append) => void {
  const counts = new Map<string, { value: number; timestampMs: number }>();
  return (cursor, append) => {
    const keyBytes = cursor.key()!;
    const key = utf8.decode(keyBytes);
    utf8.decode(cursor.value()!);
    const { timestampMs } = cursor;
    const stored = counts.get(key);
    const value = stored === undefined ? 1 : stored.value + 1;
    const newestMs = stored === undefined ? timestampMs : Math.max(stored.timestampMs, timestampMs);
    counts.set(key, { value, timestampMs: newestMs });
    append(newestMs, keyBytes, safeInt64.encode(value));
  };
}

interface Program {
  readonly name: PipelineName;
  readonly what: string;
  readonly make: (id: string, out: string) => Job;
  readonly plain: () => (cursor: RecordCursor, append: Append) => void;
}

const input = topic('in', utf8, { partitions: 1 });

const stateless = (settings: JobSettings) => (id: string, out: string) =>
  job(id, [input.pipe(filter(keep), map(change)).to(topic(out, utf8, { partitions: 1 }))], settings);

const counting = (settings: JobSettings) => (id: string, out: string) =>
  job(
    id,
    [input.pipe(groupByKey(), count({ as: 'counts' }), toStream()).to(topic(out, safeInt64, { partitions: 1 }))],
    settings,
  );

const programs: readonly Program[] = [
  {
    name: 'stateless',
    what: 'topic → filter → map → topic',
    make: stateless({}),
    plain: () => plainStateless,
  },
  { name: 'count', what: `count over ${keyCount} keys`, make: counting({}), plain: plainCount },
  {
    name: 'stateless exactlyOnce',
    what: 'topic → filter → map → topic, exactlyOnce',
    make: stateless({ guarantee: 'exactlyOnce' }),
    plain: () => plainStateless,
  },
  {
    name: 'count exactlyOnce',
    what: `count over ${keyCount} keys, exactlyOnce`,
    make: counting({ guarantee: 'exactlyOnce' }),
    plain: plainCount,
  },
];

/** Puts `records` records into topic `in`, in batches that are there already. @returns how many it came to */
async function fill({ client, node }: Embedded, batches: readonly Uint8Array[], records: number): Promise<number> {
  await client.admin().createTopics([{ name: 'in', partitions: 1 }]);
  let filled = 0;
  for (let at = 0; filled < records; at = (at + 1) % batches.length) {
    const { recordCount } = readBatchHeader(batches[at]!);
    const request = apis.produce.request.create({
      acks: -1,
      topicData: [{ name: 'in', partitionData: [{ index: 0, records: [batches[at]!.slice()] }] }],
    });
    const { responses } = await node.call('produce', 9, request);
    const errorCode = responses[0]!.partitionResponses[0]!.errorCode;
    if (errorCode !== 0) throw new Error(`filling the topic failed with code ${errorCode}`);
    filled += recordCount;
  }
  return filled;
}

async function runOnce(program: Program, data: string, round: number, records: number): Promise<Rates> {
  const id = `${program.name.replace(' ', '-')}-${round}`;
  const out = `${id}-out`;
  const rates = await ratesOf(records, async () => {
    await using run = await runJob(program.make(id, out), { data, until: 'end' });
    const { recordsIn } = await run.done;
    if (recordsIn !== records) throw new Error(`${recordsIn} records were read instead of ${records}`);
  });
  const embedded = await openEmbedded(data, silentLogger);
  await embedded.client.admin().deleteTopics([out]);
  await embedded[Symbol.asyncDispose]();
  return rates;
}

async function runRounds(
  program: Program,
  data: string,
  batches: readonly Uint8Array[],
  records: number,
  rounds: number,
) {
  const ours: Rates[] = [];
  const plain: Rates[] = [];
  // The first of each warms both up.
  for (let round = -1; round < rounds; round++) {
    const each = program.plain();
    const rates = [
      await ratesOf(records, () => plainLoop(batches, records, each)),
      await runOnce(program, data, round, records),
    ] as const;
    if (round < 0) continue;
    plain.push(rates[0]);
    ours.push(rates[1]);
  }
  return ratioRow(program.what, ours, plain);
}

/** One row a job; in records a second. */
export async function pipelineBench({ rounds, records, only }: PipelineBenchOptions): Promise<RatioRow[]> {
  const batches = makeInput();
  const rows: RatioRow[] = [];
  await inFolder(async (data) => {
    const embedded = await openEmbedded(data, silentLogger);
    const filled = await fill(embedded, batches, records);
    await embedded[Symbol.asyncDispose]();
    for (const program of programs) {
      if (only !== undefined && !only.includes(program.name)) continue;
      rows.push(await runRounds(program, data, batches, filled, rounds));
    }
  });
  return rows;
}
