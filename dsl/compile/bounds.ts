// Which topics come to an end: those that only bounded sources of the job fill, however many steps away.
import { fillersOf } from './cut.ts';
import type { Graph, Vertex } from './graph.ts';
import { inputsOf, topicOf } from './graph.ts';

/** Whether all that an input reads comes, in the end, from bounded sources of this job. For graphs that don't go round. */
export function boundedInputs(graph: Graph): (input: Vertex) => boolean {
  const known = new Map<Vertex, boolean>();
  const bounded = (input: Vertex): boolean => {
    const before = known.get(input);
    if (before !== undefined) return before;
    const found = ends(input);
    known.set(input, found);
    return found;
  };
  const ends = (input: Vertex): boolean => {
    if (input.node.kind === 'connectorSource') return input.node.connector.bounded;
    const fillers = fillersOf(graph.vertices, input);
    return fillers.length > 0 && fillers.every((filler) => inputsOf(filler).every(bounded));
  };
  return bounded;
}

/** Whether all that is written to a topic comes from bounded sources of this job, and some is. */
export function boundedTopic(graph: Graph, name: string): boolean {
  const bounded = boundedInputs(graph);
  const fillers = graph.vertices.filter(({ node }) => node.kind === 'topicSink' && node.topic.name === name);
  return fillers.length > 0 && fillers.every((filler) => inputsOf(filler).every(bounded));
}

/** Whether the job ends by itself: its sources are bounded, and it reads no topic that others fill. */
export function boundedJob(graph: Graph): boolean {
  const inputs = graph.vertices.filter(
    ({ node, parents }) => parents.length === 0 && node.kind !== 'repartitionSource',
  );
  const connectors = inputs.flatMap(({ node }) => (node.kind === 'connectorSource' ? [node.connector] : []));
  const filled = new Set(graph.vertices.flatMap(({ node }) => (node.kind === 'topicSink' ? [node.topic.name] : [])));
  const read = [
    ...inputs.flatMap((input) => topicOf(input)?.name ?? []),
    ...graph.globals.keys(),
    ...graph.views.map(({ parent }) => (parent.kind === 'topicSource' ? parent.topic.name : '')),
  ];
  return connectors.every(({ bounded }) => bounded) && read.every((name) => filled.has(name));
}
