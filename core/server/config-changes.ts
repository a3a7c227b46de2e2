// Changes of settings, for AlterConfigs and IncrementalAlterConfigs alike: whose settings they are, what may be changed,
// and how it is written. All changes of a resource hold, or none.
import type { TopicConfigs } from '../controller/catalog.ts';
import { type ConfigDefinition, topicConfigs, valueObjection } from '../log/log-config.ts';
import { errorNameOf } from './error-names.ts';
import type { NodeParts } from './handler.ts';
import { nodeDefaults } from './node-config.ts';
import { changeableConfigs } from './topic-default-names.ts';
import type { Refused } from './topic-rules.ts';
import { noTopic } from './topics.ts';

/** Kafka's ConfigResource.Type. */
export const resourceType = { topic: 2, node: 4, nodeLoggers: 8, clientMetrics: 16, group: 32 } as const;

export interface ResourceName {
  readonly resourceType: number;
  readonly resourceName: string;
}

/** Settings that can be changed. */
export interface ConfigTarget {
  readonly configs: TopicConfigs;
  /** What holds where `configs` says nothing. */
  defaultOf(name: string): string;
  /** Why there is no such setting to change; null if there is. */
  unknown(name: string): Refused | null;
  definition(name: string): ConfigDefinition | undefined;
  /** False when it is gone. */
  write(change: (configs: TopicConfigs) => TopicConfigs): Promise<boolean>;
}

const topicConfigByName = new Map(topicConfigs.map((config) => [config.name, config]));

export async function configTarget(
  { resourceType: type, resourceName }: ResourceName,
  parts: NodeParts,
): Promise<ConfigTarget | Refused> {
  if (type === resourceType.topic) return await topicTarget(resourceName, parts);
  if (type === resourceType.node) return nodeTarget(resourceName, parts);
  return { error: 'INVALID_REQUEST', message: `settings of resource type ${type} can't be altered here` };
}

async function topicTarget(name: string, { topics, nodeConfigs }: NodeParts): Promise<ConfigTarget | Refused> {
  const topic = await topics.find(name);
  if ('error' in topic) return topic;
  const defaults = nodeConfigs.topicDefaults();
  return {
    configs: topic.configs,
    defaultOf: (config) => defaults[config] ?? topicConfigByName.get(config)?.defaultValue ?? '',
    definition: (config) => topicConfigByName.get(config),
    unknown: (config) =>
      topicConfigByName.has(config)
        ? null
        : { error: 'INVALID_CONFIG', message: `there is no topic setting '${config}'` },
    write: async (change) => (await topics.changeConfigs(topic, change)) !== null,
  };
}

function nodeTarget(name: string, { settings, nodeConfigs }: NodeParts): ConfigTarget | Refused {
  const objection = nodeNameObjection(name, settings.nodeId);
  if (objection !== null) return objection;
  return {
    configs: nodeConfigs.changed(name),
    defaultOf: (config) => nodeConfigs.valuesOf(changeableConfigs.get(config)?.name ?? '')[0]?.value ?? '',
    definition: (config) => changeableConfigs.get(config),
    unknown(config) {
      if (changeableConfigs.has(config)) return null;
      // Kafka's code for it, though INVALID_CONFIG would say more (KAFKA-13609).
      if (Object.hasOwn(nodeDefaults, config) || config === 'node.id')
        return { error: 'INVALID_REQUEST', message: `'${config}' can't be changed while the node runs` };
      return { error: 'INVALID_CONFIG', message: `there is no node setting '${config}'` };
    },
    async write(change) {
      await nodeConfigs.change(name, change);
      return true;
    },
  };
}

/** A node answers for itself, and for what is set for all nodes (''). */
export function nodeNameObjection(name: string, nodeId: number): Refused | null {
  if (name === '' || name === String(nodeId)) return null;
  return { error: 'INVALID_REQUEST', message: `this is node ${nodeId}, not '${name}'` };
}

/** What is wrong with settings as they would be. */
export function valuesObjection(configs: TopicConfigs, { definition }: ConfigTarget): Refused | null {
  for (const [name, value] of Object.entries(configs)) {
    const config = definition(name);
    const message = config === undefined ? null : valueObjection(config, value);
    if (message !== null) return { error: 'INVALID_CONFIG', message };
  }
  return null;
}

/** @param change must give the same for the same settings: it is made again on those that hold when it is written */
export async function changeConfigs(
  target: ConfigTarget,
  resource: ResourceName,
  change: (configs: TopicConfigs) => TopicConfigs,
  validateOnly: boolean,
): Promise<Refused | null> {
  const refused = valuesObjection(change(target.configs), target);
  if (refused !== null || validateOnly) return refused;
  try {
    return (await target.write(change)) ? null : noTopic(resource.resourceName);
  } catch (error) {
    return { error: errorNameOf(error), message: 'the change could not be written' };
  }
}

/** Resources that are named more than once: Kafka refuses all of them. */
export function twice(resources: readonly ResourceName[]): (resource: ResourceName) => Refused | null {
  const counts = new Map<string, number>();
  const keyOf = (resource: ResourceName) => `${resource.resourceType} ${resource.resourceName}`;
  for (const resource of resources) counts.set(keyOf(resource), (counts.get(keyOf(resource)) ?? 0) + 1);
  return (resource) =>
    counts.get(keyOf(resource)) === 1 ? null : { error: 'INVALID_REQUEST', message: 'a resource may be named once' };
}
