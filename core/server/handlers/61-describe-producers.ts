// DescribeProducers: 0. The producers that a partition remembers, and their open transactions (KIP-664).
import { apis } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { Call, Handler } from '../handler.ts';

export const describeProducers: Handler<'describeProducers'> = async ({ topics }, call) =>
  apis.describeProducers.response.create({
    topics: await Promise.all(
      topics.map(async ({ name, partitionIndexes }) => ({
        name,
        partitions: await Promise.all(partitionIndexes.map((partition) => describe(name, partition, call))),
      })),
    ),
  });

async function describe(name: string, partitionIndex: number, { parts }: Call) {
  const refused = (error: ErrorName) => ({ partitionIndex, errorCode: codeOf(error), activeProducers: [] });
  const topic = parts.catalog.image.topics.get(name);
  if (topic === undefined || partitionIndex < 0 || partitionIndex >= topic.partitions)
    return refused('UNKNOWN_TOPIC_OR_PARTITION');
  try {
    const { log } = await parts.partitions.readable(topic, partitionIndex);
    const activeProducers = log.producers().map((producer) => ({
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      lastSequence: producer.lastSequence,
      lastTimestamp: producer.lastTimestampMs,
      coordinatorEpoch: producer.coordinatorEpoch,
      currentTxnStartOffset: producer.transactionFirstOffset,
    }));
    return { partitionIndex, errorCode: 0, activeProducers };
  } catch (error) {
    return refused(errorNameOf(error));
  }
}
