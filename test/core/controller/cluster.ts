// A cluster's image for tests of decisions: nodes that are up, topics with places, and what follows when records are applied.
import {
  applyRecord,
  type CatalogRecord,
  emptyImage,
  type MutableCatalogImage,
} from '../../../core/controller/catalog-record.ts';
import type { Hearing } from '../../../core/controller/members.ts';
import type { NodeImage } from '../../../core/controller/node-image.ts';
import type { Decision, Outcome } from '../../../core/controller/outcome.ts';
import { newPartition, type PartitionImage } from '../../../core/controller/partition-image.ts';

export const node = (id: number, change: Partial<NodeImage> = {}): NodeImage => ({
  ...{ id, incarnation: `life of ${id}`, epoch: id, rack: null, fenced: false, inControlledShutdown: false },
  listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092 + id, securityProtocol: 0 }],
  features: [],
  ...change,
});

/** Nodes 1 to `count`, up. */
export function clusterOf(count: number, records: readonly CatalogRecord[] = []): MutableCatalogImage {
  const image = emptyImage();
  applyRecord(image, { kind: 'cluster', clusterId: 'cluster', format: 2 });
  for (let id = 1; id <= count; id++) applyRecord(image, { kind: 'node', node: node(id) });
  for (const record of records) applyRecord(image, record);
  return image;
}

export const topicOf = (
  name: string,
  places: readonly PartitionImage[],
  configs: Readonly<Record<string, string>> = {},
): CatalogRecord => ({ kind: 'topic', name, id: `id of ${name}`, partitions: places.length, configs, places });

export const placed = (replicas: readonly number[], change: Partial<PartitionImage> = {}): PartitionImage => ({
  ...newPartition(replicas, replicas),
  ...change,
});

export const hearing = (change: Partial<Hearing> = {}): Hearing => ({
  hasSession: () => true,
  isHeard: () => true,
  lowestOffset: Number.POSITIVE_INFINITY,
  shutdownOffset: () => -1,
  ...change,
});

export function applyAll(image: MutableCatalogImage, records: readonly CatalogRecord[]): void {
  for (const record of records) applyRecord(image, record);
}

/** Applies what was decided and gives the reply; a refusal as it is. */
export function decided<T>(image: MutableCatalogImage, outcome: Outcome<Decision<T>>) {
  if (!outcome.ok) return { error: outcome.error, message: outcome.message };
  applyAll(image, outcome.value.records);
  return outcome.value.reply;
}
