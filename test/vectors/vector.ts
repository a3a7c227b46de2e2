// A vector as it stands in a file (README.md has the format), and how an answer is held against it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

export interface VectorRecord {
  readonly topic?: string;
  readonly key: string | null;
  readonly value: string | null;
  readonly ts: number;
  readonly window?: readonly [number, number];
}

export interface VectorStep {
  readonly in: readonly VectorRecord[];
  readonly out: readonly VectorRecord[];
  readonly unordered?: boolean;
}

export interface TopologyVector {
  readonly id: string;
  readonly title: string;
  readonly kind?: undefined;
  // biome-ignore lint/suspicious/noExplicitAny: data of many shapes, read by `op`
  readonly topology: any;
  readonly steps: readonly VectorStep[];
  readonly droppedRecords?: number;
}

export interface FunctionVector {
  readonly id: string;
  readonly title: string;
  readonly kind: 'function';
  readonly function: string;
  // biome-ignore lint/suspicious/noExplicitAny: data of many shapes, read by `function`
  readonly cases: readonly any[];
}

export type Vector = TopologyVector | FunctionVector;

/** From the root of the tree, since the build has no data. */
export const ownFile = join(process.cwd(), 'test', 'vectors', 'streams.json');

/** @throws an Error of one sentence for a file that isn't there or isn't one of vectors */
export function readVectors(file: string): readonly Vector[] {
  let vectors: unknown;
  try {
    ({ vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: unknown });
  } catch (error) {
    throw new Error(`can't read vectors from ${file}: ${(error as Error).message}`);
  }
  if (!Array.isArray(vectors)) throw new Error(`there are no "vectors" in ${file}`);
  return vectors as Vector[];
}

/** Topics that a vector's program writes. */
export const outputsOf = ({ steps }: TopologyVector): readonly string[] => [
  ...new Set(['out', ...steps.flatMap(({ out }) => out.map((record) => record.topic ?? 'out'))]),
];

export type Answer = Omit<VectorRecord, 'topic'>;

export function answerOf(key: unknown, value: string | null, ts: number): Answer {
  if (key === null || typeof key === 'string') return { key, value, ts };
  const { key: inner, startMs, endMs } = key as { key: string; startMs: number; endMs: number };
  return { key: inner, window: [startMs, endMs], value, ts };
}

/** @returns what is wrong with one step's answer in one topic, null if nothing */
export function problemOf(step: VectorStep, topic: string, got: readonly Answer[]): string | null {
  const wanted: Answer[] = step.out
    .filter(({ topic: to = 'out' }) => to === topic)
    .map(({ topic: _, ...record }) => record);
  const shown = (records: readonly Answer[]) => records.map((record) => JSON.stringify(Object.entries(record).sort()));
  const [ours, theirs] = [shown(got), shown(wanted)];
  if (step.unordered) {
    ours.sort();
    theirs.sort();
  }
  if (isDeepStrictEqual(ours, theirs)) return null;
  const line = (records: readonly Answer[]) => JSON.stringify(records);
  return `'${topic}' got ${line(got)}, wanted ${line(wanted)}`;
}
