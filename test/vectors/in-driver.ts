// A vector through the test driver: one step after the other, everything in memory.
import { murmur2, partitionForKey } from '../../core/kernel/murmur2.ts';
import { utf8 } from '../../core/schema/primitive.ts';
import { windowsFor } from '../../runtime/steps/windows.ts';
import { createDriver } from '../../runtime/testing/index.ts';
import { input, programOf } from './programs.ts';
import { type Answer, answerOf, type FunctionVector, outputsOf, problemOf, type TopologyVector } from './vector.ts';

/** @returns what is wrong, a line each */
export function runInDriver(vector: TopologyVector): string[] {
  const driver = createDriver(programOf(vector));
  const taken = (name: string): Answer[] => {
    const keySerde = driver.topology.topics.find((each) => each.name === name)!.key;
    return driver
      .out(name)
      .readAll()
      .map(({ key, value, timestampMs }) =>
        answerOf(key === null ? null : keySerde.decode(key), value === null ? null : utf8.decode(value), timestampMs),
      );
  };
  const wrong: string[] = [];
  for (const [number, step] of vector.steps.entries()) {
    for (const { topic: name = 'in', key, value, ts } of step.in) {
      driver.in(input(name)).send(key, value, { timestampMs: ts });
    }
    for (const name of outputsOf(vector)) {
      const problem = problemOf(step, name, taken(name));
      if (problem !== null) wrong.push(`step ${number + 1}: ${problem}`);
    }
  }
  const { late } = driver.metrics.dropped;
  if (vector.droppedRecords !== undefined && late !== vector.droppedRecords)
    wrong.push(`${late} records were late, wanted ${vector.droppedRecords}`);
  return wrong;
}

const functions: Readonly<Record<string, (given: FunctionVector['cases'][number]) => unknown>> = {
  murmur2: ({ utf8: text }) => murmur2(utf8.encode(text)),
  partitionForKey: ({ utf8: text, partitions }) => partitionForKey(utf8.encode(text), partitions),
  windowsFor: ({ sizeMs, advanceMs, ts }) =>
    windowsFor(
      ts,
      advanceMs === undefined
        ? { kind: 'tumbling', sizeMs, graceMs: 0 }
        : { kind: 'hopping', sizeMs, advanceMs, graceMs: 0 },
    ),
};

/** @returns what is wrong, a line each */
export function runFunction({ function: name, cases }: FunctionVector): string[] {
  return cases.flatMap((given) => {
    const [got, wanted] = [functions[name]?.(given), given.expected].map((each) => JSON.stringify(each));
    return got === wanted ? [] : [`${name}(${JSON.stringify(given)}) is ${got}, wanted ${wanted}`];
  });
}
