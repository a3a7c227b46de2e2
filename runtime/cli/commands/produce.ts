// `millrace produce`: lines of standard input, or one record from flags, into a topic.
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import type { Producer } from '../../../core/client/index.ts';
import { systemClock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { addConnectionOptions, type ConnectionFlags, withClient } from '../connection.ts';
import { collectSettings, parseNonNegativeInteger } from '../options.ts';
import { formatCount, say } from '../output.ts';

interface Flags extends ConnectionFlags {
  readonly key?: string;
  readonly value?: string;
  readonly nullValue?: boolean;
  readonly header?: Readonly<Record<string, string>>;
  readonly partition?: number;
  readonly timestamp?: number;
  readonly keySeparator?: string;
  readonly json?: boolean;
}

interface Outgoing {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
  readonly partition?: number;
  readonly timestampMs?: number;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const textOrJson = (value: unknown): Uint8Array | null =>
  value === null || value === undefined ? null : bytes(typeof value === 'string' ? value : JSON.stringify(value));
const headersOf = (given: Readonly<Record<string, unknown>> = {}) =>
  Object.entries(given).map(([name, value]) => [name, textOrJson(value)] as const);

/** A line of `millrace consume --json`, or of whatever has `key`, `value`, `headers`, `partition`, `timestampMs`. */
function fromJson(line: string, number: number): Outgoing {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new Fault('BAD_INPUT_LINE', { line: number, reason: `it is no JSON: ${(error as Error).message}` });
  }
  const refuse = (reason: string): never => {
    throw new Fault('BAD_INPUT_LINE', { line: number, reason });
  };
  if (!isObject(parsed) || !('value' in parsed)) return refuse("it must be an object with a 'value'");
  const { key, value, headers, partition, timestampMs } = parsed;
  if (headers !== undefined && !isObject(headers)) return refuse('its headers must be an object, of names to texts');
  if (partition !== undefined && !isCount(partition)) return refuse('its partition must be a whole number from 0');
  if (timestampMs !== undefined && !isCount(timestampMs))
    return refuse('its timestampMs must be whole milliseconds since 1970');
  return {
    key: textOrJson(key),
    value: textOrJson(value),
    headers: headersOf(headers),
    ...(partition === undefined ? {} : { partition }),
    ...(timestampMs === undefined ? {} : { timestampMs }),
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function fromLine(line: string, number: number, flags: Flags): Outgoing {
  if (flags.json === true) return fromJson(line, number);
  const shared = { headers: headersOf(flags.header), ...placement(flags) };
  const { keySeparator } = flags;
  if (keySeparator === undefined)
    return { key: flags.key === undefined ? null : bytes(flags.key), value: bytes(line), ...shared };
  const at = line.indexOf(keySeparator);
  if (at < 0) throw new Fault('BAD_INPUT_LINE', { line: number, reason: `there is no '${keySeparator}' in it` });
  return { key: bytes(line.slice(0, at)), value: bytes(line.slice(at + keySeparator.length)), ...shared };
}

const placement = ({ partition, timestamp }: Flags) => ({
  ...(partition === undefined ? {} : { partition }),
  ...(timestamp === undefined ? {} : { timestampMs: timestamp }),
});

async function write(producer: Producer, topic: string, partitions: number, record: Outgoing): Promise<void> {
  const partition = record.partition ?? producer.partitionFor(topic, record.key);
  if (partition >= partitions) throw new Fault('PARTITION_NOT_FOUND', { topic, partition, partitions });
  const took = producer.write(
    topic,
    partition,
    record.timestampMs ?? systemClock.now(),
    record.key,
    record.value,
    record.headers,
  );
  if (!took) await producer.ready();
}

async function produce(topic: string, flags: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    await using producer = client.producer();
    const partitions = await producer.partitionsOf(topic);
    let count = 0;
    if (flags.value !== undefined || flags.nullValue === true) {
      const key = flags.key === undefined ? null : bytes(flags.key);
      const value = flags.value === undefined ? null : bytes(flags.value);
      await write(producer, topic, partitions, { key, value, headers: headersOf(flags.header), ...placement(flags) });
      count = 1;
    } else {
      for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
        if (flags.json === true && line.trim() === '') continue;
        count += 1;
        await write(producer, topic, partitions, fromLine(line, count, flags));
      }
    }
    await producer.flush();
    say(`wrote ${formatCount(count)} record${count === 1 ? '' : 's'} to '${topic}'`);
  });
}

export function addProduce(program: Command): void {
  addConnectionOptions(
    program
      .command('produce')
      .description('write the lines of standard input to a topic, a record each')
      .argument('<topic>'),
  )
    .option('--value <text>', 'one record with this value, instead of standard input')
    .option('--null-value', 'one record without a value: a tombstone')
    .option('--key <text>', 'key of every record')
    .option('--key-separator <text>', 'what parts key and value in a line')
    .option('--header <name=value>', 'repeatable', collectSettings)
    .option('--partition <n>', 'default: by the key', parseNonNegativeInteger)
    .option('--timestamp <ms>', 'milliseconds since 1970; default: now', parseNonNegativeInteger)
    .option('--json', 'lines are JSON objects with value and, if wanted, key, headers, partition, timestampMs')
    .addHelpText(
      'after',
      '\nExamples:\n  $ echo hello | millrace produce greetings\n  $ millrace produce users --key 7 --value \'{"name":"Ada"}\'\n  $ millrace consume a --json --until end | millrace produce b --json',
    )
    .action(produce);
}
