// Before a job runs: the topics that must be there are made, what is there is checked, and what `--fresh` and `reset`
// take away is named and deleted.
import type { Admin } from '../../core/client/index.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { type Layout, layOut } from '../worker/layout.ts';

/** Makes the topics that are missing. @throws Fault of `layOut`, or `BROKER_ERROR` where a topic can't be made */
export async function prepareTopics(topology: Topology, admin: Admin): Promise<Layout> {
  const existing = new Map(
    (await admin.listTopics({ internal: true })).map(({ name, partitions }) => [name, partitions]),
  );
  const layout = layOut(topology, existing);
  if (layout.create.length > 0) {
    await admin.createTopics(
      layout.create.map(({ name, partitions, replicationFactor, config }) => ({
        name,
        partitions,
        replicationFactor,
        config,
      })),
    );
  }
  return layout;
}

export interface ResetPlan {
  /** Topics that the job makes for itself, and topics that it fills. */
  readonly deleteTopics: readonly string[];
  /** Topics of others that it reads: its offsets there are forgotten, the topics stay. */
  readonly forgetOffsetsOf: readonly string[];
  /** Databases of local state. */
  readonly deleteState: readonly string[];
}

export async function planReset(topology: Topology, admin: Admin, stateEngine: StorageEngine): Promise<ResetPlan> {
  const existing = new Set((await admin.listTopics()).map(({ name }) => name));
  const internal = topology.internalTopics.map((topic) => topic.name);
  const filled = topology.subTopologies.flatMap((sub) =>
    sub.steps.flatMap((step) => (step.kind === 'topicSink' && !step.internal ? [step.topic.name] : [])),
  );
  const read = topology.subTopologies.flatMap((sub) =>
    sub.inputs.flatMap((input) => (input.kind === 'topic' && !input.internal ? [input.topic.name] : [])),
  );
  const remove = [...new Set([...internal, ...filled])].filter((name) => existing.has(name));
  return {
    deleteTopics: remove,
    forgetOffsetsOf: [...new Set(read)].filter((name) => existing.has(name) && !remove.includes(name)),
    deleteState: await stateEngine.list(),
  };
}

/** @throws Fault `GROUP_NOT_EMPTY` while the job runs somewhere */
export async function carryOutReset(
  topology: Topology,
  admin: Admin,
  stateEngine: StorageEngine,
  plan: ResetPlan,
): Promise<void> {
  await admin.deleteGroups([topology.job]);
  if (plan.deleteTopics.length > 0) await admin.deleteTopics(plan.deleteTopics);
  for (const name of plan.deleteState) await stateEngine.destroy(name);
}
