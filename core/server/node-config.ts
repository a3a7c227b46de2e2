// The settings of a node, by Kafka's names and with Kafka's defaults; only those that mean something here. All are checked
// before anything is opened, and all that is wrong is said at once. Settings of logs are the defaults of topics.
import { Fault } from '../kernel/fault.ts';
import { configObjection } from '../log/log-config.ts';

export interface NodeSettings {
  readonly nodeId: number;
  /** What clients are told to connect to. */
  readonly host: string;
  readonly port: number;
  /** Partitions of a topic made without saying how many. */
  readonly 'num.partitions': number;
  /** Whether asking for metadata of a topic, or writing to it, makes it. */
  readonly 'auto.create.topics.enable': boolean;
  readonly 'delete.topic.enable': boolean;
  /** The most that one fetch is answered with, in bytes, whatever it asks for. */
  readonly 'fetch.max.bytes': number;
  /** Fetch sessions at a time (KIP-227); 0 for none. */
  readonly 'max.incremental.fetch.session.cache.slots': number;
  /** How long a new group waits for more members before its first generation. */
  readonly 'group.initial.rebalance.delay.ms': number;
  readonly 'group.min.session.timeout.ms': number;
  readonly 'group.max.session.timeout.ms': number;
  readonly 'group.max.size': number;
  /** Of members of the consumer protocol (KIP-848): put out when not heard of for so long. */
  readonly 'group.consumer.session.timeout.ms': number;
  /** How often such members are told to be heard of. */
  readonly 'group.consumer.heartbeat.interval.ms': number;
  readonly 'group.consumer.max.size': number;
  /** How long a coordinator's answer, to whatever, may wait for the other copies: who waits longer looks for another one. */
  readonly 'offsets.commit.timeout.ms': number;
  /** How long the offsets of a group without members are kept. */
  readonly 'offsets.retention.minutes': number;
  readonly 'offsets.retention.check.interval.ms': number;
  readonly 'offset.metadata.max.bytes': number;
  /** Of `__consumer_offsets`, when it is made. */
  readonly 'offsets.topic.num.partitions': number;
  /** Of `__transaction_state`, when it is made. */
  readonly 'transaction.state.log.num.partitions': number;
  readonly 'transaction.max.timeout.ms': number;
  readonly 'transactional.id.expiration.ms': number;
  /** Between two looks for what retention lets go and compaction can rewrite; 0 leaves it to clean(). */
  readonly 'log.retention.check.interval.ms': number;
  /** Between two looks for logs that are dirty enough to be compacted; 0 leaves it to the other. */
  readonly 'log.cleaner.backoff.ms': number;
  /** Between two times that all that is stored is read and its checksums looked at; 0 for never. Ours: Kafka has none. */
  readonly 'log.scrub.interval.ms': number;
  /** Copies of a topic that is made without saying how many, and of the node's own; as many as there are nodes where they are fewer. */
  readonly 'default.replication.factor': number;
  /** In a cluster: how often a node is heard of, and after how long without it is taken for dead. */
  readonly 'broker.heartbeat.interval.ms': number;
  readonly 'broker.session.timeout.ms': number;
  /** A follower that has not been at the log end for so long is out of sync. */
  readonly 'replica.lag.time.max.ms': number;
  readonly 'replica.fetch.wait.max.ms': number;
  readonly 'replica.fetch.backoff.ms': number;
  /** Defaults of topics, by the topic's name of the setting: `retention.ms`, `max.message.bytes`. */
  readonly topicDefaults: Readonly<Record<string, string>>;
}

export const nodeDefaults: NodeSettings = {
  nodeId: 1,
  host: '127.0.0.1',
  port: 9092,
  'num.partitions': 1,
  'auto.create.topics.enable': true,
  'delete.topic.enable': true,
  'fetch.max.bytes': 55 * 1024 * 1024,
  'max.incremental.fetch.session.cache.slots': 1_000,
  'group.initial.rebalance.delay.ms': 3_000,
  'group.min.session.timeout.ms': 6_000,
  'group.max.session.timeout.ms': 30 * 60_000,
  'group.max.size': 0x7fff_ffff,
  'group.consumer.session.timeout.ms': 45_000,
  'group.consumer.heartbeat.interval.ms': 5_000,
  'group.consumer.max.size': 0x7fff_ffff,
  'offsets.commit.timeout.ms': 5_000,
  'offsets.retention.minutes': 7 * 24 * 60,
  'offsets.retention.check.interval.ms': 10 * 60_000,
  'offset.metadata.max.bytes': 4_096,
  'offsets.topic.num.partitions': 50,
  'transaction.state.log.num.partitions': 50,
  'transaction.max.timeout.ms': 15 * 60_000,
  'transactional.id.expiration.ms': 7 * 24 * 60 * 60_000,
  'log.retention.check.interval.ms': 5 * 60_000,
  'log.cleaner.backoff.ms': 15_000,
  'log.scrub.interval.ms': 7 * 24 * 60 * 60_000,
  'default.replication.factor': 3,
  'broker.heartbeat.interval.ms': 500,
  'broker.session.timeout.ms': 3_000,
  'replica.lag.time.max.ms': 10_000,
  'replica.fetch.wait.max.ms': 500,
  'replica.fetch.backoff.ms': 200,
  topicDefaults: {},
};

const lowest: Partial<Record<keyof NodeSettings, number>> = {
  'num.partitions': 1,
  'fetch.max.bytes': 1_024,
  'group.max.size': 1,
  'group.consumer.session.timeout.ms': 1,
  'group.consumer.heartbeat.interval.ms': 1,
  'group.consumer.max.size': 1,
  'offsets.commit.timeout.ms': 1,
  'offsets.retention.minutes': 1,
  'offsets.retention.check.interval.ms': 1,
  'offsets.topic.num.partitions': 1,
  'transaction.state.log.num.partitions': 1,
  'transaction.max.timeout.ms': 1,
  'transactional.id.expiration.ms': 1,
};

/** @throws Fault `BAD_SETTINGS` naming every setting that is unknown or out of its range */
export function nodeSettings(given: Partial<NodeSettings> = {}): NodeSettings {
  const wrong = Object.entries(given).flatMap(([name, value]) => {
    const problem = problemOf(name, value);
    return problem === null ? [] : [problem];
  });
  const settings: NodeSettings = { ...nodeDefaults, ...given };
  if (settings['group.min.session.timeout.ms'] > settings['group.max.session.timeout.ms']) {
    wrong.push('group.min.session.timeout.ms is above group.max.session.timeout.ms');
  }
  for (const [name, value] of Object.entries(settings.topicDefaults)) {
    const problem = configObjection(name, value);
    if (problem !== null) wrong.push(problem);
  }
  if (wrong.length > 0) throw new Fault('BAD_SETTINGS', { of: 'the node', problems: wrong });
  return settings;
}

function problemOf(name: string, value: unknown): string | null {
  const fallback: unknown = (nodeDefaults as unknown as Record<string, unknown>)[name];
  if (fallback === undefined) return `there is no setting '${name}'`;
  if (typeof value !== typeof fallback) return `${name} must be a ${typeof fallback}, not ${JSON.stringify(value)}`;
  if (typeof value !== 'number') return null;
  const least = lowest[name as keyof NodeSettings] ?? 0;
  return Number.isSafeInteger(value) && value >= least
    ? null
    : `${name} must be a whole number of at least ${least}, not ${value}`;
}
