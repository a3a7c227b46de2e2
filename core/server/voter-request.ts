// What AddRaftVoter and RemoveRaftVoter are refused for before the controller in charge is asked.
import { type Refusal, refused } from '../controller/outcome.ts';
import type { NodeParts } from './handler.ts';

export function unfitVoterRequest(
  { clusterId, voterId }: { readonly clusterId: string | null; readonly voterId: number },
  { catalog, cluster }: NodeParts,
): Refusal | null {
  if (clusterId !== null && clusterId !== catalog.image.clusterId)
    return refused('INCONSISTENT_CLUSTER_ID', `this is cluster ${catalog.image.clusterId}`);
  if (voterId < 0) return refused('INVALID_REQUEST', `a node's number is not ${voterId}`);
  return cluster === null ? refused('UNSUPPORTED_VERSION', 'a node alone has no controllers that vote') : null;
}
