// A node as it is registered with the controller. Who is up is decided by heartbeats (members.ts); this only remembers it.

export interface NodeListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Kafka's SecurityProtocol: 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL. */
  readonly securityProtocol: number;
}

export interface NodeFeature {
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
}

export interface NodeImage {
  readonly id: number;
  /** UUID as text, drawn by the node at each start: two lives of a node are told apart by it. */
  readonly incarnation: string;
  /** Another at each registration, and higher: requests of an earlier life are refused by it. */
  readonly epoch: number;
  readonly listeners: readonly NodeListener[];
  /** Null where none is given. */
  readonly rack: string | null;
  readonly features: readonly NodeFeature[];
  /** Not heard of, or not caught up yet: it leads nothing, is in no in-sync set and is shown to no client. */
  readonly fenced: boolean;
  /** Its leaders move off; it is shown to clients, and leads nothing new. */
  readonly inControlledShutdown: boolean;
  /** Its disk takes no writes (KIP-858's offline log dirs, where a node has one): it leads only what no other replica in sync can. */
  readonly offlineLogDir?: boolean;
}

/** What the controller adds to what a node says of itself. */
export type NodeState = 'epoch' | 'fenced' | 'inControlledShutdown' | 'offlineLogDir';

/** Whether it may lead, and be taken into an in-sync set. */
export const isActive = (node: NodeImage | undefined): boolean =>
  node !== undefined && !node.fenced && !node.inControlledShutdown;

export const isWritable = (node: NodeImage | undefined): boolean => node?.offlineLogDir !== true;
