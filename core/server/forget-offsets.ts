// What groups have committed for topics that are deleted goes with them: a group would begin in one that is made anew under
// the name where it had stopped in the old.
import type { GroupShard } from '../coordinator/group/group-shard.ts';
import type { CoordinatorRuntime } from '../coordinator/runtime.ts';
import type { Logger } from '../kernel/logger.ts';
import { coordinatorErrorOf } from './error-names.ts';

/** Of the groups that this node coordinates. Never rejects. */
export async function forgetOffsets(
  topics: ReadonlySet<string>,
  { groups, logger }: { readonly groups: CoordinatorRuntime<GroupShard>; readonly logger: Logger },
): Promise<void> {
  try {
    await groups.runOnAll((shard) => shard.forgetTopics(topics));
  } catch (error) {
    logger.warn({ err: error, why: coordinatorErrorOf(error) }, 'offsets of deleted topics could not be removed');
  }
}
