// Before a job runs: the topics that must be there are made, what is there is checked, and what `--fresh` and `reset`
// take away is named and deleted.
import type { Admin } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import { Fault, isFault } from '../../core/kernel/fault.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { type Layout, layOut } from '../worker/layout.ts';

const attemptsMax = 20;
const attemptMs = 250;

/**
 * Makes the topics that are missing, and has those of the job's own keep as long as it needs.
 *
 * @throws Fault of `layOut`, `INTERNAL_TOPIC_SETTING`, or `BROKER_ERROR` where a topic can't be made
 */
export async function prepareTopics(topology: Topology, admin: Admin, clock: Clock): Promise<Layout> {
  for (let attempt = 1; ; attempt++) {
    const topics = await admin.listTopics({ internal: true });
    const existing = new Map(topics.map(({ name, partitions }) => [name, partitions]));
    const layout = layOut(topology, existing);
    await fitSettings(topology, admin, existing);
    if (layout.create.length === 0) return layout;
    const missing = layout.create.map(({ name, partitions, replicationFactor, config }) => ({
      ...{ name, partitions, replicationFactor, config },
    }));
    try {
      await admin.createTopics(missing);
      return layout;
    } catch (error) {
      // Other processes of the job start at the same moment. What they have made is looked at, once the cluster tells of it.
      if (!isFault(error, 'TOPIC_EXISTS') || attempt === attemptsMax) throw error;
      await clock.sleep(attemptMs);
    }
  }
}

/**
 * Longer windows, results that are kept for longer or that come when windows close, need more of a changelog that is there
 * already. One that isn't compacted, or a repartition topic that is, is refused: nobody knows what it has lost.
 */
async function fitSettings(topology: Topology, admin: Admin, existing: ReadonlyMap<string, number>): Promise<void> {
  const there = topology.internalTopics.filter(({ name }) => existing.has(name));
  await Promise.all(
    there.map(async ({ name, config }) => {
      const entries = await admin.describeConfigs({ kind: 'topic', name });
      const found = new Map(entries.map((entry) => [entry.name, entry.value]));
      const [policy, needed] = [found.get('cleanup.policy') ?? '', config['cleanup.policy'] ?? ''];
      if (policy.includes('compact') !== needed.includes('compact'))
        throw new Fault('INTERNAL_TOPIC_SETTING', {
          ...{ topic: name, setting: 'cleanup.policy', expected: needed, found: policy },
        });
      const changes: Record<string, string> = {};
      const [kept, wanted] = [Number(found.get('retention.ms') ?? -1), Number(config['retention.ms'] ?? -1)];
      if (policy.includes('delete') && !needed.includes('delete')) changes['cleanup.policy'] = needed;
      else if (policy.includes('delete') && kept >= 0 && (wanted < 0 || kept < wanted))
        changes['retention.ms'] = String(wanted);
      if (Object.keys(changes).length > 0) await admin.alterConfigs({ kind: 'topic', name }, changes);
    }),
  );
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
