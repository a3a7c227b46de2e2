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

/** A topic that was deleted and made again has the name and the epochs of the old one, and nothing of its records. */
async function isMadeAnew(cluster: Cluster, one: Assigned): Promise<boolean> {
  const { topics } = await cluster.metadata([one.topic]);
  const topicId = topics[0]?.topicId;
  const isAnother = topicId !== one.topicId;
  one.topicId = topicId;
  return isAnother;
}
