// Where a reader goes on whose position the log has no more: retention took it, the topic was made anew, or a leader was
// elected that hadn't got all that was read (KIP-320).
import type { Assigned } from './assigned-partition.ts';
import type { Cluster } from './cluster.ts';
import { type Isolation, listOffsets } from './list-offsets.ts';

export interface LostPositionOptions {
  readonly from: 'earliest' | 'latest';
  readonly isolation: Isolation;
  readonly signal: AbortSignal;
}

/** @param truncatedTo the offset up to which the log has what was read, where the node knows */
export async function positionAfterLoss(
  cluster: Cluster,
  one: Assigned,
  truncatedTo: number | undefined,
  { from, isolation, signal }: LostPositionOptions,
): Promise<number> {
  if (truncatedTo !== undefined && !(await isMadeAnew(cluster, one))) return truncatedTo;
  const [listed] = await listOffsets(cluster, [one], from, isolation, { signal });
  return listed!.offset;
}

/** The reader is told by a fetch without batches, so that it takes what comes after it. */
export function skipTo(one: Assigned, offset: number): void {
  const { topic, partition, position, end = offset } = one;
  one.fetched.push({
    ...{ topic, partition, fetchOffset: position, batches: [], nextOffset: offset, sizeBytes: 0 },
    ...{ highWatermark: end, lastStableOffset: end, logStartOffset: offset },
  });
  one.position = offset;
  one.lastEpoch = -1;
  one.tries = 0;
}

/** A topic that was deleted and made again has the name and the epochs of the old one, and nothing of its records. */
async function isMadeAnew(cluster: Cluster, one: Assigned): Promise<boolean> {
  const { topics } = await cluster.metadata([one.topic]);
  const topicId = topics[0]?.topicId;
  const isAnother = topicId !== one.topicId;
  one.topicId = topicId;
  return isAnother;
}
