// A topology as plain data: what `describe --json` prints, and what two of them are compared by. Functions have no place in
// it, and serdes are their names. It may grow fields; a field that is there keeps its meaning, for files of it are kept.
import { type Shape, shapeOf } from './store-shape.ts';
import type { Topology } from './topology.ts';

export interface TopologyData {
  readonly job: string;
  readonly guarantee: string;
  readonly bounded: boolean;
  readonly topics: readonly {
    readonly name: string;
    readonly key: string;
    readonly value: string;
    readonly partitions?: number | undefined;
    readonly config: Readonly<Record<string, string>>;
  }[];
  readonly internalTopics: readonly {
    readonly name: string;
    readonly purpose: string;
    readonly config: Readonly<Record<string, string>>;
  }[];
  readonly subTopologies: readonly {
    readonly id: number;
    readonly upstream: readonly number[];
    readonly inputs: readonly (
      | { readonly topic: string; readonly role: string; readonly bootstrap: boolean }
      | { readonly source: string }
    )[];
    readonly steps: readonly {
      readonly id: number;
      readonly kind: string;
      readonly name: string;
      readonly parents: readonly number[];
      /** Of a step that writes. */
      readonly to?: string;
    }[];
    readonly stores: readonly {
      readonly name: string;
      readonly kind: string;
      /** What decides how its bytes are read. */
      readonly shape: Shape;
      readonly changelog: string;
      readonly ownChangelog: boolean;
    }[];
  }[];
}

export function topologyData(topology: Topology): TopologyData {
  const { job, options, subTopologies, topics, internalTopics, bounded } = topology;
  return {
    job,
    guarantee: options.guarantee,
    bounded,
    topics: topics.map(({ name, key, value, partitions, config }) => ({
      ...{ name, key: key.name, value: value.name },
      ...(partitions !== undefined && { partitions }),
      config,
    })),
    internalTopics: internalTopics.map(({ name, purpose, config }) => ({ name, purpose, config })),
    subTopologies: subTopologies.map(({ id, inputs, steps, stores, upstream }) => ({
      id,
      upstream,
      inputs: inputs.map((input) =>
        input.kind === 'topic'
          ? { topic: input.topic.name, role: input.role, bootstrap: input.bootstrap }
          : { source: input.connector.name },
      ),
      steps: steps.map((step) => ({
        ...{ id: step.id, kind: step.kind, name: step.name, parents: step.parents },
        ...(step.kind === 'topicSink' && { to: step.topic.name }),
        ...(step.kind === 'connectorSink' && { to: step.connector.name }),
      })),
      stores: stores.map((store) => ({
        ...{ name: store.name, kind: store.kind, shape: shapeOf(store) },
        ...{ changelog: store.changelog, ownChangelog: store.ownChangelog },
      })),
    })),
  };
}
