// ListConfigResources: 0-1. What has settings: topics, and nodes. Version 0 asks for client metrics only; version 1
// for any types, none meaning all (KIP-1142).
import { apis } from '../../protocol/api-table.ts';
import { resourceType } from '../config-changes.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

const typesFrom = 1;
const known: readonly number[] = Object.values(resourceType);

export const listConfigResources: Handler<'listConfigResources'> = async ({ resourceTypes }, { parts, version }) => {
  const { response } = apis.listConfigResources;
  if (resourceTypes.some((type) => !known.includes(type))) {
    return response.create({ errorCode: codeOf('UNSUPPORTED_VERSION') });
  }
  const isWanted = (type: number) =>
    version >= typesFrom && (resourceTypes.length === 0 || resourceTypes.includes(type));
  const topics = [...parts.catalog.image.topics.keys()].map((name) => ({
    resourceName: name,
    resourceType: resourceType.topic,
  }));
  const nodes = parts.view.nodes().map(({ nodeId }) => ({
    resourceName: String(nodeId),
    resourceType: resourceType.node,
  }));
  return response.create({ configResources: [...topics, ...nodes].filter((found) => isWanted(found.resourceType)) });
};
