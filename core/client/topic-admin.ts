// Topics as an administrator sees and changes them. Every function names what is wrong with which topic.
import { Fault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { apis, type ResponseOf } from '../protocol/api-table.ts';
import { errors } from '../protocol/error-code.ts';
import { type AdminCalls, apiTimeoutMs, checkTopic } from './admin-call.ts';
import type { PartitionMetadata, TopicMetadata } from './cluster.ts';
import { listOffsets } from './list-offsets.ts';
import { byTopic } from './offsets.ts';
import { refusal } from './retry.ts';

export interface NewTopic {
  readonly name: string;
  /** Default the cluster's `num.partitions`. */
  readonly partitions?: number;
  /** Default the cluster's. */
  readonly replicationFactor?: number;
  /** By Kafka's names, as `retention.ms`. */
  readonly config?: Readonly<Record<string, string>>;
}

export interface TopicSummary {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly internal: boolean;
}

export interface ConfigEntry {
  readonly name: string;
  /** Null where it is secret. */
  readonly value: string | null;
  /** Set for the topic or node itself, or taken from elsewhere. */
  readonly source: 'topic' | 'node' | 'default';
  readonly readOnly: boolean;
  readonly sensitive: boolean;
  readonly documentation: string | null;
}

export interface PartitionDescription extends PartitionMetadata {
  readonly startOffset: number;
  readonly endOffset: number;
}

export interface TopicDescription extends TopicMetadata {
  readonly partitions: readonly PartitionDescription[];
  readonly configs: readonly ConfigEntry[];
}

export type ConfigResource =
  | { readonly kind: 'topic'; readonly name: string }
  | { readonly kind: 'node'; readonly name: string };

export interface TopicAdmin {
  /** @throws Fault `TOPIC_EXISTS`, and `BROKER_ERROR` with the node's sentence for bad names, counts and configs */
  createTopics(topics: readonly NewTopic[], options?: { readonly validateOnly?: boolean }): Promise<void>;
  /** @throws Fault `TOPIC_NOT_FOUND` after deleting those that are there */
  deleteTopics(names: readonly string[]): Promise<void>;
  /** By name. */
  listTopics(options?: { readonly internal?: boolean }): Promise<TopicSummary[]>;
  /** In the order asked for, or all by name, without internal ones. @throws Fault `TOPIC_NOT_FOUND` */
  describeTopics(names?: readonly string[]): Promise<TopicDescription[]>;
  /** @param count the new total, larger than the old */
  createPartitions(topic: string, count: number): Promise<void>;
  describeConfigs(resource: ConfigResource): Promise<ConfigEntry[]>;
  /** Sets values; null takes one back to its default. Others stay. */
  alterConfigs(resource: ConfigResource, changes: Readonly<Record<string, string | null>>): Promise<void>;
  /** Deletes the records before the offsets, -1 for all there are; resolves with the new log starts, in order. */
  deleteRecords(partitions: readonly (TopicPartition & { readonly offset: number })[]): Promise<number[]>;
}

const resourceTypes = { topic: 2, node: 4 } as const;
const sources: Readonly<Record<number, ConfigEntry['source']>> = { 1: 'topic', 2: 'node', 3: 'node', 4: 'node' };
const seenMsMax = 5_000;
const seenPollMs = 20;
const setOperation = 0;
const deleteOperation = 1;

const entryOf = (config: ResponseOf<'describeConfigs'>['results'][number]['configs'][number]): ConfigEntry => ({
  name: config.name,
  value: config.value,
  source: sources[config.configSource] ?? 'default',
  readOnly: config.readOnly,
  sensitive: config.isSensitive,
  documentation: config.documentation ?? null,
});

export function createTopicAdmin(calls: AdminCalls): TopicAdmin {
  const { cluster, ask } = calls;

  async function configsOf(resources: readonly ConfigResource[]): Promise<ConfigEntry[][]> {
    if (resources.length === 0) return [];
    const request = apis.describeConfigs.request.create({
      includeDocumentation: true,
      resources: resources.map(({ kind, name }) => ({
        resourceType: resourceTypes[kind],
        resourceName: name,
        configurationKeys: null,
      })),
    });
    const to = resources[0]!.kind === 'node' ? Number(resources[0]!.name) : 'any';
    return ask(
      to,
      'describeConfigs',
      (version) => (version < 3 ? { ...request, includeDocumentation: false } : request),
      (answer) =>
        resources.map(({ kind, name }) => {
          const found = answer.results.find(
            (result) => result.resourceName === name && result.resourceType === resourceTypes[kind],
          );
          if (kind === 'topic') checkTopic('describeConfigs', found?.errorCode ?? 3, name, found?.errorMessage);
          else if (found === undefined || found.errorCode !== 0)
            throw refusal('describeConfigs', found?.errorCode ?? -1, `${kind} ${name}`, found?.errorMessage);
          return found!.configs.map(entryOf).sort((a, b) => (a.name < b.name ? -1 : 1));
        }),
    );
  }

  async function listTopics({ internal = false }: { readonly internal?: boolean } = {}): Promise<TopicSummary[]> {
    const { topics } = await cluster.metadata(null);
    return topics
      .filter((topic) => internal || !topic.internal)
      .map(({ name, partitions, internal: isInternal }) => ({
        name,
        partitions: partitions.length,
        replicationFactor: partitions[0]?.replicas.length ?? 0,
        internal: isInternal,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A change is made before every node knows of it: waits for it, a few seconds at most, so that the next question finds it. */
  async function untilSeen(names: readonly string[], isThere: (partitions: number) => boolean): Promise<void> {
    for (let waitedMs = 0; waitedMs < seenMsMax; waitedMs += seenPollMs) {
      for (const name of names) cluster.doubtTopic(name);
      const { topics } = await cluster.metadata(names);
      const counts = new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
      if (names.every((name) => isThere(counts.get(name) ?? 0))) return;
      await cluster.clock.sleep(seenPollMs);
    }
  }

  return {
    listTopics,
    async createTopics(topics, { validateOnly = false } = {}) {
      const request = apis.createTopics.request.create({
        topics: topics.map(({ name, partitions, replicationFactor, config }) => ({
          name,
          numPartitions: partitions ?? -1,
          replicationFactor: replicationFactor ?? -1,
          configs: Object.entries(config ?? {}).map(([key, value]) => ({ name: key, value })),
        })),
        timeoutMs: apiTimeoutMs,
        validateOnly,
      });
      await ask('controller', 'createTopics', request, (answer) => {
        for (const { name, errorCode, errorMessage } of answer.topics)
          checkTopic('createTopics', errorCode, name, errorMessage);
      });
      if (!validateOnly)
        await untilSeen(
          topics.map(({ name }) => name),
          (count) => count > 0,
        );
    },
    async deleteTopics(names) {
      const { create } = apis.deleteTopics.request;
      const request = (version: number) =>
        version >= 6
          ? create({ topics: names.map((name) => ({ name })), timeoutMs: apiTimeoutMs })
          : create({ topicNames: [...names], timeoutMs: apiTimeoutMs });
      await ask('controller', 'deleteTopics', request, (answer) => {
        for (const { name, errorCode, errorMessage } of answer.responses)
          checkTopic('deleteTopics', errorCode, name ?? '', errorMessage);
      });
      await untilSeen(names, (count) => count === 0);
    },
    async describeTopics(names) {
      const wanted = names ?? (await listTopics()).map(({ name }) => name);
      if (wanted.length === 0) return [];
      const { topics } = await cluster.metadata(wanted);
      const byName = new Map(topics.map((topic) => [topic.name, topic]));
      for (const name of wanted) if (!byName.has(name)) throw new Fault('TOPIC_NOT_FOUND', { topic: name });
      const all = wanted.flatMap((name) =>
        byName.get(name)!.partitions.map(({ partition }) => ({ topic: name, partition })),
      );
      const [starts, ends, configs] = await Promise.all([
        listOffsets(cluster, all, 'earliest'),
        listOffsets(cluster, all, 'latest'),
        configsOf(wanted.map((name) => ({ kind: 'topic', name }))),
      ]);
      const startOffsets = new Map(starts.map((listed) => [partitionName(listed), listed.offset]));
      const endOffsets = new Map(ends.map((listed) => [partitionName(listed), listed.offset]));
      return wanted.map((name, i) => {
        const topic = byName.get(name)!;
        const partitions = topic.partitions.map((partition) => {
          const key = partitionName({ topic: name, partition: partition.partition });
          return { ...partition, startOffset: startOffsets.get(key)!, endOffset: endOffsets.get(key)! };
        });
        return { ...topic, partitions, configs: configs[i]! };
      });
    },
    async createPartitions(topic, count) {
      const request = apis.createPartitions.request.create({
        topics: [{ name: topic, count, assignments: null }],
        timeoutMs: apiTimeoutMs,
      });
      await ask('controller', 'createPartitions', request, (answer) => {
        for (const { name, errorCode, errorMessage } of answer.results)
          checkTopic('createPartitions', errorCode, name, errorMessage);
      });
      await untilSeen([topic], (seen) => seen >= count);
    },
    async describeConfigs(resource) {
      return (await configsOf([resource]))[0]!;
    },
    async alterConfigs({ kind, name }, changes) {
      const request = apis.incrementalAlterConfigs.request.create({
        resources: [
          {
            resourceType: resourceTypes[kind],
            resourceName: name,
            configs: Object.entries(changes).map(([key, value]) => ({
              name: key,
              value,
              configOperation: value === null ? deleteOperation : setOperation,
            })),
          },
        ],
      });
      await ask(kind === 'node' ? Number(name) : 'controller', 'incrementalAlterConfigs', request, (answer) => {
        for (const { errorCode, errorMessage } of answer.responses) {
          if (kind === 'topic') checkTopic('incrementalAlterConfigs', errorCode, name, errorMessage);
          else if (errorCode !== 0) throw refusal('incrementalAlterConfigs', errorCode, `node ${name}`, errorMessage);
        }
      });
    },
    async deleteRecords(partitions) {
      const starts = new Map<string, number>();
      const byLeader = new Map<number, (TopicPartition & { readonly offset: number })[]>();
      for (const wanted of partitions) {
        const { partitions: known } = await cluster.topic(wanted.topic);
        const metadata = known[wanted.partition];
        if (metadata === undefined) throw new Fault('PARTITION_NOT_FOUND', { ...wanted, partitions: known.length });
        byLeader.set(metadata.leader, [...(byLeader.get(metadata.leader) ?? []), wanted]);
      }
      for (const [leader, list] of byLeader) {
        const request = apis.deleteRecords.request.create({
          topics: byTopic(list).map(([name, own]) => ({
            name,
            partitions: own.map(({ partition, offset }) => ({ partitionIndex: partition, offset })),
          })),
          timeoutMs: apiTimeoutMs,
        });
        await ask(leader, 'deleteRecords', request, (answer) => {
          for (const { name: topic, partitions: own } of answer.topics) {
            for (const { partitionIndex: partition, errorCode, lowWatermark } of own) {
              if (errorCode === errors.OFFSET_OUT_OF_RANGE.code) {
                const offset = list.find((one) => one.topic === topic && one.partition === partition)?.offset ?? -1;
                throw new Fault('OFFSET_OUT_OF_RANGE', { topic, partition, offset });
              }
              checkTopic('deleteRecords', errorCode, topic);
              starts.set(partitionName({ topic, partition }), lowWatermark);
            }
          }
        });
      }
      return partitions.map((wanted) => starts.get(partitionName(wanted))!);
    },
  };
}
