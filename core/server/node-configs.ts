// The settings of a node that are changed while it runs, most of them defaults of topics: kept in the catalog, for this node or for all
// nodes of the cluster (name ''). What holds is this node's, then all nodes', then what the node was started with, then
// the default (KIP-226).
import type { Catalog, TopicConfigs } from '../controller/catalog.ts';
import { topicConfigs } from '../log/log-config.ts';
import type { NodeSettings } from './node-config.ts';
import { changeableConfigs, nodeNameOf, topicConfigOf } from './topic-default-names.ts';

/** Kafka's DescribeConfigsResponse.ConfigSource. */
export const configSource = { topic: 1, thisNode: 2, allNodes: 3, start: 4, default: 5 } as const;

export interface ConfigValue {
  readonly name: string;
  readonly value: string;
  readonly source: number;
}

export interface NodeConfigs {
  /** What was set for this node (its id as text) or for all ('') while running, by the node's names. */
  changed(resource: string): TopicConfigs;
  /** Defaults of topics that differ from Kafka's, by the topic's names. */
  topicDefaults(): TopicConfigs;
  /** Where a topic's setting comes from if the topic says nothing, or a node's own, what holds first, by the node's name. */
  valuesOf(topicName: string): ConfigValue[];
  /** `leader.` or `follower.replication.throttled.rate`: bytes a second, infinite for no limit. */
  throttledRate(side: 'leader' | 'follower'): number;
  /** Resolves when it is written and holds. Values are the caller's to check. */
  change(resource: string, change: (configs: TopicConfigs) => TopicConfigs): Promise<void>;
}

const topicConfigNamed = new Map(topicConfigs.map((config) => [config.name, config]));

export function createNodeConfigs({
  catalog,
  settings,
  onChanged,
}: {
  readonly catalog: Catalog;
  readonly settings: NodeSettings;
  readonly onChanged: () => void;
}): NodeConfigs {
  const { nodeConfigs } = catalog.image;
  const changed = (resource: string): TopicConfigs => nodeConfigs.get(resource) ?? {};
  const ofThisNode = String(settings.nodeId);

  function topicDefaults(): TopicConfigs {
    const defaults: Record<string, string> = { ...settings.topicDefaults };
    for (const resource of ['', ofThisNode]) {
      for (const [name, value] of Object.entries(changed(resource))) {
        const config = topicConfigOf.get(name);
        if (config !== undefined) defaults[config.name] = value;
      }
    }
    return defaults;
  }

  return {
    changed,
    topicDefaults,
    valuesOf(topicName) {
      const name = nodeNameOf(topicName);
      const values: readonly [value: string | undefined, source: number][] = [
        [changed(ofThisNode)[name], configSource.thisNode],
        [changed('')[name], configSource.allNodes],
        [settings.topicDefaults[topicName], configSource.start],
        [(topicConfigNamed.get(topicName) ?? changeableConfigs.get(name))?.defaultValue, configSource.default],
      ];
      return values.flatMap(([value, source]) => (value === undefined ? [] : [{ name, value, source }]));
    },
    throttledRate(side) {
      const name = `${side}.replication.throttled.rate`;
      const value = changed(ofThisNode)[name] ?? changed('')[name];
      const rate = value === undefined ? Number.POSITIVE_INFINITY : Number(value);
      return rate >= 2 ** 63 ? Number.POSITIVE_INFINITY : rate;
    },
    async change(resource, change) {
      await catalog.changeNodeConfigs(resource, change);
      onChanged();
    },
  };
}
