// What Kafka calls a node's default of a topic setting: often not what the topic calls it (Kafka's
// ServerTopicConfigSynonyms). These are the settings of a node that can be changed while it runs.
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

/** The node's name of a topic setting's default. */
export const nodeNameOf = (topicName: string): string => namesThatDiffer[topicName] ?? topicName;

/** The topic setting that each such default is of. Which replicas are throttled is only ever said of a topic. */
export const topicConfigOf: ReadonlyMap<string, ConfigDefinition> = new Map(
  topicConfigs.flatMap((config) => (config.pattern === undefined ? [[nodeNameOf(config.name), config]] : [])),
);

const rateOf = (side: 'leader' | 'follower', what: string): ConfigDefinition => ({
  name: `${side}.replication.throttled.rate`,
  type: 'long',
  defaultValue: '9223372036854775807',
  min: 0,
  documentation: `Bytes a second, of ${what} together (KIP-73). Replicas that are in sync are never held up.`,
});

/** All that can be set of a node while it runs. */
export const nodeConfigOf: ReadonlyMap<string, ConfigDefinition> = new Map([
  ...topicConfigOf,
  ...[
    rateOf('leader', 'what goes to replicas named in leader.replication.throttled.replicas'),
    rateOf('follower', 'what comes to replicas named in follower.replication.throttled.replicas'),
  ].map((config) => [config.name, config] as const),
]);
