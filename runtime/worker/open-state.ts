// The database of a task, waited for while another member of this process still has it: members of one process hand tasks
// to each other without telling when. Also what is in the databases that nobody has open.
import type { Clock } from '../../core/kernel/clock.ts';
import { isFault } from '../../core/kernel/fault.ts';
import type { Storage, StorageEngine } from '../../core/storage/storage.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { readCatalog } from '../state/store-catalog.ts';
import { isTaskId, parseTaskId, type TaskId } from './assignor.ts';

/** Long enough for one that stands still, and comes back to find that its task has moved. */
const handOverMsMax = 120_000;
const lookEveryMs = 20;

/** @throws the signal's reason, Fault `STORAGE_IN_USE` */
export async function openState(
  { stateEngine, clock }: { readonly stateEngine: StorageEngine; readonly clock: Clock },
  task: TaskId,
  signal: AbortSignal,
): Promise<Storage> {
  const startedMs = clock.monotonicMs();
  for (;;) {
    try {
      return await stateEngine.open(task);
    } catch (error) {
      if (!isFault(error, 'STORAGE_IN_USE') || clock.monotonicMs() - startedMs > handOverMsMax) throw error;
      await clock.sleep(lookEveryMs, signal);
    }
  }
}

/** What `stores.checkpoint` and the like say of each changelog, in one number: more is warmer. */
export const sumOf = (checkpoints: Iterable<number | null>): number => {
  let sum = 0;
  for (const offset of checkpoints) sum += offset ?? 0;
  return sum;
};

/** Changelogs of a sub-topology's stores, each once. */
export const changelogsOf = (topology: Topology, task: TaskId): readonly string[] => [
  ...new Set(topology.subTopologies[parseTaskId(task).subTopology]?.stores.map(({ changelog }) => changelog) ?? []),
];

/** How far the state of each task on disk is. Those that are open are left out: who has them tells. */
export async function positionsOnDisk(topology: Topology, engine: StorageEngine): Promise<Map<TaskId, number>> {
  const positions = new Map<TaskId, number>();
  for (const name of await engine.list()) {
    if (!isTaskId(name)) continue;
    try {
      await using storage = await engine.open(name);
      const { checkpoints } = await readCatalog(storage, name);
      positions.set(name, sumOf(changelogsOf(topology, name).map((topic) => checkpoints.get(topic) ?? null)));
    } catch (error) {
      if (!isFault(error, 'STORAGE_IN_USE')) throw error;
    }
  }
  return positions;
}
