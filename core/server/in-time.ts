// Coordinators answer in bounded time. One that is cut off from the other copies of its log doesn't know that it is
// replaced, and its clients would stay with it. What they tried may be carried out all the same, as in Kafka.
import type { Clock } from '../kernel/clock.ts';
import { createLatch } from '../kernel/latch.ts';
import type { ApiName } from '../protocol/api-table.ts';

/** Not joinGroup and syncGroup, which wait for other members: for those a client has a time limit of its own. */
const limited: ReadonlySet<ApiName> = new Set([
  'offsetCommit',
  'offsetFetch',
  'offsetDelete',
  'heartbeat',
  'leaveGroup',
  'describeGroups',
  'listGroups',
  'deleteGroups',
  'consumerGroupHeartbeat',
  'consumerGroupDescribe',
  'initProducerId',
  'addPartitionsToTxn',
  'addOffsetsToTxn',
  'endTxn',
  'txnOffsetCommit',
  'describeTransactions',
  'listTransactions',
]);

export const isLimited = (api: ApiName): boolean => limited.has(api);

/** Null where it took longer; how it ends is nobody's business then. */
export async function inTime<T>(work: Promise<T>, clock: Clock, limitMs: number): Promise<T | null> {
  const late = createLatch<null>();
  const timer = clock.after(limitMs, () => late.resolve(null));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.cancel();
    work.catch(() => {});
  }
}
