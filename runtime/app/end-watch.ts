// When a job that ends has ended: every bounded source is done, and then, upstream first, the group has committed every
// input up to its end. It only looks at what is in the log, so it holds for members in any process and on any Kafka:
// a commit follows the flush of its outputs, so once upstream is committed to its end, the ends downstream are final.
import type { Admin, Client } from '../../core/client/index.ts';
import { partitionName, type TopicPartition } from '../../core/kernel/ids.ts';
import type { SubTopology, Topology } from '../../dsl/compile/topology.ts';
import { createSourceStatusReader, sourceOffsetsTopic } from '../connect/source-offsets.ts';
import { taskId } from '../worker/assignor.ts';
import type { Layout } from '../worker/layout.ts';
import type { WorkerReport } from '../worker/worker.ts';

export interface EndWatch {
  /**
   * @param closeWindows asked for where the inputs of a sub-topology have ended and its windows are open; called again
   * until every task of it is in a report's `closed`
   */
  hasEnded(reports: readonly WorkerReport[], closeWindows: (subTopology: number) => void): Promise<boolean>;
  close(): Promise<void>;
}

/** A sub-topology with those that it fills and is filled by, as the two sides of a foreign join. */
function exchanging({ subTopologies }: Topology, sub: SubTopology): readonly SubTopology[] {
  const filledBy = (sub: SubTopology): readonly SubTopology[] => {
    const topics = new Set(topicsFilledBy(sub));
    return subTopologies.filter(({ inputs }) =>
      inputs.some((input) => input.kind === 'topic' && topics.has(input.topic.name)),
    );
  };
  const below = (from: SubTopology): ReadonlySet<SubTopology> => {
    const seen = new Set<SubTopology>();
    const visit = (at: SubTopology): void => {
      for (const next of filledBy(at)) {
        if (seen.has(next)) continue;
        seen.add(next);
        visit(next);
      }
    };
    visit(from);
    return seen;
  };
  const own = below(sub);
  return subTopologies.filter((other) => other === sub || (own.has(other) && below(other).has(sub)));
}

const topicsFilledBy = ({ steps }: SubTopology): readonly string[] =>
  steps.flatMap((step) => (step.kind === 'topicSink' ? [step.topic.name] : []));

const partitionsOf = (topic: string, { partitions }: Layout): readonly TopicPartition[] =>
  Array.from({ length: partitions.get(topic)! }, (_, partition) => ({ topic, partition }));

const inputsOf = (sub: SubTopology, layout: Layout): readonly TopicPartition[] =>
  sub.inputs.flatMap((input) => (input.kind === 'topic' ? partitionsOf(input.topic.name, layout) : []));

/** Ends of topics that the job does not fill are taken once, at the start: "all input that is there now". */
async function externalEnds(topology: Topology, layout: Layout, admin: Admin): Promise<ReadonlyMap<string, number>> {
  const filled = new Set(topology.subTopologies.flatMap(topicsFilledBy));
  const external = topology.subTopologies
    .flatMap((sub) => inputsOf(sub, layout))
    .filter(({ topic }) => !filled.has(topic));
  const ends = await admin.listOffsets(external, 'latest', 'readCommitted');
  return new Map(external.map((tp, i) => [partitionName(tp), ends[i]!.offset]));
}

export async function createEndWatch(client: Client, topology: Topology, layout: Layout): Promise<EndWatch> {
  const admin = client.admin();
  const offsets = client.offsets(topology.job);
  const fixedEnds = await externalEnds(topology, layout, admin);
  const sources = topology.subTopologies.flatMap((sub) =>
    sub.inputs.flatMap((input) => (input.kind === 'connector' ? [input.connector] : [])),
  );
  const foreignJoins = topology.subTopologies
    .flatMap(({ steps }) => steps)
    .filter(({ kind }) => kind === 'joinForeign').length;
  const outputs = [...new Set(topology.subTopologies.flatMap(topicsFilledBy))].flatMap((name) =>
    partitionsOf(name, layout),
  );
  const topic = sourceOffsetsTopic(topology);
  const reader = topic === null ? null : createSourceStatusReader(client, topic);

  async function sourcesDone(generationId: number): Promise<boolean> {
    if (reader === null) return true;
    const statuses = await reader.refresh();
    return sources.every(
      ({ name, bounded }) =>
        !bounded || (statuses.get(name)?.done === true && statuses.get(name)!.generationId >= generationId),
    );
  }

  async function drained(sub: SubTopology): Promise<boolean> {
    const partitions = inputsOf(sub, layout);
    if (partitions.length === 0) return true;
    // Ends after offsets: what was flushed before the commit is in them, also where the sub-topology fills its own input.
    // Not the last stable ones: a transaction that a killed member left open hides what others have committed behind it.
    const committed = await offsets.fetch(partitions);
    const ends = await admin.listOffsets(partitions, 'latest', 'readUncommitted');
    const starts = await admin.listOffsets(partitions, 'earliest');
    return partitions.every((tp, i) => {
      const end = fixedEnds.get(partitionName(tp)) ?? ends[i]!.offset;
      return starts[i]!.offset >= end || (committed.get(partitionName(tp))?.offset ?? -1) >= end;
    });
  }

  /** Of the outputs, when all inputs were drained; others may go on filling the same topics. */
  let finalEnds: readonly number[] | null = null;

  /** Who reads the outputs now gets all of them: nothing of them is behind a transaction that is still open. */
  async function outputsReadable(): Promise<boolean> {
    if (topology.options.guarantee !== 'exactlyOnce') return true;
    finalEnds ??= (await admin.listOffsets(outputs, 'latest', 'readUncommitted')).map(({ offset }) => offset);
    const stable = await admin.listOffsets(outputs, 'latest', 'readCommitted');
    return finalEnds.every((end, i) => stable[i]!.offset >= end);
  }

  const groups = topology.subTopologies.map((sub) => ({ sub, group: exchanging(topology, sub) }));

  /** Where parts of a job fill each other, what the one has answered the other may not have read yet: asked again. */
  async function settled(group: readonly SubTopology[]): Promise<boolean> {
    for (let pass = 0; pass <= (group.length > 1 ? foreignJoins : 0); pass++) {
      for (const sub of group) if (!(await drained(sub))) return false;
    }
    return true;
  }

  /** All tasks with state say so, since which of them hold anything only they know. */
  function windowsClosed(sub: SubTopology, reports: readonly WorkerReport[]): boolean {
    if (sub.stores.length === 0) return true;
    const closed = new Set(reports.flatMap((report) => report.closed));
    return Array.from({ length: layout.tasks[sub.id]! }, (_, partition) => taskId(sub.id, partition)).every((id) =>
      closed.has(id),
    );
  }

  return {
    async hasEnded(reports, closeWindows) {
      const generationId = Math.max(...reports.map((report) => report.generationId));
      if (
        generationId < 0 ||
        reports.some((report) => report.state !== 'running' || report.generationId !== generationId)
      )
        return false;
      if (!(await sourcesDone(generationId))) return false;
      for (const { sub, group } of groups) {
        if (!(await settled(group))) {
          finalEnds = null;
          return false;
        }
        // With `until: 'end'` a job whose topics others fill goes on from here another time, windows and all.
        if (!topology.bounded || windowsClosed(sub, reports)) continue;
        closeWindows(sub.id);
        return false;
      }
      return outputsReadable();
    },
    close: async () => reader?.close(),
  };
}
