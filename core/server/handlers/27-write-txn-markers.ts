// WriteTxnMarkers: 1-2. The end of a transaction in given partitions, whatever its coordinator thinks: between nodes, and for
// an operator whose readers wait for a transaction that nobody ends (KIP-664, `kafka-transactions abort`). Our own
// coordinator writes its markers without it.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { Handler, NodeParts } from '../handler.ts';
import { transactionsTopic } from '../topic-rules.ts';

type Marker = RequestOf<'writeTxnMarkers'>['markers'][number];

export const writeTxnMarkers: Handler<'writeTxnMarkers'> = async (request, { parts }) => {
  const markers = request.markers.map(async (marker) => {
    const topics = marker.topics.map(async ({ name, partitionIndexes }) => ({
      name,
      partitions: await Promise.all(
        partitionIndexes.map(async (partitionIndex) => ({
          partitionIndex,
          errorCode: codeOf(await write(marker, name, partitionIndex, parts)),
        })),
      ),
    }));
    return { producerId: marker.producerId, topics: await Promise.all(topics) };
  });
  return apis.writeTxnMarkers.response.create({ markers: await Promise.all(markers) });
};

async function write(
  { producerId, producerEpoch, coordinatorEpoch: epoch, transactionResult }: Marker,
  name: string,
  partition: number,
  parts: NodeParts,
): Promise<ErrorName> {
  const topic = parts.catalog.image.topics.get(name);
  if (topic === undefined || partition < 0 || partition >= topic.partitions) return 'UNKNOWN_TOPIC_OR_PARTITION';
  // One that no coordinator has had would shut the true one out of the partition.
  if (epoch > newestEpoch(parts)) return 'UNKNOWN_LEADER_EPOCH';
  if (producerId < 0 || producerEpoch < 0) return 'INVALID_PRODUCER_EPOCH';
  try {
    const marker = { producerId, producerEpoch, coordinatorEpoch: epoch, commit: transactionResult };
    await parts.writeMarker(topic, partition, marker);
    return 'NONE';
  } catch (error) {
    return errorNameOf(error);
  }
}

/** Of the coordinators, as far as this node has heard; who has a newer one tries again when it has. */
function newestEpoch({ catalog, partitions }: NodeParts): number {
  const topic = catalog.image.topics.get(transactionsTopic);
  let newest = 0;
  for (let i = 0; i < (topic?.partitions ?? 0); i++) newest = Math.max(newest, partitions.place(topic!, i).leaderEpoch);
  return newest;
}
