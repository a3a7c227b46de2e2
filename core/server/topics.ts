// Topics of this node: the catalog's entry and the logs that belong to it, kept in step. The catalog comes first: a
// topic is there when its record is written, and gone when that of its deletion is; logs of one that is gone are
// erased after it, also at the next start when the process died between the two.
import type { Catalog, TopicConfigs, TopicImage } from '../controller/catalog.ts';
import { nameTaken } from '../controller/name-taken.ts';
import { assert } from '../kernel/assert.ts';
import { Fault } from '../kernel/fault.ts';
import type { Logger } from '../kernel/logger.ts';
import { configObjection, type LogConfig, logConfig } from '../log/log-config.ts';
import type { LogManager } from '../log/log-manager.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { errorNameOf } from './error-names.ts';
import type { NodeSettings } from './node-config.ts';
import { isInternal, offsetsTopic, type Refused, topicNameProblem, transactionsTopic } from './topic-rules.ts';

export interface NewTopic {
  readonly name: string;
  /** -1 for num.partitions. */
  readonly partitions: number;
  readonly configs: TopicConfigs;
  /** -1 for default.replication.factor. */
  readonly replicationFactor?: number;
  /** Nodes of each partition; null to have them chosen. */
  readonly assignments?: readonly (readonly number[])[] | null;
}

/** Refusals are values; rejects with Fault `STORAGE_FAILED` when the catalog or a log can't be written. */
export interface Topics {
  /** Opens it at its first use. Calls are answered in their order. */
  log(topic: TopicImage, partition: number): Promise<PartitionLog>;
  /** Also one that this node of a cluster has not heard of yet: the controller is asked before a topic is said not to be there. */
  find(name: string): Promise<TopicImage | Refused>;
  /** What create() would refuse it for; null if nothing. */
  objection(topic: NewTopic): Refused | null;
  create(topic: NewTopic): Promise<TopicImage | Refused>;
  /** The topic, made with the defaults if it isn't there and auto.create.topics.enable lets it. */
  obtain(name: string): Promise<TopicImage | Refused>;
  /** One of the node's own topics, made if it isn't there. */
  internal(name: string): Promise<TopicImage>;
  /** False when it was gone already. */
  delete(topic: TopicImage): Promise<boolean>;
  addPartitions(
    topic: TopicImage,
    partitions: number,
    assignments?: readonly (readonly number[])[] | null,
  ): Promise<TopicImage | null | Refused>;
  changeConfigs(topic: TopicImage, change: (configs: TopicConfigs) => TopicConfigs): Promise<TopicImage | null>;
  /** Another node has changed it: open logs take its settings over. */
  changed(topic: TopicImage): void;
  /** The defaults of topics have changed: open logs take them over. */
  defaultsChanged(): void;
  /** Numbers of the partitions that have a log. */
  partitionsWithLog(name: string): Promise<readonly number[]>;
  /** The same of all topics. */
  allWithLog(): Promise<ReadonlyMap<string, ReadonlySet<number>>>;
  /** Finishes deletions that a crash cut short. */
  recover(): Promise<void>;
}

const internalConfigs: Readonly<Record<string, TopicConfigs>> = {
  [offsetsTopic]: { 'cleanup.policy': 'compact', 'segment.bytes': '104857600' },
  [transactionsTopic]: { 'cleanup.policy': 'compact', 'segment.bytes': '104857600' },
};

export const noTopic = (name: string): Refused => ({
  error: 'UNKNOWN_TOPIC_OR_PARTITION',
  message: `no topic '${name}'`,
});

/** Above, it is a slip of the keyboard and not a topic: each partition is a database. */
export const partitionsMax = 100_000;

export function createTopics({
  catalog,
  logs,
  settings,
  topicDefaults,
  eraseLogs,
  logger,
}: {
  catalog: Catalog;
  logs: LogManager;
  settings: NodeSettings;
  /** What holds where a topic says nothing, as far as it differs from Kafka's defaults. */
  topicDefaults: () => TopicConfigs;
  /** Of a topic that is deleted; given in a cluster. A node alone erases every log of its name. */
  eraseLogs?: (topic: TopicImage) => Promise<void>;
  logger: Logger;
}): Topics {
  const { image } = catalog;
  const isAlone = eraseLogs === undefined;
  let parsed = new WeakMap<TopicImage, LogConfig>();
  const erasing = new Map<string, Promise<void>>();

  function configOf(topic: TopicImage): LogConfig {
    let config = parsed.get(topic);
    if (config === undefined) {
      config = logConfig({ ...topicDefaults(), ...topic.configs });
      parsed.set(topic, config);
    }
    return config;
  }

  /** As far as the topic by itself goes. */
  function ownObjection({ name, partitions, configs }: NewTopic): Refused | null {
    const problem = topicNameProblem(name);
    if (problem !== null) return { error: 'INVALID_TOPIC_EXCEPTION', message: problem };
    if (partitions !== -1 && (partitions < 1 || partitions > partitionsMax)) {
      return {
        error: 'INVALID_PARTITIONS',
        message: `a topic has 1 to ${partitionsMax} partitions, not ${partitions}`,
      };
    }
    return configsObjection(configs);
  }

  const objection = (topic: NewTopic): Refused | null => ownObjection(topic) ?? nameTaken(topic.name, image);

  async function create(topic: NewTopic): Promise<TopicImage | Refused> {
    const { name, partitions } = topic;
    await erasing.get(name);
    // In a cluster this node may not have heard yet that a topic is gone: the controller says what there is.
    const refused = isAlone ? objection(topic) : ownObjection(topic);
    if (refused !== null) return refused;
    const count = partitions === -1 ? settings['num.partitions'] : partitions;
    const created = await catalog.createTopic({ ...topic, partitions: count });
    return created ?? { error: 'TOPIC_ALREADY_EXISTS', message: `there is a topic '${name}' already` };
  }

  function updateOpenLogs(topic: TopicImage): void {
    for (let partition = 0; partition < topic.partitions; partition++) {
      logs.get(topic.name, partition)?.updateConfig(configOf(topic));
    }
  }

  async function erase(topic: TopicImage): Promise<void> {
    if (eraseLogs === undefined)
      for (const partition of await partitionsWithLog(topic.name)) await logs.delete(topic.name, partition);
    else await eraseLogs(topic);
    await catalog.topicErased(topic.id);
  }

  async function partitionsWithLog(name: string): Promise<readonly number[]> {
    return (await logs.list()).filter(({ topic }) => topic === name).map(({ partition }) => partition);
  }

  return {
    log: (topic, partition) => logs.open(topic.name, partition, configOf(topic)),
    async find(name) {
      try {
        if (!image.topics.has(name)) await catalog.catchUp();
      } catch (error) {
        return { error: errorNameOf(error), message: 'the controller could not be asked' };
      }
      return image.topics.get(name) ?? noTopic(name);
    },
    objection,
    create,
    async obtain(name) {
      const found = image.topics.get(name);
      if (found !== undefined) return found;
      if (topicNameProblem(name) !== null)
        return { error: 'INVALID_TOPIC_EXCEPTION', message: topicNameProblem(name)! };
      if (isInternal(name) || !settings['auto.create.topics.enable']) return noTopic(name);
      const created = await create({ name, partitions: -1, configs: {} });
      return 'error' in created ? (image.topics.get(name) ?? created) : created;
    },
    async internal(name) {
      const configs = internalConfigs[name];
      assert(configs !== undefined, `'${name}' is no topic of the node's own`);
      const partitions =
        settings[name === offsetsTopic ? 'offsets.topic.num.partitions' : 'transaction.state.log.num.partitions'];
      const found = image.topics.get(name);
      if (found !== undefined) return found;
      const created = await catalog.createTopic({ name, partitions, configs, replicationFactor: -1 });
      if (created !== null && 'error' in created) throw new Fault('NOT_CONTROLLER', {});
      return created ?? image.topics.get(name)!;
    },
    async delete(topic) {
      if ((await catalog.deleteTopic(topic.id)) === null) return false;
      const done = erase(topic).catch((error: unknown) => {
        logger.warn(
          { err: error, topic: topic.name },
          'the logs of a deleted topic could not be erased; the next start tries again',
        );
      });
      erasing.set(topic.name, done);
      await done;
      if (erasing.get(topic.name) === done) erasing.delete(topic.name);
      return true;
    },
    addPartitions: (topic, partitions, assignments) => catalog.addPartitions(topic.id, partitions, assignments),
    async changeConfigs(topic, change) {
      const changed = await catalog.changeConfigs(topic.id, change);
      if (changed === null) return null;
      updateOpenLogs(changed);
      return changed;
    },
    changed: updateOpenLogs,
    defaultsChanged() {
      parsed = new WeakMap();
      for (const topic of image.topics.values()) updateOpenLogs(topic);
    },
    partitionsWithLog,
    async allWithLog() {
      const all = new Map<string, Set<number>>();
      for (const { topic, partition } of await logs.list()) {
        const partitions = all.get(topic);
        if (partitions === undefined) all.set(topic, new Set([partition]));
        else partitions.add(partition);
      }
      return all;
    },
    async recover() {
      for (const topic of [...image.erasing.values()]) {
        // A topic made anew under the name has its logs in the same places.
        if (image.topics.has(topic.name)) await catalog.topicErased(topic.id);
        else await erase(topic);
      }
    },
  };
}

/** What is wrong with settings that are to differ from the defaults. */
function configsObjection(configs: TopicConfigs): Refused | null {
  for (const [name, value] of Object.entries(configs)) {
    const message = configObjection(name, value);
    if (message !== null) return { error: 'INVALID_CONFIG', message };
  }
  return null;
}
