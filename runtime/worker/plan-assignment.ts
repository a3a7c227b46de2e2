// Who runs which task and who keeps its state ready: pure, and run by the group's leader. A task with state moves only to
// where its state is warm; a member that is to have it and isn't warm keeps up a standby of it first (KIP-441, Kafka
// Streams' HighAvailabilityTaskAssignor). Nobody gets a task that another still has: who is to give one up does so, and
// asks for the next assignment (KIP-429).
import { assert } from '../../core/kernel/assert.ts';
import { assignTasks, type TaskId } from './assignor.ts';

export interface PlanMember {
  readonly memberId: string;
  /** Members of one process share their state on disk. */
  readonly processId: string;
  /** Tasks at work there. */
  readonly owned: readonly TaskId[];
  /** Of the assignment by which it has them: of two that claim a task the later one is right. */
  readonly generation: number;
}

export interface PlanSettings {
  /** Copies of a task's state on other processes. */
  readonly standbys: number;
  /** Records that a state may lack and still count as warm. Kafka Streams' acceptable.recovery.lag. */
  readonly warmLag: number;
  /** Tasks that are warmed up at a time. Kafka Streams' max.warmup.replicas. */
  readonly warmupsMax: number;
}

export const planDefaults: PlanSettings = { standbys: 0, warmLag: 10_000, warmupsMax: 2 };

export interface PlanInput {
  readonly tasks: readonly TaskId[];
  readonly stateful: ReadonlySet<TaskId>;
  readonly members: readonly PlanMember[];
  /** Records that a process's state of a task lacks; 0 where it runs. */
  readonly lagOf: (processId: string, task: TaskId) => number;
  readonly settings: PlanSettings;
}

export interface Planned {
  readonly active: TaskId[];
  readonly standby: TaskId[];
  /** Of `standby`: those that the member runs once they are warm. */
  readonly warming: TaskId[];
}

export function planAssignment(input: PlanInput): ReadonlyMap<string, Planned> {
  const { tasks, stateful, settings } = input;
  assert(input.members.length > 0, 'an assignment needs a member');
  const members = [...input.members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const owners = ownersOf(members);
  const isWarm = (member: PlanMember, task: TaskId) =>
    !stateful.has(task) ||
    owners.get(task)?.processId === member.processId ||
    input.lagOf(member.processId, task) <= settings.warmLag;

  const target = assignTasks(
    tasks,
    members.map(({ memberId, owned }) => ({
      memberId,
      owned: owned.filter((task) => owners.get(task)?.memberId === memberId),
    })),
    (memberId, task) => isWarm(members.find((member) => member.memberId === memberId)!, task),
  );
  const plan = new Map<string, Planned>(
    members.map(({ memberId }) => [memberId, { active: [], standby: [], warming: [] }]),
  );
  const planned = ({ memberId }: PlanMember) => plan.get(memberId)!;

  let warmups = 0;
  for (const member of members) {
    for (const task of target.get(member.memberId)!) {
      const warm = isWarm(member, task) ? member : (owners.get(task) ?? warmest(task));
      planned(warm ?? member).active.push(task);
      if (warm === undefined || warm === member || warm.processId === member.processId) continue;
      if (warmups++ >= settings.warmupsMax) continue;
      planned(member).standby.push(task);
      planned(member).warming.push(task);
    }
  }
  addStandbys();
  holdBack();
  return plan;

  /** Undefined where nobody's state is warm: then whoever is to have it restores it. */
  function warmest(task: TaskId): PlanMember | undefined {
    const warm = members.filter((member) => isWarm(member, task));
    const load = (member: PlanMember) => planned(member).active.length;
    return warm.sort((a, b) => load(a) - load(b))[0];
  }

  function addStandbys(): void {
    const runs = (processId: string, task: TaskId) =>
      members.some((member) => member.processId === processId && planned(member).active.includes(task));
    const keeps = (processId: string, task: TaskId) =>
      members.some((member) => member.processId === processId && planned(member).standby.includes(task));
    const load = (member: PlanMember) => planned(member).standby.length;
    const loadOf = (processId: string) =>
      members.filter((member) => member.processId === processId).reduce((sum, member) => sum + load(member), 0);
    const processes = [...new Set(members.map(({ processId }) => processId))];
    for (let copy = 0; copy < settings.standbys; copy++) {
      for (const task of tasks.filter((id) => stateful.has(id))) {
        if (processes.filter((processId) => keeps(processId, task)).length > copy) continue;
        const processId = processes
          .filter((candidate) => !runs(candidate, task) && !keeps(candidate, task))
          .sort((a, b) => input.lagOf(a, task) - input.lagOf(b, task) || loadOf(a) - loadOf(b))[0];
        if (processId === undefined) continue;
        const own = members.filter((member) => member.processId === processId).sort((a, b) => load(a) - load(b));
        planned(own[0]!).standby.push(task);
      }
    }
  }

  function holdBack(): void {
    for (const member of members) {
      const { active } = planned(member);
      const free = active.filter((task) => (owners.get(task) ?? member) === member);
      active.splice(0, active.length, ...free);
    }
  }
}

function ownersOf(members: readonly PlanMember[]): ReadonlyMap<TaskId, PlanMember> {
  const owners = new Map<TaskId, PlanMember>();
  for (const member of members) {
    for (const task of member.owned) {
      const other = owners.get(task);
      if (other === undefined || other.generation < member.generation) owners.set(task, member);
    }
  }
  return owners;
}
