// Tasks to members: sticky, balanced in all and within each sub-topology. Pure; it knows nothing of what a move costs, which
// is plan-assignment.ts.
import { assert } from '../../core/kernel/assert.ts';

/** `<sub-topology>_<partition>`. */
export type TaskId = string;

export const taskId = (subTopology: number, partition: number): TaskId => `${subTopology}_${partition}`;

/** What else is in a state folder has other names. */
export const isTaskId = (name: string): boolean => /^\d+_\d+$/.test(name);

export function parseTaskId(id: TaskId): { readonly subTopology: number; readonly partition: number } {
  const [subTopology, partition] = id.split('_').map(Number);
  assert(Number.isInteger(subTopology) && Number.isInteger(partition), `task id '${id}'`);
  return { subTopology: subTopology!, partition: partition! };
}

export interface AssignorMember {
  readonly memberId: string;
  /** Tasks it had before the rebalance. */
  readonly owned: readonly TaskId[];
}

const bySubTopologyThenPartition = (a: TaskId, b: TaskId): number => {
  const left = parseTaskId(a);
  const right = parseTaskId(b);
  return left.subTopology - right.subTopology || left.partition - right.partition;
};

/** Owned tasks in the order in which they are kept: one of each sub-topology, then a second of each, and so on. */
function keepingOrder(owned: readonly TaskId[]): TaskId[] {
  const seen = new Map<number, number>();
  const ranked = [...owned].sort(bySubTopologyThenPartition).map((id) => {
    const { subTopology } = parseTaskId(id);
    const rank = seen.get(subTopology) ?? 0;
    seen.set(subTopology, rank + 1);
    return { id, rank };
  });
  return ranked.sort((a, b) => a.rank - b.rank || bySubTopologyThenPartition(a.id, b.id)).map(({ id }) => id);
}

/**
 * Shares `tasks` among `members`: no two members differ by more than one task, a task stays with the member that had it
 * where that allows it, and what must move goes where it is warm, then where its sub-topology has the fewest.
 *
 * @param isWarm whether a member has the state of a task
 */
export function assignTasks(
  tasks: readonly TaskId[],
  members: readonly AssignorMember[],
  isWarm: (memberId: string, task: TaskId) => boolean = () => true,
): ReadonlyMap<string, readonly TaskId[]> {
  assert(members.length > 0, 'an assignment needs a member');
  const order = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const given = new Map<string, TaskId[]>(order.map(({ memberId }) => [memberId, []]));
  const open = new Set(tasks);
  const least = Math.floor(tasks.length / order.length);
  let extras = tasks.length % order.length;

  const mayTakeMore = (have: readonly TaskId[]) => have.length < least || (have.length === least && extras > 0);
  const give = (memberId: string, id: TaskId) => {
    const have = given.get(memberId)!;
    if (have.length === least) extras -= 1;
    have.push(id);
    open.delete(id);
  };

  for (const { memberId, owned } of order) {
    for (const id of keepingOrder(owned.filter((task) => open.has(task)))) {
      if (mayTakeMore(given.get(memberId)!)) give(memberId, id);
    }
  }
  for (const id of [...open].sort(bySubTopologyThenPartition)) {
    const { subTopology } = parseTaskId(id);
    const load = (have: readonly TaskId[]) => have.filter((t) => parseTaskId(t).subTopology === subTopology).length;
    const taker = order
      .map(({ memberId }) => ({ memberId, have: given.get(memberId)! }))
      .filter(({ have }) => mayTakeMore(have))
      .sort(
        (a, b) =>
          Number(isWarm(b.memberId, id)) - Number(isWarm(a.memberId, id)) ||
          load(a.have) - load(b.have) ||
          a.have.length - b.have.length,
      )[0];
    assert(taker !== undefined, 'somebody can take the task');
    give(taker.memberId, id);
  }
  return given;
}
