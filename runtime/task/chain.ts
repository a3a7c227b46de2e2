// A sub-topology's steps as one closure an input: built from the last step to the first, each closed over what follows.
// Done once when a task starts; what comes out is all that runs per record.
import { assert, unreachable } from '../../core/kernel/assert.ts';
import type { Step, StoreSpec, SubTopology } from '../../dsl/compile/topology.ts';
import { rxStep } from '../rx/rx-step.ts';
import { aggregateStep } from '../steps/aggregate.ts';
import { aggregateRowsStep } from '../steps/aggregate-rows.ts';
import { connectorSinkStep } from '../steps/connector-sink.ts';
import { dedupeStep } from '../steps/dedupe.ts';
import { filterStep } from '../steps/filter.ts';
import { filterRowsStep } from '../steps/filter-rows.ts';
import { flatMapStep } from '../steps/flat-map.ts';
import { groupRowsStep } from '../steps/group-rows.ts';
import { joinTableStep } from '../steps/join-table.ts';
import { mapStep } from '../steps/map.ts';
import { mapAsyncStep } from '../steps/map-async.ts';
import { mapRecordStep } from '../steps/map-record.ts';
import { mapRowsStep } from '../steps/map-rows.ts';
import { selectKeyStep } from '../steps/select-key.ts';
import { splitStep } from '../steps/split.ts';
import type { Forward, ForwardChange, StepParts } from '../steps/step.ts';
import { suppressStep } from '../steps/suppress.ts';
import { tableStep } from '../steps/table.ts';
import { tapStep } from '../steps/tap.ts';
import { toStreamStep } from '../steps/to-stream.ts';
import { topicSinkStep } from '../steps/topic-sink.ts';
import { windowAggregateStep } from '../steps/window-aggregate.ts';

/** What takes the records of each input, by its index. */
export type Chain = readonly Forward[];

/** Steps that give the changes of a table. */
const tableKinds = [
  'tableSource',
  'toTable',
  'aggregate',
  'aggregateRows',
  'filterRows',
  'mapRows',
  'suppress',
] as const;
/** Steps that take them. */
const changeKinds = ['toStream', 'filterRows', 'mapRows', 'suppress', 'groupRows'] as const;

type TableStep = Extract<Step, { kind: (typeof tableKinds)[number] }>;
type ChangeStep = Extract<Step, { kind: (typeof changeKinds)[number] }>;

const isTable = (step: Step): step is TableStep => (tableKinds as readonly string[]).includes(step.kind);
const takesChanges = (step: Step): step is ChangeStep => (changeKinds as readonly string[]).includes(step.kind);

export function buildChain(subTopology: SubTopology, parts: StepParts): Chain {
  const { steps, stores } = subTopology;
  const byId = new Map(steps.map((step) => [step.id, step]));
  const built = new Map<number, Forward>();
  const builtOnTables = new Map<number, ForwardChange>();

  /** A table that a join looks into is a parent that sends it nothing. */
  const feeds = (parent: Step, child: Step): boolean =>
    child.parents.includes(parent.id) && !(child.kind === 'joinTable' && isTable(parent)) && child.kind !== 'late';
  const childrenOf = (parent: Step): Step[] => steps.filter((child) => feeds(parent, child));
  const after = (step: Step): Forward => fanOut(childrenOf(step).map(({ id }) => built.get(id)!));
  const afterTable = (step: TableStep): ForwardChange =>
    fanOutChange(childrenOf(step).map(({ id }) => builtOnTables.get(id)!));

  /** Whether a step behind this table subtracts old values, itself or by way of others. */
  const wantsOldOf = (step: Step): boolean =>
    childrenOf(step).some(
      (child) => child.kind === 'groupRows' || (isTable(child) && takesChanges(child) && wantsOldOf(child)),
    );
  const specOf = (name: string): StoreSpec => {
    const spec = stores.find((store) => store.name === name);
    assert(spec !== undefined, `store ${name}`);
    return spec;
  };

  function buildOnTable(step: ChangeStep): ForwardChange {
    switch (step.kind) {
      case 'toStream':
        return toStreamStep(after(step));
      case 'filterRows':
        return filterRowsStep(step, parts, wantsOldOf(step), afterTable(step));
      case 'mapRows':
        return mapRowsStep(step, parts, wantsOldOf(step), afterTable(step));
      case 'suppress': {
        const { key, value } = specOf(step.store);
        const measure = (given: unknown, waiting: unknown) => key.encode(given).length + value.encode(waiting).length;
        return suppressStep(step, parts, measure, afterTable(step));
      }
      case 'groupRows':
        return groupRowsStep(step, parts, after(step));
      default:
        return unreachable(step);
    }
  }

  function build(step: Exclude<Step, ChangeStep>): Forward {
    switch (step.kind) {
      case 'input':
      case 'merge':
      case 'branch':
      case 'late':
        return after(step);
      case 'filter':
        return filterStep(step, parts, after(step));
      case 'map':
        return mapStep(step, parts, after(step));
      case 'flatMap':
        return flatMapStep(step, parts, after(step));
      case 'tap':
        return tapStep(step, parts, after(step));
      case 'mapRecord':
        return mapRecordStep(step, parts, after(step));
      case 'selectKey':
        return selectKeyStep(step, parts, after(step));
      case 'split':
        return splitStep(step, parts, branchesOf(step));
      case 'mapAsync':
        return mapAsyncStep(step, parts, after(step));
      case 'dedupe':
        return dedupeStep(step, parts, after(step));
      case 'rx':
        return rxStep(step, parts, after(step));
      case 'joinTable':
        return joinTableStep(step, parts, specOf(step.store).result, after(step));
      case 'tableSource':
      case 'toTable':
        return tableStep(step, parts, wantsOldOf(step), afterTable(step));
      case 'aggregate': {
        const { window } = step;
        const wantsOld = wantsOldOf(step);
        if (window === null) return aggregateStep(step, parts, wantsOld, afterTable(step));
        return windowAggregateStep({ ...step, window }, parts, wantsOld, afterTable(step), lateOf(step));
      }
      case 'aggregateRows':
        return aggregateRowsStep(step, parts, wantsOldOf(step), afterTable(step));
      case 'topicSink':
        return topicSinkStep(step, parts);
      case 'connectorSink':
        return connectorSinkStep(step, parts);
      default:
        return unreachable(step);
    }
  }

  /** What takes the records that were late for a windowed aggregation. */
  const lateOf = ({ id }: Step): Forward =>
    fanOut(steps.flatMap((child) => (child.kind === 'late' && child.parents[0] === id ? [built.get(child.id)!] : [])));

  function branchesOf(split: Extract<Step, { kind: 'split' }>): Forward[] {
    const branches = childrenOf(split);
    return Array.from({ length: split.predicates.length + 1 }, (_, index) =>
      fanOut(branches.flatMap((step) => (step.kind === 'branch' && step.index === index ? [built.get(step.id)!] : []))),
    );
  }

  for (const step of [...steps].reverse()) {
    for (const parent of step.parents) assert(byId.has(parent), `parent ${parent} of step ${step.name}`);
    if (takesChanges(step)) builtOnTables.set(step.id, buildOnTable(step));
    else built.set(step.id, build(step));
  }
  return subTopology.inputs.map((_, input) =>
    fanOut(steps.flatMap((step) => (step.kind === 'input' && step.input === input ? [built.get(step.id)!] : []))),
  );
}

/** One record to all that follow, in the order of the program: each is done with it before the next. */
function fanOut(nexts: readonly Forward[]): Forward {
  const [first, second] = nexts;
  if (first === undefined) return () => {};
  if (second === undefined) return first;
  if (nexts.length > 2) {
    return (key, value, timestampMs) => {
      for (let i = 0; i < nexts.length; i++) nexts[i]!(key, value, timestampMs);
    };
  }
  return (key, value, timestampMs) => {
    first(key, value, timestampMs);
    second(key, value, timestampMs);
  };
}

function fanOutChange(nexts: readonly ForwardChange[]): ForwardChange {
  const [first] = nexts;
  if (first === undefined) return () => {};
  if (nexts.length === 1) return first;
  return (key, newValue, oldValue, timestampMs) => {
    for (let i = 0; i < nexts.length; i++) nexts[i]!(key, newValue, oldValue, timestampMs);
  };
}
