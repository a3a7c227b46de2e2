// Connectors for programs that are compiled and never run.

import type { Topology } from '../../dsl/compile/topology.ts';
import type { SinkConnector, SourceConnector, ViewConnector } from '../../dsl/connector.ts';

const neverOpened = () => Promise.reject(new Error('a compiled program opens nothing'));

export function sourceNamed<V>(
  name: string,
  { bounded = true, replayable = true }: { readonly bounded?: boolean; readonly replayable?: boolean } = {},
): SourceConnector<V> {
  return { name, bounded, replayable, open: neverOpened };
}

export function sinkNamed<K, V>(name: string, delivery: 'repeats' | 'idempotent' = 'idempotent'): SinkConnector<K, V> {
  return { name, delivery, open: neverOpened };
}

export function viewNamed<K, V>(name: string): ViewConnector<K, V> {
  return { name, update: () => undefined, render: () => '' };
}

/** All that a change of the program must not change, or state is lost. */
export function namesOf({ subTopologies, internalTopics }: Topology): { stores: string[]; topics: string[] } {
  return {
    stores: subTopologies.flatMap(({ stores }) => stores.map(({ name }) => name)).sort(),
    topics: internalTopics.map(({ name }) => name).sort(),
  };
}
