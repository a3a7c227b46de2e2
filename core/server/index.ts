// The public face of the node: everything else in this folder is internal.
export { type DataFolder, dataFormat, openDataFolder } from './data-folder.ts';
export { createNode, type NodeOptions, type StorageNode } from './node.ts';
export { type NodeSettings, nodeDefaults } from './node-config.ts';
