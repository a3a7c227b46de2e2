// The settings of a topic and of the node as DescribeConfigs and CreateTopics show them.
import type { TopicConfigs } from '../controller/catalog.ts';
import { type ConfigType, topicConfigs } from '../log/log-config.ts';
import { type NodeSettings, nodeDefaults } from './node-config.ts';

/** Kafka's DescribeConfigsResponse.ConfigSource. */
export const configSource = { topic: 1, node: 4, default: 5 } as const;

const typeCode: Readonly<Record<ConfigType, number>> = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 };

export interface ConfigEntry {
  readonly name: string;
  readonly value: string;
  readonly readOnly: boolean;
  readonly configSource: number;
  readonly isSensitive: false;
  /** Where the value could come from, what holds first. */
  readonly synonyms: readonly { name: string; value: string; source: number }[];
  readonly configType: number;
  readonly documentation: string;
}

export function topicEntries(configs: TopicConfigs, { topicDefaults }: NodeSettings): ConfigEntry[] {
  return topicConfigs.map(({ name, type, defaultValue, documentation }) => {
    const synonyms = [
      { name, value: configs[name], source: configSource.topic },
      { name, value: topicDefaults[name], source: configSource.node },
      { name, value: defaultValue, source: configSource.default },
    ].filter((synonym): synonym is { name: string; value: string; source: 1 | 4 | 5 } => synonym.value !== undefined);
    const { value, source } = synonyms[0]!;
    return {
      name,
      value,
      readOnly: false,
      configSource: source,
      isSensitive: false,
      synonyms,
      configType: typeCode[type],
      documentation,
    };
  });
}

/** Settings are given when the node starts, so none can be changed. */
export function nodeEntries(settings: NodeSettings): ConfigEntry[] {
  return Object.entries(settings).flatMap(([name, value]): ConfigEntry[] => {
    if (!name.includes('.')) return [];
    const isDefault = (nodeDefaults as unknown as Record<string, unknown>)[name] === value;
    const source = isDefault ? configSource.default : configSource.node;
    const configType = typeof value === 'boolean' ? typeCode.boolean : typeCode.long;
    const text = String(value);
    return [
      {
        name,
        value: text,
        readOnly: true,
        configSource: source,
        isSensitive: false,
        synonyms: [{ name, value: text, source }],
        configType,
        documentation: '',
      },
    ];
  });
}
