// DeleteRecords: 0-2. Moves the log start; -1 means up to the high watermark. Refused where only compaction may delete, as
// Kafka does.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { Call, Handler } from '../handler.ts';
import { isInternal } from '../topic-rules.ts';

type AskedPartition = RequestOf<'deleteRecords'>['topics'][number]['partitions'][number];

export const deleteRecords: Handler<'deleteRecords'> = async ({ topics }, call) => {
  const answers = topics.map(async ({ name, partitions }) => ({
    name,
    partitions: await Promise.all(partitions.map((partition) => deleteBefore(name, partition, call))),
  }));
  return apis.deleteRecords.response.create({ topics: await Promise.all(answers) });
};

async function deleteBefore(name: string, { partitionIndex, offset }: AskedPartition, { parts }: Call) {
  const refused = (error: ErrorName) => ({ partitionIndex, lowWatermark: -1, errorCode: codeOf(error) });
  const topic = parts.catalog.image.topics.get(name);
  if (topic === undefined || partitionIndex < 0 || partitionIndex >= topic.partitions)
    return refused('UNKNOWN_TOPIC_OR_PARTITION');
  if (isInternal(name)) return refused('INVALID_TOPIC_EXCEPTION');
  try {
    const { log } = await parts.partitions.led(topic, partitionIndex);
    if (!log.config().cleanupDelete) return refused('POLICY_VIOLATION');
    const before = offset === -1 ? log.highWatermark : offset;
    if (before < 0 || before > log.highWatermark) return refused('OFFSET_OUT_OF_RANGE');
    return { partitionIndex, lowWatermark: await log.deleteRecordsBefore(before), errorCode: 0 };
  } catch (error) {
    return refused(errorNameOf(error));
  }
}
