// The public face of the node: everything else in this folder is internal.

export { configObjection } from '../log/log-config.ts';
export type { ClusterOptions } from './cluster/open-cluster.ts';
export type { PeerAddress } from './cluster/peers.ts';
export { type DataFolder, dataFormat, openDataFolder } from './data-folder.ts';
export { type Listener, type ListenerLimits, type ListenOptions, listen, listenerDefaults } from './listener.ts';
export { createNode, type NodeOptions, type StorageNode } from './node.ts';
export { type NodeSettings, nodeDefaults } from './node-config.ts';
export { nodeApis, type Router, servedApis } from './router.ts';
export { topicConfigOf } from './topic-default-names.ts';
