// How many records each operator took and passed on. A step counts what leaves it, one that ends a pipeline what it is
// given, and the rest follows from who feeds whom: so each record costs one count a step, and none where nobody asks.
import type { Step, SubTopology } from '../../dsl/compile/topology.ts';
import type { Forward, ForwardChange } from '../steps/step.ts';
import { isTable } from './table-lookup.ts';
import type { TaskMetrics } from './task-metrics.ts';

export interface OperatorRecords {
  /** The step's name. */
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

export function createOperatorCounter({ passed }: TaskMetrics): OperatorCounter {
  if (passed === null) return { records: (_, next) => next, changes: (_, next) => next };
  return {
    records({ id }, next) {
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

export function operatorRecords({ steps }: SubTopology, { passed }: TaskMetrics): readonly OperatorRecords[] {
  if (passed === null) return [];
  const outOf = (step: Step): number => {
    const branches = steps.filter(({ kind, parents }) => kind === 'branch' && parents.includes(step.id));
    if (branches.length === 0) return passed[step.id] ?? 0;
    return branches.reduce((sum, { id }) => sum + (passed[id] ?? 0), 0);
  };
  const byId = new Map(steps.map((step) => [step.id, step]));
  const fedBy = (step: Step): readonly Step[] => {
    const parents = step.parents.map((id) => byId.get(id)!);
    // A table that a join looks into sends it nothing.
    return step.kind === 'joinTable' ? parents.filter((parent) => !isTable(parent)) : parents;
  };
  const into = (parent: Step): number => (parent.kind === 'branch' ? (passed[parent.id] ?? 0) : outOf(parent));
  return steps
    .filter((step) => !isPlace(step))
    .map((step) => ({
      operator: step.name,
      kind: step.kind,
      recordsIn:
        step.kind === 'topicSink' || step.kind === 'connectorSink'
          ? outOf(step)
          : fedBy(step).reduce((sum, parent) => sum + into(parent), 0),
      recordsOut: outOf(step),
    }));
}
