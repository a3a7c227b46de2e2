// OffsetForLeaderEpoch: 2-4. Where an epoch ends in the log, so that a reader finds out that what it read was cut off.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import { type Call, epochEndOf, epochError, type Handler } from '../handler.ts';

type AskedPartition = RequestOf<'offsetForLeaderEpoch'>['topics'][number]['partitions'][number];

export const offsetForLeaderEpoch: Handler<'offsetForLeaderEpoch'> = async ({ topics }, call) => {
  const answers = topics.map(async ({ topic, partitions }) => ({
    topic,
    partitions: await Promise.all(partitions.map((partition) => endOf(topic, partition, call))),
  }));
  return apis.offsetForLeaderEpoch.response.create({ topics: await Promise.all(answers) });
};

async function endOf(name: string, { partition, currentLeaderEpoch, leaderEpoch }: AskedPartition, { parts }: Call) {
  const refused = (error: ErrorName) => ({ partition, errorCode: codeOf(error), leaderEpoch: -1, endOffset: -1 });
  const topic = parts.catalog.image.topics.get(name);
  if (topic === undefined || partition < 0 || partition >= topic.partitions)
    return refused('UNKNOWN_TOPIC_OR_PARTITION');
  try {
    const led = await parts.partitions.led(topic, partition);
    const error = epochError(currentLeaderEpoch, led.leaderEpoch);
    return error === null ? { partition, errorCode: 0, ...epochEndOf(led, leaderEpoch) } : refused(error);
  } catch (error) {
    return refused(errorNameOf(error));
  }
}
