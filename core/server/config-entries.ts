// The settings of a topic and of the node as DescribeConfigs and CreateTopics show them.
import type { TopicConfigs } from '../controller/catalog.ts';
import { type ConfigType, topicConfigs } from '../log/log-config.ts';
import { type NodeSettings, nodeDefaults } from './node-config.ts';
import { type ConfigValue, configSource, type NodeConfigs } from './node-configs.ts';
import { nodeConfigOf } from './topic-default-names.ts';

const typeCode: Readonly<Record<ConfigType, number>> = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 };

export interface ConfigEntry {
  readonly name: string;
  readonly value: string;
  readonly readOnly: boolean;
  readonly configSource: number;
  readonly isSensitive: false;
  /** Where the value could come from, what holds first. */
  readonly synonyms: readonly ConfigValue[];
  readonly configType: number;
  readonly documentation: string;
}

export function topicEntries(configs: TopicConfigs, nodeConfigs: NodeConfigs): ConfigEntry[] {
  return topicConfigs.map(({ name, type, documentation }) => {
    const value = configs[name];
    const own = value === undefined ? [] : [{ name, value, source: configSource.topic }];
    return entry(name, [...own, ...nodeConfigs.valuesOf(name)], { type, documentation, readOnly: false });
  });
}

/** Of this node: what it was started with, which stays, and the defaults of topics, which can be changed. */
export function nodeEntries(settings: NodeSettings, nodeConfigs: NodeConfigs): ConfigEntry[] {
  const { start } = configSource;
  const given = { 'node.id': settings.nodeId, ...settings };
  const fixed = Object.entries(given).flatMap(([name, value]) => {
    if (!name.includes('.')) return [];
    const isDefault = (nodeDefaults as unknown as Record<string, unknown>)[name] === value;
    const source = isDefault ? configSource.default : start;
    const type = typeof value === 'boolean' ? 'boolean' : 'long';
    return [entry(name, [{ name, value: String(value), source }], { type, documentation: '', readOnly: true })];
  });
  const address = {
    name: 'advertised.listeners',
    value: `PLAINTEXT://${settings.host}:${settings.port}`,
    source: start,
  };
  fixed.push(entry(address.name, [address], { type: 'list', documentation: '', readOnly: true }));
  const changeable = [...nodeConfigOf].map(([name, { name: topicName, type, documentation }]) =>
    entry(name, nodeConfigs.valuesOf(topicName), { type, documentation, readOnly: false }),
  );
  return [...fixed, ...changeable];
}

/** Of a group of the consumer protocol: those of the node, which a group can't change here. */
export function groupEntries(settings: NodeSettings): ConfigEntry[] {
  const names = ['consumer.heartbeat.interval.ms', 'consumer.session.timeout.ms'] as const;
  return names.map((name) => {
    const value = settings[`group.${name}`];
    const source = value === nodeDefaults[`group.${name}`] ? configSource.default : configSource.start;
    const values = [{ name: `group.${name}`, value: String(value), source }];
    return entry(name, values, { type: 'int', documentation: '', readOnly: true });
  });
}

/** Only what was set for all nodes while running. */
export function allNodesEntries(nodeConfigs: NodeConfigs): ConfigEntry[] {
  return Object.entries(nodeConfigs.changed('')).flatMap(([name, value]) => {
    const config = nodeConfigOf.get(name);
    if (config === undefined) return [];
    const { type, documentation } = config;
    const values = [{ name, value, source: configSource.allNodes }];
    return [entry(name, values, { type, documentation, readOnly: false })];
  });
}

function entry(
  name: string,
  synonyms: readonly ConfigValue[],
  { type, ...rest }: { type: ConfigType; documentation: string; readOnly: boolean },
): ConfigEntry {
  const { value, source } = synonyms[0]!;
  return { name, value, configSource: source, isSensitive: false, synonyms, configType: typeCode[type], ...rest };
}
