// Blocks of producer ids: a node is given a thousand at a time and hands them out itself (AllocateProducerIds). What is left of
// a block when the node stops is given up, because no id may come twice.
import type { CatalogImage } from './catalog-record.ts';
import { nodeEpochObjection } from './members.ts';
import type { Decision, Outcome } from './outcome.ts';

/** As Kafka's ProducerIdsBlock: one synced write a thousand producers. */
export const producerIdBlock = 1_000;

export interface ProducerIds {
  readonly first: number;
  readonly count: number;
}

export function allocateProducerIds(
  image: CatalogImage,
  { node, nodeEpoch }: { readonly node: number; readonly nodeEpoch: number },
): Outcome<Decision<ProducerIds>> {
  return nodeEpochObjection(image, node, nodeEpoch) ?? { ok: true, value: nextProducerIds(image) };
}

export const nextProducerIds = ({ nextProducerId }: CatalogImage): Decision<ProducerIds> => ({
  records: [{ kind: 'producerIds', next: nextProducerId + producerIdBlock }],
  reply: { first: nextProducerId, count: producerIdBlock },
});
