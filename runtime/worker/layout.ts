// How many tasks each sub-topology has and which topics there must be: decided once before anything runs, from what the
// program says and what is in the cluster. Mismatches fail here, with the names of the topics and their counts.
import { Fault } from '../../core/kernel/fault.ts';
import type { InternalTopic, SubTopology, Topology } from '../../dsl/compile/topology.ts';
import type { TopicSpec } from '../../dsl/plan.ts';
import { type TaskId, taskId } from './assignor.ts';

export interface TopicToCreate {
  readonly name: string;
  readonly partitions: number;
  /** -1: the cluster's default. */
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface Layout {
  /** Tasks of each sub-topology, by its id. */
  readonly tasks: readonly number[];
  /** Partition count of every topic the job reads or writes. */
  readonly partitions: ReadonlyMap<string, number>;
  readonly create: readonly TopicToCreate[];
}

/** Partitions of a topic that the job makes and that names no count. */
export const partitionsDefault = 4;

const isRepartition = (topology: Topology, name: string) =>
  topology.internalTopics.some((topic) => topic.name === name && topic.purpose === 'repartition');

/**
 * @param existing partition counts of the topics that are there
 * @throws Fault `NOT_CO_PARTITIONED`, `INTERNAL_TOPIC_MISMATCH`, `PARTITIONS_DIFFER`
 */
export function layOut(topology: Topology, existing: ReadonlyMap<string, number>): Layout {
  const partitions = new Map<string, number>();
  const create: TopicToCreate[] = [];
  const missing: TopicSpec[] = [];
  for (const topic of userTopics(topology)) {
    const found = existing.get(topic.name);
    if (found !== undefined && topic.partitions !== undefined && topic.partitions !== found) {
      throw new Fault('PARTITIONS_DIFFER', { topic: topic.name, expected: topic.partitions, found });
    }
    partitions.set(topic.name, found ?? topic.partitions ?? partitionsDefault);
    if (found === undefined) missing.push(topic);
  }
  fitPartners(topology, missing, partitions);
  for (const { name, replicationFactor = -1, config } of missing) {
    create.push({ name, partitions: partitions.get(name)!, replicationFactor, config });
  }
  const tasks: number[] = [];
  for (const sub of topology.subTopologies) {
    sizeRepartitionInputs(topology, sub, tasks, partitions);
    tasks.push(taskCount(sub, partitions));
  }
  for (const topic of topology.internalTopics) {
    const count =
      topic.purpose === 'sourceOffsets'
        ? 1
        : topic.purpose === 'changelog'
          ? tasks[topic.subTopology]!
          : partitions.get(topic.name)!;
    partitions.set(topic.name, count);
    checkInternal(topology, topic, count, existing, create);
  }
  return { tasks, partitions, create };
}

/** A topic that the job makes and that names no count has as many partitions as those it is joined or merged with. */
function fitPartners(topology: Topology, missing: readonly TopicSpec[], partitions: Map<string, number>): void {
  const open = new Set(missing.flatMap((topic) => (topic.partitions === undefined ? [topic.name] : [])));
  for (const { inputs } of topology.subTopologies) {
    const read = inputs.flatMap((input) => (input.kind === 'topic' && !input.internal ? [input.topic.name] : []));
    const fixed = read.find((name) => !open.has(name));
    if (fixed === undefined) continue;
    for (const name of read) if (open.has(name)) partitions.set(name, partitions.get(fixed)!);
  }
}

function userTopics(topology: Topology): readonly TopicSpec[] {
  const deadLetters = Object.values(topology.options.onError).flatMap((policy) =>
    policy.kind === 'deadLetter' ? [policy.topic] : [],
  );
  const named = new Set(topology.topics.map((topic) => topic.name));
  const extra = [...new Set(deadLetters)].filter((name) => !named.has(name));
  const bytesSerde = { name: 'bytes', encode: (value: Uint8Array) => value, decode: (bytes: Uint8Array) => bytes };
  return [
    ...topology.topics,
    ...extra.map((name) => ({
      name,
      key: bytesSerde,
      value: bytesSerde,
      partitions: 1,
      config: { 'retention.ms': '-1' },
    })),
  ];
}

/** A repartition topic has as many partitions as the topics it is joined with, or else as the largest input upstream. */
function sizeRepartitionInputs(
  topology: Topology,
  sub: SubTopology,
  tasks: readonly number[],
  partitions: Map<string, number>,
): void {
  const inputs = sub.inputs.flatMap((input) => (input.kind === 'topic' ? [input.topic] : []));
  const fixed = inputs.flatMap(
    ({ name, partitions: said }) => (isRepartition(topology, name) ? said : partitions.get(name)) ?? [],
  );
  const upstream = sub.upstream.map((id) => {
    const reads = topology.subTopologies[id]!.inputs.some((input) => input.kind === 'topic');
    return reads ? tasks[id]! : 0;
  });
  for (const topic of inputs) {
    if (!isRepartition(topology, topic.name)) continue;
    const widest = Math.max(0, ...upstream);
    partitions.set(topic.name, topic.partitions ?? fixed[0] ?? (widest > 0 ? widest : partitionsDefault));
  }
}

function taskCount(sub: SubTopology, partitions: ReadonlyMap<string, number>): number {
  const topics = sub.inputs.flatMap((input) => (input.kind === 'topic' ? [input.topic.name] : []));
  if (topics.length === 0) return 1;
  const counts = topics.map((name) => partitions.get(name)!);
  if (new Set(counts).size > 1) {
    throw new Fault('NOT_CO_PARTITIONED', { topics: topics.map((name, i) => `${name} has ${counts[i]}`).join(', ') });
  }
  return counts[0]!;
}

function checkInternal(
  topology: Topology,
  topic: InternalTopic,
  count: number,
  existing: ReadonlyMap<string, number>,
  create: TopicToCreate[],
): void {
  const found = existing.get(topic.name);
  if (found === undefined)
    create.push({ name: topic.name, partitions: count, replicationFactor: -1, config: topic.config });
  else if (found !== count)
    throw new Fault('INTERNAL_TOPIC_MISMATCH', { topic: topic.name, expected: count, found, job: topology.job });
}

/** Every task of the job, sub-topology by sub-topology. */
export const allTasks = (layout: Layout): readonly TaskId[] =>
  layout.tasks.flatMap((count, subTopology) =>
    Array.from({ length: count }, (_, partition) => taskId(subTopology, partition)),
  );
