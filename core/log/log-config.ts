// A topic's settings by Kafka's names, with Kafka's defaults (4.1's LogConfig and TopicConfig). What a name means here,
// where a partition is a database and not a row of segment files, is in its documentation below. Values are parsed and
// checked here only; a setting whose name isn't in the table is refused, so that a misspelt one isn't silently nothing.
import { Fault } from '../kernel/fault.ts';
import type { CompressionName } from '../protocol/record-batch.ts';

export interface LogConfig {
  readonly cleanupDelete: boolean;
  readonly cleanupCompact: boolean;
  readonly compressionType: 'producer' | CompressionName;
  readonly deleteRetentionMs: number;
  /** Each write reaches the disk's platter before it is answered. */
  readonly sync: boolean;
  readonly maxCompactionLagMs: number;
  readonly maxMessageBytes: number;
  readonly messageTimestampAfterMaxMs: number;
  readonly messageTimestampBeforeMaxMs: number;
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime';
  readonly minCleanableDirtyRatio: number;
  readonly minCompactionLagMs: number;
  readonly minInSyncReplicas: number;
  /** Infinity for no limit; likewise milliseconds. */
  readonly retentionBytes: number;
  readonly retentionMs: number;
  readonly segmentBytes: number;
  readonly segmentMs: number;
}

export type ConfigType = 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list';

export interface ConfigDefinition {
  readonly name: string;
  readonly type: ConfigType;
  readonly defaultValue: string;
  readonly documentation: string;
  /** Of numbers, inclusive. */
  readonly min?: number;
  readonly max?: number;
  /** Of strings and of each item of a list. */
  readonly oneOf?: readonly string[];
  /** Of the text as a whole, which may be empty then, with what it must be in words. */
  readonly form?: { readonly pattern: RegExp; readonly words: string };
}

const week = String(7 * 24 * 60 * 60 * 1_000);
const forever = '9223372036854775807';

const definition = (
  name: string,
  type: ConfigType,
  defaultValue: string,
  documentation: string,
  limits: Pick<ConfigDefinition, 'min' | 'max' | 'oneOf' | 'form'> = {},
): ConfigDefinition => ({ name, type, defaultValue, documentation, ...limits });

/** Kafka's ThrottledReplicaListValidator. */
const throttledReplicas = {
  form: {
    pattern: /^\s*(\*|(\d+:\d+(\s*,\s*\d+:\d+)*)?)\s*$/,
    words: "'*' or a list of PARTITION:NODE",
  },
};

/** Every topic setting that is taken, in the order of their names. */
export const topicConfigs: readonly ConfigDefinition[] = [
  definition(
    'cleanup.policy',
    'list',
    'delete',
    "'delete' lets records go by age and size, 'compact' keeps the newest of each key, 'compact,delete' does both. In a compacted topic a record without a key is dropped when it is compacted.",
    { oneOf: ['delete', 'compact'] },
  ),
  definition(
    'compression.type',
    'string',
    'producer',
    "'producer' keeps batches as they come; any other codec makes the node compress them again.",
    { oneOf: ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'] },
  ),
  definition(
    'delete.retention.ms',
    'long',
    '86400000',
    'How long a tombstone stays after compaction first came to it, so that a slow reader still sees it.',
    { min: 0 },
  ),
  definition('file.delete.delay.ms', 'long', '60000', 'Taken and without effect: LevelDB deletes files by itself.', {
    min: 0,
  }),
  definition(
    'flush.messages',
    'long',
    forever,
    '1: a write is on the disk itself before it is answered, so that it survives power loss. Anything else: it survives the death of the process. Writes that wait go to disk together, so a busy topic pays once for many.',
    { min: 1 },
  ),
  definition('flush.ms', 'long', forever, 'Taken and without effect; see flush.messages.', { min: 0 }),
  definition(
    'follower.replication.throttled.replicas',
    'list',
    '',
    'Replicas, each as partition:node or * for all, that are filled no faster than follower.replication.throttled.rate of their node while they are not in sync.',
    throttledReplicas,
  ),
  definition('index.interval.bytes', 'int', '4096', 'Taken and without effect.', { min: 0 }),
  definition(
    'leader.replication.throttled.replicas',
    'list',
    '',
    'Replicas that lead, each as partition:node or * for all, that replicas which are not in sync get no faster than leader.replication.throttled.rate of their node.',
    throttledReplicas,
  ),
  definition(
    'max.compaction.lag.ms',
    'long',
    forever,
    'A record is compacted after that time at the latest, even in the active tail and below min.cleanable.dirty.ratio.',
    { min: 1 },
  ),
  definition('max.message.bytes', 'int', '1048588', 'The largest batch that is taken, as it goes over the wire.', {
    min: 0,
  }),
  definition(
    'message.timestamp.after.max.ms',
    'long',
    '3600000',
    'How far ahead of the node a batch with CreateTime may be; an hour by default (KIP-1030).',
    { min: 0 },
  ),
  definition(
    'message.timestamp.before.max.ms',
    'long',
    forever,
    'How far behind the node a batch with CreateTime may be.',
    { min: 0 },
  ),
  definition(
    'message.timestamp.type',
    'string',
    'CreateTime',
    "'CreateTime' keeps the producer's times, 'LogAppendTime' sets the node's.",
    { oneOf: ['CreateTime', 'LogAppendTime'] },
  ),
  definition(
    'min.cleanable.dirty.ratio',
    'double',
    '0.5',
    'The part of a compacted log that must be new before it is compacted again.',
    { min: 0, max: 1 },
  ),
  definition('min.compaction.lag.ms', 'long', '0', 'A record is not compacted before it is that old.', { min: 0 }),
  definition('min.insync.replicas', 'int', '1', 'Replicas that must have a record before acks=all is answered.', {
    min: 1,
  }),
  definition('preallocate', 'boolean', 'false', 'Taken and without effect.'),
  definition(
    'retention.bytes',
    'long',
    '-1',
    'The oldest batches go while the rest of the partition is no smaller than that. -1: no limit.',
    { min: -1 },
  ),
  definition(
    'retention.ms',
    'long',
    week,
    "Batches at the head go once their newest record is that old, by the records' own times. -1: never.",
    { min: -1 },
  ),
  definition(
    'segment.bytes',
    'int',
    '1073741824',
    'The active tail, which compaction leaves alone, begins anew when it would become larger. There are no segment files.',
    { min: 14 },
  ),
  definition('segment.index.bytes', 'int', '10485760', 'Taken and without effect.', { min: 4 }),
  definition('segment.jitter.ms', 'long', '0', 'Taken and without effect.', { min: 0 }),
  definition('segment.ms', 'long', week, 'The active tail begins anew when its first record is that old.', { min: 1 }),
  definition(
    'unclean.leader.election.enable',
    'boolean',
    'false',
    'Whether a replica that is behind may lead when no other is left, which loses records.',
  ),
];

const byName = new Map(topicConfigs.map((config) => [config.name, config]));

/** Settings that differ from the defaults, by Kafka's names. */
export type ConfigOverrides = Readonly<Record<string, string>>;

/** Why `value` can't be the setting `name`, in words; null if it can. */
export function configObjection(name: string, value: string): string | null {
  const config = byName.get(name);
  return config === undefined ? `there is no topic setting '${name}'` : valueObjection(config, value);
}

/** Why `value` can't be that setting, in words; null if it can. */
export function valueObjection({ name, type, min, max, oneOf, form }: ConfigDefinition, value: string): string | null {
  if (form !== undefined) return form.pattern.test(value) ? null : `${name} is ${form.words}, not '${value}'`;
  if (type === 'boolean') return /^(true|false)$/i.test(value) ? null : `${name} is true or false, not '${value}'`;
  if (type === 'string' || type === 'list') {
    const items = type === 'list' ? listOf(value) : [value];
    const isKnown = items.length > 0 && items.every((item) => oneOf === undefined || oneOf.includes(item));
    return isKnown ? null : `${name} is ${oneOf?.join(', ')}, not '${value}'`;
  }
  const digits = type === 'double' ? /^-?\d+(\.\d+)?(e-?\d+)?$/i : /^-?\d+$/;
  const number = Number(value);
  const largest = max ?? (type === 'int' ? 2 ** 31 - 1 : 2 ** 63);
  const isWithin = number >= (min ?? -largest) && number <= largest;
  return digits.test(value.trim()) && isWithin ? null : `${name} is a number${range(min, max)}, not '${value}'`;
}

const range = (min: number | undefined, max: number | undefined) =>
  max !== undefined ? ` from ${min} to ${max}` : min !== undefined ? ` of at least ${min}` : '';

const listOf = (value: string) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** @throws Fault `BAD_TOPIC_CONFIG` for the first name or value that can't be */
export function logConfig(overrides: ConfigOverrides = {}): LogConfig {
  for (const [name, value] of Object.entries(overrides)) {
    const why = configObjection(name, value);
    if (why !== null) throw new Fault('BAD_TOPIC_CONFIG', { why });
  }
  const text = (name: string): string => overrides[name] ?? byName.get(name)!.defaultValue;
  const number = (name: string): number => Number(text(name));
  /** Long.MAX_VALUE is Kafka's way to write no limit. */
  const limit = (name: string): number => {
    const value = number(name);
    return value < 0 || value >= 2 ** 63 ? Number.POSITIVE_INFINITY : value;
  };
  const policies = listOf(text('cleanup.policy'));
  const compression = text('compression.type');
  return {
    cleanupDelete: policies.includes('delete'),
    cleanupCompact: policies.includes('compact'),
    compressionType: compression === 'uncompressed' ? 'none' : (compression as LogConfig['compressionType']),
    deleteRetentionMs: limit('delete.retention.ms'),
    sync: number('flush.messages') === 1,
    maxCompactionLagMs: limit('max.compaction.lag.ms'),
    maxMessageBytes: number('max.message.bytes'),
    messageTimestampAfterMaxMs: limit('message.timestamp.after.max.ms'),
    messageTimestampBeforeMaxMs: limit('message.timestamp.before.max.ms'),
    messageTimestampType: text('message.timestamp.type') as LogConfig['messageTimestampType'],
    minCleanableDirtyRatio: number('min.cleanable.dirty.ratio'),
    minCompactionLagMs: limit('min.compaction.lag.ms'),
    minInSyncReplicas: number('min.insync.replicas'),
    retentionBytes: limit('retention.bytes'),
    retentionMs: limit('retention.ms'),
    segmentBytes: number('segment.bytes'),
    segmentMs: limit('segment.ms'),
  };
}
