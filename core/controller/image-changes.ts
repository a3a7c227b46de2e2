// What records have changed of an image, for nodes that follow it: they look at the topics and nodes named here and at nothing
// else. After a snapshot everything may have changed; its records name all there is, but not what is gone.
import { unreachable } from '../kernel/assert.ts';
import type { CatalogRecord } from './catalog-record.ts';

export interface ImageChanges {
  /** Ids of topics that are new, have changed or are gone. */
  readonly topics: ReadonlySet<string>;
  /** Nodes likewise. */
  readonly nodes: ReadonlySet<number>;
  /** Whose settings have changed, by the node's id as text; '' for all nodes. */
  readonly nodeConfigs: ReadonlySet<string>;
}

export function changesOf(records: readonly CatalogRecord[]): ImageChanges {
  const topics = new Set<string>();
  const nodes = new Set<number>();
  const nodeConfigs = new Set<string>();
  for (const record of records) {
    switch (record.kind) {
      case 'topic':
      case 'partitions':
      case 'places':
      case 'configs':
      case 'deleted':
      case 'erased':
        topics.add(record.id);
        break;
      case 'node':
        nodes.add(record.node.id);
        break;
      case 'nodeGone':
        nodes.add(record.id);
        break;
      case 'nodeConfigs':
        nodeConfigs.add(record.node);
        break;
      case 'cluster':
      case 'producerIds':
        break;
      default:
        unreachable(record);
    }
  }
  return { topics, nodes, nodeConfigs };
}
