// Which version of an API a node is spoken to in: the highest that both know, below the caps here. A cap says why.
import { Fault } from '../kernel/fault.ts';
import { type ApiName, apis } from '../protocol/api-table.ts';

/** What one node serves, by API key. */
export type ServedVersions = ReadonlyMap<number, readonly [min: number, max: number]>;

/**
 * Topics go by their names, so the versions that know ids only are left out: Produce 13, Fetch 13, OffsetCommit 10,
 * OffsetFetch 10. Transactions are those of `transaction.version` 1, where partitions are added by a request before the
 * first batch: Produce 12, TxnOffsetCommit 5, EndTxn 5 mean the other kind (KIP-890), AddPartitionsToTxn 4 is for nodes.
 */
const versionMax: Partial<Record<ApiName, number>> = {
  produce: 11,
  fetch: 12,
  offsetCommit: 9,
  offsetFetch: 9,
  addPartitionsToTxn: 3,
  txnOffsetCommit: 4,
  endTxn: 4,
};

/** Below, record batches would be of another format than v2. */
const versionMin: Partial<Record<ApiName, number>> = { produce: 3, fetch: 4 };

/** @throws Fault `API_NOT_SERVED` where there is no version that both know */
export function negotiate(api: ApiName, served: ServedVersions, to: string): number {
  const ours = apis[api].served;
  const theirs = served.get(apis[api].key);
  const low = Math.max(ours[0], versionMin[api] ?? 0, theirs?.[0] ?? 0);
  const high = Math.min(ours[1], versionMax[api] ?? ours[1], theirs?.[1] ?? -1);
  if (high < low) {
    const range = theirs === undefined ? 'none' : `${theirs[0]} to ${theirs[1]}`;
    throw new Fault('API_NOT_SERVED', { api, to, served: range });
  }
  return high;
}
