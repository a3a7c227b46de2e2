import { expect, test } from 'vitest';
import {
  applyRecord,
  type CatalogRecord,
  decodeRecord,
  decodeSnapshot,
  emptyImage,
  encodeRecord,
  encodeSnapshot,
  snapshotOf,
} from '../../../core/controller/catalog-record.ts';
import { changesOf } from '../../../core/controller/image-changes.ts';
import { node, placed, topicOf } from './cluster.ts';

const place = placed([1, 2]);

function imageOf(records: readonly CatalogRecord[]) {
  const image = emptyImage();
  for (const record of records) applyRecord(image, decodeRecord(encodeRecord(record)));
  return image;
}

test('places and nodes are in the image, and in what a snapshot gives', () => {
  const moved = { ...place, leader: 2, leaderEpoch: 1, partitionEpoch: 1 };
  const image = imageOf([
    { kind: 'cluster', clusterId: 'c', format: 2 },
    { kind: 'node', node: node(1) },
    { kind: 'node', node: node(2) },
    { kind: 'node', node: node(3) },
    { kind: 'topic', name: 'plain', id: 'p', partitions: 3, configs: {} },
    { kind: 'topic', name: 'gone', id: 'g', partitions: 1, configs: {}, places: [place] },
    { kind: 'deleted', id: 'g' },
    { kind: 'topic', name: 'orders', id: 'o', partitions: 2, configs: {}, places: [place, place] },
    { kind: 'partitions', id: 'o', partitions: 3, places: [place] },
    { kind: 'places', id: 'o', places: { 1: moved } },
    { kind: 'partitions', id: 'p', partitions: 4 },
    { kind: 'node', node: node(1, { fenced: true, rack: 'a' }) },
    { kind: 'nodeGone', id: 3 },
  ]);
  expect(image.topics.get('orders')!.places).toEqual([place, moved, place]);
  expect(image.topics.get('plain')).toEqual({ name: 'plain', id: 'p', partitions: 4, configs: {} });
  expect([...image.nodes.values()]).toEqual([node(1, { fenced: true, rack: 'a' }), node(2)]);
  expect(imageOf(snapshotOf(image))).toEqual(image);
  expect(decodeSnapshot(encodeSnapshot(image))).toEqual(image);
});

test('who follows the records is told which topics and nodes they are about', () => {
  const changes = changesOf([
    topicOf('orders', [place]),
    { kind: 'places', id: 'a', places: { 0: place } },
    { kind: 'deleted', id: 'b' },
    { kind: 'node', node: node(1) },
    { kind: 'nodeGone', id: 2 },
    { kind: 'nodeConfigs', node: '', configs: {} },
    { kind: 'producerIds', next: 1 },
  ]);
  expect([...changes.topics]).toEqual(['id of orders', 'a', 'b']);
  expect([...changes.nodes]).toEqual([1, 2]);
  expect([...changes.nodeConfigs]).toEqual(['']);
});
