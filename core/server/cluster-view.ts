// The nodes of the cluster as clients are told of them. A node alone is all there is.
import type { CatalogImage } from '../controller/catalog.ts';
import type { Clock } from '../kernel/clock.ts';
import type { QuorumDescription } from '../raft/description.ts';
import type { Cluster } from './cluster/open-cluster.ts';
import type { NodeSettings } from './node-config.ts';

export interface ShownNode {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
  readonly isFenced: boolean;
}

export interface ShownQuorum extends QuorumDescription {
  /** Where each voter is asked by other nodes. */
  readonly addresses: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
}

export interface ClusterView {
  /** By id. Fenced ones too: who shows them says so. */
  nodes(): readonly ShownNode[];
  /** Whom to ask for changes: any node passes them on, so it is one that is up. */
  controllerId(): number;
  /** Who keeps the metadata and how much of it each has. @throws Fault `NOT_CONTROLLER` when nobody could be asked */
  describeQuorum(): Promise<ShownQuorum>;
}

export function aloneView(
  { nodeId, host, port }: NodeSettings,
  metadata: { readonly clock: Clock; readonly nextOffset: () => number },
): ClusterView {
  const nodes = [{ nodeId, host, port, rack: null, isFenced: false }];
  return {
    nodes: () => nodes,
    controllerId: () => nodeId,
    async describeQuorum() {
      const nowMs = metadata.clock.now();
      const endOffset = metadata.nextOffset();
      return {
        ...{ leader: nodeId, epoch: 0, highWatermark: endOffset },
        voters: [{ id: nodeId, endOffset, fetchedAtMs: nowMs, caughtUpAtMs: nowMs }],
        observers: [],
        addresses: [{ nodeId, host, port }],
      };
    },
  };
}

export function clusterView(
  image: CatalogImage,
  cluster: Pick<Cluster, 'log' | 'controller' | 'controllers'>,
): ClusterView {
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
      return up.find(({ nodeId }) => nodeId === cluster.log.quorum.leader)?.nodeId ?? first?.nodeId ?? -1;
    },
    async describeQuorum() {
      const described = await cluster.controller.describeQuorum();
      const votes = ({ nodeId }: { nodeId: number }) => described.voters.some(({ id }) => id === nodeId);
      return { ...described, addresses: cluster.controllers.filter(votes) };
    },
  };
}
