// `millrace consume`: records of a topic as lines, to its end or as they come.
import type { Command } from 'commander';
import type { Client } from '../../../core/client/index.ts';
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
  if (flags.json === true) return (record) => toJson(asJson(record, shown));
  const { format } = flags;
  if (format !== undefined) return (record) => fromTemplate(format, record, shown);
  const { keys = false, headers = false, timestamps = false } = flags;
  return (record) => asLine(record, { ...shown, keys, headers, timestamps });
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

async function consume(topic: string, flags: Flags): Promise<void> {
  const lineOf = lineMaker(flags);
  await withClient(flags, async (client) => {
    const [described] = await client.admin().describeTopics([topic]);
    const partitions = described!.partitions.map(({ partition }) => partition);
    const { partition } = flags;
    if (partition !== undefined && !partitions.includes(partition))
      throw new Fault('PARTITION_NOT_FOUND', { topic, partition, partitions: partitions.length });
    const chosen = partition === undefined ? partitions : [partition];
    const positions = await startOffsets(client, topic, chosen, flags.from);
    const grouped = flags.group === undefined ? {} : { groupId: flags.group };
    await using consumer = client.consumer({ ...grouped, from: flags.from.kind === 'latest' ? 'latest' : 'earliest' });
    if (flags.group === undefined) await consumer.assign(positions);
    else await consumer.subscribe([topic]);
    const left = new Map(positions.filter(({ offset, end }) => offset < end).map((tp) => [partitionName(tp), tp.end]));
    let count = 0;
    let stopped = false;
    const stop = () => {
      if (stopped) process.exit(exitCode.forced);
      stopped = true;
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    const ended = () => flags.until === 'end' && flags.group === undefined && left.size === 0;
    while (!stopped && !ended() && count < (flags.limit ?? Number.POSITIVE_INFINITY)) {
      for (const record of await consumer.poll(200)) {
        if (count >= (flags.limit ?? Number.POSITIVE_INFINITY)) break;
        if (flags.until === 'end' && record.offset >= (left.get(partitionName(record)) ?? 0)) continue;
        await printPatiently(lineOf(record));
        count += 1;
      }
      for (const [name, end] of left) {
        const tp = positions.find((position) => partitionName(position) === name)!;
        if ((consumer.position(tp) ?? 0) >= end) left.delete(name);
      }
    }
  });
}

export function addConsume(program: Command): void {
  addConnectionOptions(
    program.command('consume').description('print the records of a topic, and those that come').argument('<topic>'),
  )
    .option(
      '--from <position>',
      'earliest, latest, an offset, or a time: 2026-01-31T12:00:00Z, @1769860800000',
      parsePosition,
      { kind: 'earliest' } satisfies Position,
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
