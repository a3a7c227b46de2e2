// The nodes of the cluster as clients are told of them. A node alone is all there is.
import type { CatalogImage } from '../controller/catalog.ts';
import type { NodeSettings } from './node-config.ts';

export interface ShownNode {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
  readonly isFenced: boolean;
}

export interface ClusterView {
  /** By id. Fenced ones too: who shows them says so. */
  nodes(): readonly ShownNode[];
  /** Whom to ask for changes: any node passes them on, so it is one that is up. */
  controllerId(): number;
}

export function aloneView({ nodeId, host, port }: NodeSettings): ClusterView {
  const nodes = [{ nodeId, host, port, rack: null, isFenced: false }];
  return { nodes: () => nodes, controllerId: () => nodeId };
}

export function clusterView(image: CatalogImage, leader: () => number | null): ClusterView {
  const nodes = () =>
    [...image.nodes.values()]
      .map(
        ({ id, listeners: [listener], rack, fenced }): ShownNode => ({
          ...{ nodeId: id, host: listener?.host ?? '', port: listener?.port ?? -1, rack, isFenced: fenced },
        }),
      )
      .sort((a, b) => a.nodeId - b.nodeId);
  return {
    nodes,
    controllerId() {
      const up = nodes().filter(({ isFenced }) => !isFenced);
      const [first] = up;
      return up.find(({ nodeId }) => nodeId === leader())?.nodeId ?? first?.nodeId ?? -1;
    },
  };
}
