// What Kafka calls a node's default of a topic setting: often not what the topic calls it (Kafka's
// ServerTopicConfigSynonyms), and what else of a node can be changed while it runs.
import { type ConfigDefinition, topicConfigs } from '../log/log-config.ts';

const namesThatDiffer: Readonly<Record<string, string>> = {
  'cleanup.policy': 'log.cleanup.policy',
  'delete.retention.ms': 'log.cleaner.delete.retention.ms',
  'file.delete.delay.ms': 'log.segment.delete.delay.ms',
  'flush.messages': 'log.flush.interval.messages',
  'flush.ms': 'log.flush.interval.ms',
  'index.interval.bytes': 'log.index.interval.bytes',
  'max.compaction.lag.ms': 'log.cleaner.max.compaction.lag.ms',
  'max.message.bytes': 'message.max.bytes',
  'message.timestamp.after.max.ms': 'log.message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms': 'log.message.timestamp.before.max.ms',
  'message.timestamp.type': 'log.message.timestamp.type',
  'min.cleanable.dirty.ratio': 'log.cleaner.min.cleanable.ratio',
  'min.compaction.lag.ms': 'log.cleaner.min.compaction.lag.ms',
  preallocate: 'log.preallocate',
  'retention.bytes': 'log.retention.bytes',
  'retention.ms': 'log.retention.ms',
  'segment.bytes': 'log.segment.bytes',
  'segment.index.bytes': 'log.index.size.max.bytes',
  'segment.jitter.ms': 'log.roll.jitter.ms',
  'segment.ms': 'log.roll.ms',
};

/** Whose partitions they name are a topic's own. */
const ofTopicsAlone: ReadonlySet<string> = new Set([
  'follower.replication.throttled.replicas',
  'leader.replication.throttled.replicas',
]);

/** The node's name of a topic setting's default. */
export const nodeNameOf = (topicName: string): string => namesThatDiffer[topicName] ?? topicName;

/** The topic setting that each such default is of. Which replicas are throttled is only ever said of a topic. */
export const topicConfigOf: ReadonlyMap<string, ConfigDefinition> = new Map(
  topicConfigs.filter(({ name }) => !ofTopicsAlone.has(name)).map((config) => [nodeNameOf(config.name), config]),
);

const rate = (name: string, documentation: string): ConfigDefinition => ({
  ...{ name, type: 'long', defaultValue: '9223372036854775807', documentation, min: 0 },
});

/** Kafka's QuotaConfig.brokerQuotaConfigs. */
const rates: readonly ConfigDefinition[] = [
  rate('follower.replication.throttled.rate', 'Bytes a second at which this node makes copies that are throttled.'),
  rate(
    'leader.replication.throttled.rate',
    'Bytes a second at which throttled copies are made of what this node leads.',
  ),
  rate('replica.alter.log.dirs.io.max.bytes.per.second', 'Taken and without effect: a node has one folder.'),
];

/** Every setting of a node that is changed while it runs: defaults of topics, and the node's own. */
export const changeableConfigs: ReadonlyMap<string, ConfigDefinition> = new Map([
  ...topicConfigOf,
  ...rates.map((config) => [config.name, config] as const),
]);
