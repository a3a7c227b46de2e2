// Cuts the graph into sub-topologies: what hangs together without a topic between. Then orders them, upstream first.
import type { Graph, Vertex } from './graph.ts';
import { topicOf } from './graph.ts';

/** A sub-topology to be: its vertices in order, and the parts that fill topics it reads (never itself). */
export interface Part {
  readonly vertices: readonly Vertex[];
  readonly upstream: ReadonlySet<Part>;
}

export interface Cut {
  /** Upstream first; within a cycle as discovered. */
  readonly parts: readonly Part[];
  /** Parts that are upstream of each other, where there are any. */
  readonly circular: readonly (readonly Part[])[];
}

export function cut({ vertices }: Graph): Cut {
  const roots = vertices.map((_, index) => index);
  const rootOf = (index: number): number => (roots[index] === index ? index : rootOf(roots[index]!));
  for (const { index, parents, table } of vertices) {
    for (const { index: other } of table === null ? parents : [...parents, table]) {
      const [a, b] = [rootOf(index), rootOf(other)];
      roots[Math.max(a, b)] = Math.min(a, b);
    }
  }
  const parts = new Map<number, { readonly vertices: Vertex[]; readonly upstream: Set<Part> }>();
  for (const vertex of vertices) {
    const root = rootOf(vertex.index);
    const part = parts.get(root);
    if (part === undefined) parts.set(root, { vertices: [vertex], upstream: new Set() });
    else part.vertices.push(vertex);
  }
  const partOf = (vertex: Vertex): Part => parts.get(rootOf(vertex.index))!;
  for (const part of parts.values()) {
    for (const input of part.vertices) {
      if (input.node.kind === 'repartitionSource' && input.node.repartition.thereAndBack) continue;
      for (const filler of fillersOf(vertices, input)) if (partOf(filler) !== part) part.upstream.add(partOf(filler));
    }
  }
  return ordered([...parts.values()]);
}

/** The vertices that write what an input reads. */
export function fillersOf(vertices: readonly Vertex[], input: Vertex): readonly Vertex[] {
  if (input.node.kind === 'repartitionSource') return [input.node.repartition.producer];
  const topic = topicOf(input);
  if (topic === null) return [];
  return vertices.filter(({ node }) => node.kind === 'topicSink' && node.topic.name === topic.name);
}

/** Takes the first part, as discovered, of which all upstream ones are taken. */
function ordered(parts: readonly Part[]): Cut {
  const left = new Set(parts);
  const taken: Part[] = [];
  const circular: Part[][] = [];
  while (left.size > 0) {
    const next = [...left].find(({ upstream }) => ![...upstream].some((part) => left.has(part)));
    if (next === undefined) {
      const loop = [...left].filter((part) => reaches(part, part, left));
      circular.push(loop);
      for (const part of loop) left.delete(part);
      taken.push(...loop);
    } else {
      left.delete(next);
      taken.push(next);
    }
  }
  return { parts: taken, circular };
}

function reaches(from: Part, to: Part, within: ReadonlySet<Part>): boolean {
  const seen = new Set<Part>();
  const visit = (part: Part): boolean =>
    [...part.upstream].some((above) => {
      if (above === to) return true;
      if (seen.has(above) || !within.has(above)) return false;
      seen.add(above);
      return visit(above);
    });
  return visit(from);
}
