// `millrace consume`: records of a topic as lines, to its end or as they come.
import { type Command, Option } from 'commander';
import type { Client, Consumer, OffsetToCommit } from '../../../core/client/index.ts';
import { systemClock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { partitionName } from '../../../core/kernel/ids.ts';
import { addConnectionOptions, type ConnectionFlags, withClient } from '../connection.ts';
import {
  type Position,
  parseChoice,
  parseNonNegativeInteger,
  parsePosition,
  parsePositiveInteger,
} from '../options.ts';
import { exitCode, printPatiently, toJson } from '../output.ts';
import {
  asJson,
  asLine,
  fromTemplate,
  parseTextKind,
  type RawRecord,
  type TextKind,
  textKinds,
} from '../record-text.ts';

interface Flags extends ConnectionFlags {
  readonly from: Position;
  readonly until?: 'end';
  readonly limit?: number;
  readonly partition?: number;
  readonly group?: string;
  readonly format?: string;
  readonly keys?: boolean;
  readonly headers?: boolean;
  readonly timestamps?: boolean;
  readonly keyAs: TextKind;
  readonly valueAs: TextKind;
  readonly json?: boolean;
}

function lineMaker(flags: Flags): (record: RawRecord) => string {
  const shown = { key: flags.keyAs, value: flags.valueAs };
  const { format, keys = false, headers = false, timestamps = false } = flags;
  const textOf = (record: RawRecord): string => {
    if (flags.json === true) return toJson(asJson(record, shown));
    if (format !== undefined) return fromTemplate(format, record, shown);
    return asLine(record, { ...shown, keys, headers, timestamps });
  };
  return (record) => {
    try {
      return textOf(record);
    } catch (error) {
      const { topic, partition, offset } = record;
      const reason = error instanceof Error ? error.message : String(error);
      const part = flags.keyAs === 'auto' ? 'value' : flags.valueAs === 'auto' ? 'key' : 'key or value';
      throw new Fault('CANNOT_SHOW', { topic, partition, offset, part, reason }, error);
    }
  };
}

async function startOffsets(client: Client, topic: string, partitions: readonly number[], from: Position) {
  const admin = client.admin();
  const all = partitions.map((partition) => ({ topic, partition }));
  const starts = await admin.listOffsets(all, 'earliest');
  const ends = await admin.listOffsets(all, 'latest', 'readCommitted');
  const byTime = from.kind === 'time' ? await admin.listOffsets(all, from.timestampMs) : [];
  const wanted = (i: number): number => {
    if (from.kind === 'latest') return ends[i]!.offset;
    if (from.kind === 'offset') return from.offset;
    if (from.kind === 'time') return byTime[i]!.offset < 0 ? ends[i]!.offset : byTime[i]!.offset;
    return starts[i]!.offset;
  };
  return all.map((tp, i) => ({
    ...tp,
    offset: Math.min(Math.max(wanted(i), starts[i]!.offset), ends[i]!.offset),
    end: ends[i]!.offset,
  }));
}

interface Reading {
  readonly consumer: Consumer;
  /** Whether all is printed that was there at the start. */
  atEnd(): boolean;
  /** Whether a record was there at the start. */
  isBeforeEnd(record: RawRecord): boolean;
  printed(record: RawRecord): Promise<void>;
  close(): Promise<void>;
}

const commitEveryMs = 5_000;

/** What is committed is what was printed: `--limit` and a closed pipe end in the middle of what was fetched. */
async function open(client: Client, topic: string, flags: Flags): Promise<Reading> {
  const [described] = await client.admin().describeTopics([topic]);
  const partitions = described!.partitions.map(({ partition }) => partition);
  const { partition, group } = flags;
  if (partition !== undefined && !partitions.includes(partition))
    throw new Fault('PARTITION_NOT_FOUND', { topic, partition, partitions: partitions.length });
  const positions = await startOffsets(client, topic, partition === undefined ? partitions : [partition], flags.from);
  const ends = new Map(positions.map((position) => [partitionName(position), position.end]));
  const done = new Map<string, OffsetToCommit>();
  let committedAtMs = systemClock.monotonicMs();
  let isAssigned = group === undefined;
  const consumer = client.consumer({
    from: flags.from.kind === 'latest' ? 'latest' : 'earliest',
    ...(group === undefined ? {} : { groupId: group, autoCommit: false }),
    async onRebalance({ kind }) {
      if (kind === 'assigned') isAssigned = true;
      else if (kind === 'revoked') await commit();
      if (kind !== 'assigned') done.clear();
    },
  });
  async function commit(): Promise<void> {
    committedAtMs = systemClock.monotonicMs();
    if (group !== undefined && done.size > 0) await consumer.commit([...done.values()]);
    done.clear();
  }
  if (group === undefined) await consumer.assign(positions);
  else await consumer.subscribe([topic]);
  return {
    consumer,
    atEnd: () =>
      isAssigned && consumer.assignment().every((tp) => (consumer.position(tp) ?? 0) >= ends.get(partitionName(tp))!),
    isBeforeEnd: (record) => record.offset < (ends.get(partitionName(record)) ?? 0),
    async printed({ topic: of, partition: at, offset }) {
      done.set(partitionName({ topic: of, partition: at }), { topic: of, partition: at, offset: offset + 1 });
      if (systemClock.monotonicMs() - committedAtMs >= commitEveryMs) await commit();
    },
    async close() {
      try {
        await commit();
      } finally {
        await consumer.close();
      }
    },
  };
}

async function consume(topic: string, flags: Flags): Promise<void> {
  const lineOf = lineMaker(flags);
  const limit = flags.limit ?? Number.POSITIVE_INFINITY;
  await withClient(flags, async (client) => {
    const reading = await open(client, topic, flags);
    let count = 0;
    let stopped = false;
    const stop = () => {
      if (stopped) process.exit(exitCode.forced);
      stopped = true;
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    try {
      while (!stopped && count < limit && !(flags.until === 'end' && reading.atEnd())) {
        for (const record of await reading.consumer.poll(200)) {
          if (stopped || count >= limit) break;
          if (flags.until === 'end' && !reading.isBeforeEnd(record)) continue;
          await printPatiently(lineOf(record));
          await reading.printed(record);
          count += 1;
        }
      }
    } finally {
      await reading.close();
    }
  });
}

export function addConsume(program: Command): void {
  addConnectionOptions(
    program.command('consume').description('print the records of a topic, and those that come').argument('<topic>'),
  )
    .addOption(
      new Option('--from <position>', 'earliest, latest, an offset, or a time: 2026-01-31T12:00:00Z, @1769860800000')
        .argParser(parsePosition)
        .default({ kind: 'earliest' } satisfies Position, 'earliest'),
    )
    .option('--until <when>', 'end: stop at what is there now', parseChoice('end'))
    .option('--limit <n>', 'stop after so many records', parsePositiveInteger)
    .option('--partition <n>', 'one partition only', parseNonNegativeInteger)
    .option('--group <id>', 'as a member of that group, going on where it is and committing')
    .option('--format <template>', '%t topic, %p partition, %o offset, %k key, %v value, %T timestamp, %h headers')
    .option('--keys', 'the key before the value')
    .option('--headers', 'the headers before the value')
    .option('--timestamps', 'the time before the value')
    .option('--key-as <kind>', textKinds.join(', '), parseTextKind, 'auto')
    .option('--value-as <kind>', textKinds.join(', '), parseTextKind, 'auto')
    .option('--json', 'a line of JSON a record')
    .addHelpText(
      'after',
      "\nExamples:\n  $ millrace consume delays --until end --keys\n  $ millrace consume orders --from 2026-01-31T12:00:00Z\n  $ millrace consume orders --format '%p/%o %k=%v'",
    )
    .action(consume);
}
