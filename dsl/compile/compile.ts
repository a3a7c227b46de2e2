// compile(): a program in, a topology out, or an error with all that is wrong. Pure: nothing is opened, no clock is read.
import type { JobSpec } from '../plan.ts';
import { boundedInputs, boundedJob, boundedTopic } from './bounds.ts';
import { check } from './check.ts';
import type { Part } from './cut.ts';
import { cut, fillersOf } from './cut.ts';
import type { Graph, Vertex } from './graph.ts';
import { internalTopics } from './internal-topics.ts';
import { normalise } from './normalise.ts';
import { subTopology } from './steps.ts';
import type { Topology } from './topology.ts';
import { TopologyError } from './topology-error.ts';

/** Options of `compile()`. */
export interface CompileOptions {
  /** In production state stores need names, unless the job says otherwise. Default 'development'. */
  readonly environment?: 'production' | 'development';
}

/**
 * Turns a program into what the runtime runs: sub-topologies cut at repartition topics, their steps, stores and topics.
 * The same program gives the same topology, name by name.
 *
 * @throws TopologyError with every issue of the program
 * @example
 * const orders = topic('orders', json<{ amount: number }>());
 * const program = job('copies', [orders.to(topic('copies', json<{ amount: number }>()))]);
 * const text = describe(compile(program));
 */
export function compile(job: JobSpec, { environment = 'development' }: CompileOptions = {}): Topology {
  const { names } = job.options;
  const namesRequired = names === 'required' || (names === 'environment' && environment === 'production');
  const graph = normalise(job);
  const cuts = cut(graph);
  const issues = check(job, graph, cuts, namesRequired);
  if (issues.length > 0) throw new TopologyError(job.name, issues);
  const { parts } = cuts;
  const bounded = boundedInputs(graph);
  const subTopologies = parts.map((part, id) =>
    subTopology(part, {
      job: job.name,
      id,
      upstream: [...part.upstream].map((above) => parts.indexOf(above)).sort((a, b) => a - b),
      bootstrap: (input) => input.node.kind === 'tableSource' && bounded(input) && !fillsItself(graph, part, input),
    }),
  );
  return {
    job: job.name,
    options: job.options,
    subTopologies,
    topics: [...graph.topics.values()],
    internalTopics: internalTopics(job.name, subTopologies),
    globals: [...graph.globals.values()].map((topic) => ({
      topic,
      bootstrap: boundedTopic(graph, topic.name) && !parts.some((part) => fillsAndJoins(part, topic.name)),
    })),
    views: graph.views.flatMap(({ parent, connector }) =>
      parent.kind === 'topicSource' ? [{ topic: parent.topic, connector }] : [],
    ),
    bounded: boundedJob(graph),
  };
}

/** What waits for a global table can't fill it first. */
function fillsAndJoins({ vertices }: Part, topic: string): boolean {
  const is = (kind: 'topicSink' | 'joinGlobal') =>
    vertices.some(({ node }) => node.kind === kind && node.topic.name === topic);
  return is('topicSink') && is('joinGlobal');
}

/** What the sub-topology fills itself it can't read to its end before it runs. */
function fillsItself(graph: Graph, part: Part, input: Vertex): boolean {
  return fillersOf(graph.vertices, input).some((filler) => part.vertices.includes(filler));
}
