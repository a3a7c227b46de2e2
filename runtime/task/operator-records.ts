// How many records each operator took and passed on. A count costs a call a record, so only what can't be worked out is
// counted: what leaves a step that may pass on more or fewer than it is given. The rest follows from who feeds whom.
import type { Step, SubTopology } from '../../dsl/compile/topology.ts';
import type { Forward, ForwardChange } from '../steps/step.ts';
import { isTable } from './table-lookup.ts';
import type { TaskMetrics } from './task-metrics.ts';

export interface OperatorRecords {
  /** The step's name; of several with one name in a task, the later ones have a number behind it. */
  readonly operator: string;
  readonly kind: Step['kind'];
  readonly recordsIn: number;
  /** Records or changes passed on; of one that ends a pipeline, those it was given. */
  readonly recordsOut: number;
}

export interface OperatorCounter {
  /** Counts the records that `next` is given as that step's. */
  records(step: Step, next: Forward): Forward;
  changes(step: Step, next: ForwardChange): ForwardChange;
}

/** Steps that pass on what they are given, unless it fails in them. */
const passesAll: ReadonlySet<Step['kind']> = new Set<Step['kind']>([
  'map',
  'tap',
  'mapRecord',
  'selectKey',
  'toStream',
  'merge',
]);

const isSink = ({ kind }: Step): boolean => kind === 'topicSink' || kind === 'connectorSink';
/** They write to their sinks past the chain. */
const isForeign = ({ kind }: Step): boolean => kind === 'foreignSubscribe' || kind === 'foreignAnswer';

const parentsOf = ({ steps }: SubTopology, step: Step): readonly Step[] =>
  step.parents.flatMap((id) => steps.filter((parent) => parent.id === id));

/** Failures are told by name, so a step that shares its name is counted. */
function isWorkedOut(subTopology: SubTopology, step: Step): boolean {
  if (isSink(step)) return !parentsOf(subTopology, step).some(isForeign);
  return passesAll.has(step.kind) && subTopology.steps.filter(({ name }) => name === step.name).length === 1;
}

export function createOperatorCounter(subTopology: SubTopology, { passed }: TaskMetrics): OperatorCounter {
  if (passed === null) return { records: (_, next) => next, changes: (_, next) => next };
  return {
    records(step, next) {
      if (isWorkedOut(subTopology, step)) return next;
      const { id } = step;
      passed[id] ??= 0;
      return (key, value, timestampMs) => {
        passed[id]! += 1;
        next(key, value, timestampMs);
      };
    },
    changes({ id }, next) {
      passed[id] ??= 0;
      return (key, newValue, oldValue, timestampMs) => {
        passed[id]! += 1;
        next(key, newValue, oldValue, timestampMs);
      };
    },
  };
}

/** Steps that only say where another's records go. */
const isPlace = ({ kind }: Step): boolean => kind === 'input' || kind === 'branch' || kind === 'late';

export function operatorRecords(
  subTopology: SubTopology,
  { passed, failedIn }: TaskMetrics,
): readonly OperatorRecords[] {
  if (passed === null) return [];
  const { steps } = subTopology;
  const outOf = (step: Step): number => {
    if (isWorkedOut(subTopology, step))
      return Math.max(0, into(step) - (isSink(step) ? 0 : (failedIn[step.name] ?? 0)));
    const branches = steps.filter(({ kind, parents }) => kind === 'branch' && parents.includes(step.id));
    if (branches.length === 0) return passed[step.id] ?? 0;
    return branches.reduce((sum, { id }) => sum + (passed[id] ?? 0), 0);
  };
  const into = (step: Step): number => {
    if (isSink(step) && !isWorkedOut(subTopology, step)) return passed[step.id] ?? 0;
    const parents = parentsOf(subTopology, step);
    // A table that a join looks into sends it nothing.
    const feeding = step.kind === 'joinTable' ? parents.filter((parent) => !isTable(parent)) : parents;
    return feeding.reduce((sum, parent) => sum + outOf(parent), 0);
  };
  const seen = new Map<string, number>();
  return steps
    .filter((step) => !isPlace(step))
    .map((step) => {
      const count = (seen.get(step.name) ?? 0) + 1;
      seen.set(step.name, count);
      const operator = count === 1 ? step.name : `${step.name} ${count}`;
      return { operator, kind: step.kind, recordsIn: into(step), recordsOut: outOf(step) };
    });
}
