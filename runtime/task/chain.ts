// A sub-topology's steps as one closure an input: built from the last step to the first, each closed over what follows.
// Done once when a task starts; what comes out is all that runs per record.
import { assert, unreachable } from '../../core/kernel/assert.ts';
import type { Serde } from '../../core/schema/serde.ts';
import type { Step, SubTopology } from '../../dsl/compile/topology.ts';
import type { JobOptions } from '../../dsl/plan.ts';
import { rxStep } from '../rx/rx-step.ts';
import type { KeyValueStore } from '../state/store.ts';
import { aggregateStep } from '../steps/aggregate.ts';
import { aggregateRowsStep } from '../steps/aggregate-rows.ts';
import { connectorSinkStep } from '../steps/connector-sink.ts';
import { dedupeStep } from '../steps/dedupe.ts';
import { filterStep } from '../steps/filter.ts';
import { filterRowsStep } from '../steps/filter-rows.ts';
import { flatMapStep } from '../steps/flat-map.ts';
import { foreignAnswerStep, foreignJoinStep, foreignSubscribeStep } from '../steps/foreign-join.ts';
import { groupRowsStep } from '../steps/group-rows.ts';
import { joinGlobalStep } from '../steps/join-global.ts';
import { joinStreamsStep } from '../steps/join-streams.ts';
import { joinTableStep } from '../steps/join-table.ts';
import { joinTablesStep } from '../steps/join-tables.ts';
import { mapStep } from '../steps/map.ts';
import { mapAsyncStep } from '../steps/map-async.ts';
import { mapRecordStep } from '../steps/map-record.ts';
import { mapRowsStep } from '../steps/map-rows.ts';
import { processStep } from '../steps/process.ts';
import { selectKeyStep } from '../steps/select-key.ts';
import { splitStep } from '../steps/split.ts';
import type { ChangesTo, Forward, ForwardChange, StepParts } from '../steps/step.ts';
import { suppressStep } from '../steps/suppress.ts';
import { tableStep, versionedTableStep } from '../steps/table.ts';
import { tapStep } from '../steps/tap.ts';
import { toStreamStep } from '../steps/to-stream.ts';
import { topicSinkStep } from '../steps/topic-sink.ts';
import { windowAggregateStep } from '../steps/window-aggregate.ts';
import { createOperatorCounter } from './operator-records.ts';
import { isTable, type LookupParts, lookupOf, type TableLookup, type TableStep } from './table-lookup.ts';

/** What takes the records of each input, by its index. */
export type Chain = readonly Forward[];

/** Steps that take the changes of a table. */
const changeKinds = ['toStream', 'filterRows', 'mapRows', 'suppress', 'groupRows'] as const;

type ChangeStep = Extract<Step, { kind: (typeof changeKinds)[number] }>;
/** Steps of a foreign join around its topics. */
type ForeignStep = Extract<Step, { kind: 'foreignSubscribe' | 'foreignAnswer' }>;
type OnTable = ChangeStep | ForeignStep;
/** Steps with a port for each parent: what comes from the one is not what comes from the other. */
type TwoSided = Extract<Step, { kind: 'joinStreams' | 'joinTables' }>;

const takesChanges = (step: Step): step is ChangeStep => (changeKinds as readonly string[]).includes(step.kind);

export function buildChain(subTopology: SubTopology, parts: StepParts, updates: JobOptions['updates']): Chain {
  const { steps, stores } = subTopology;
  const byId = new Map(steps.map((step) => [step.id, step]));
  const built = new Map<number, Forward>();
  const builtOnTables = new Map<number, ForwardChange>();
  const builtSides = new Map<number, readonly Forward[]>();
  const builtTableSides = new Map<number, readonly ForwardChange[]>();
  const counter = createOperatorCounter(subTopology, parts.metrics);

  /** A table that a join looks into is a parent that sends it nothing. */
  const feeds = (parent: Step, child: Step): boolean =>
    child.parents.includes(parent.id) && !(child.kind === 'joinTable' && isTable(parent)) && child.kind !== 'late';
  const childrenOf = (parent: Step): Step[] => steps.filter((child) => feeds(parent, child));
  /** Of a child with sides, those that this parent is: both, where a stream is joined with itself. */
  const sidesOf = <F>(sides: readonly F[], parent: Step, child: Step): F[] =>
    child.parents.flatMap((id, side) => (id === parent.id ? [sides[side]!] : []));
  const after = (step: Step): Forward => {
    const nexts = childrenOf(step).flatMap((child) =>
      child.kind === 'joinStreams' ? sidesOf(builtSides.get(child.id)!, step, child) : [built.get(child.id)!],
    );
    return counter.records(step, fanOut(nexts));
  };
  const afterTable = (step: TableStep): ForwardChange => {
    const nexts = childrenOf(step).flatMap((child) =>
      child.kind === 'joinTables'
        ? sidesOf(builtTableSides.get(child.id)!, step, child)
        : [builtOnTables.get(child.id)!],
    );
    return counter.changes(step, fanOutChange(nexts));
  };

  /** Whether the rows of a table are asked for, by a join or by what is computed from it for one. */
  const lookedInto = ({ id }: Step): boolean =>
    steps.some((step) => {
      if ('table' in step && step.table === id) return true;
      if (!step.parents.includes(id)) return false;
      if (step.kind === 'joinTables') return true;
      return (step.kind === 'filterRows' || step.kind === 'mapRows') && step.store === null && lookedInto(step);
    });

  /** Whether what follows a table reads the old value of a change: to subtract it, or to see that there was none. */
  const wantsOld = (step: TableStep): boolean =>
    childrenOf(step).some((child) => {
      switch (child.kind) {
        case 'groupRows':
        case 'foreignSubscribe':
          return true;
        case 'filterRows':
        case 'mapRows':
          return wantsOld(child);
        case 'suppress':
          return wantsOld(child) || lookedInto(child);
        case 'joinTables': {
          const [left, right] = child.parents;
          const kept = (child.join !== 'inner' && left === step.id) || (child.join === 'outer' && right === step.id);
          return kept || wantsOld(child);
        }
        default:
          return false;
      }
    });

  /** A join of tables and `suppress` look at each change beside what the store has by then. */
  const takesLatest = (step: TableStep): boolean =>
    childrenOf(step).every((child) => {
      if (child.kind === 'filterRows' || child.kind === 'mapRows') return takesLatest(child);
      return child.kind !== 'joinTables' && child.kind !== 'suppress';
    });
  const changesTo = (step: TableStep): ChangesTo => {
    const old = wantsOld(step);
    const latest = updates === 'latest' && !old && takesLatest(step);
    return { next: afterTable(step), wantsOld: old, updates: latest ? 'latest' : 'every' };
  };

  const lookups: LookupParts = {
    record: parts.record,
    stores: parts.stores,
    times: parts.times,
    spec(store) {
      const found = stores.find(({ name }) => name === store);
      assert(found !== undefined, `store ${store}`);
      return found;
    },
    step: (id) => byId.get(id)!,
  };
  const lookup = (id: number): TableLookup => lookupOf(byId.get(id)!, lookups);

  function buildSides(step: TwoSided): void {
    if (step.kind === 'joinStreams') {
      const { key } = lookups.spec(step.store);
      builtSides.set(
        step.id,
        joinStreamsStep(step, parts, (given) => key.encode(given), after(step)),
      );
      return;
    }
    const [left, right] = step.parents.map(lookup) as [TableLookup, TableLookup];
    const options = { left, right, wantsOld: wantsOld(step) };
    builtTableSides.set(step.id, joinTablesStep(step, parts, options, afterTable(step)));
  }

  /** What sends a step's records to a topic, and how their keys are written. */
  function sinkOf(step: Step): { readonly send: Forward; readonly key: Serde<unknown> } {
    const sink = childrenOf(step).find((child) => child.kind === 'topicSink');
    assert(sink?.kind === 'topicSink', `the topic behind ${step.name}`);
    return { send: built.get(sink.id)!, key: sink.topic.key };
  }

  function buildForeign(step: ForeignStep): void {
    const { send, key } = sinkOf(step);
    if (step.kind === 'foreignSubscribe') {
      const joins = childrenOf(step).filter((child) => child.kind === 'joinForeign');
      const results = joins.map(({ store }) => parts.stores.store(store) as KeyValueStore);
      const options = {
        foreignKey: key,
        send,
        answer: fanOut(joins.map(({ id }) => built.get(id)!)),
        hasResult: (row: unknown) => results.some((store) => store.get(row) !== undefined),
      };
      builtOnTables.set(step.id, foreignSubscribeStep(step, parts, options));
      return;
    }
    const answering = foreignAnswerStep(step, parts, { table: lookup(step.table), leftKey: key, send });
    built.set(step.id, answering.subscriptions);
    builtOnTables.set(step.id, answering.changes);
  }

  function buildOnTable(step: ChangeStep): ForwardChange {
    switch (step.kind) {
      case 'toStream':
        return toStreamStep(after(step));
      case 'filterRows':
        return filterRowsStep(step, parts, wantsOld(step), afterTable(step));
      case 'mapRows':
        return mapRowsStep(step, parts, wantsOld(step), afterTable(step));
      case 'suppress': {
        const { key, value } = lookups.spec(step.store);
        const measure = (given: unknown, waiting: unknown) => key.encode(given).length + value.encode(waiting).length;
        return suppressStep(step, parts, measure, afterTable(step));
      }
      case 'groupRows':
        return groupRowsStep(step, parts, after(step));
      default:
        return unreachable(step);
    }
  }

  function build(step: Exclude<Step, OnTable | TwoSided>): Forward {
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
        return splitStep(step, parts, branchesOf(step, step.predicates.length + 1));
      case 'process':
        return processStep(step, parts, outputsOf(step));
      case 'mapAsync':
        return mapAsyncStep(step, parts, after(step));
      case 'dedupe':
        return dedupeStep(step, parts, after(step));
      case 'rx':
        return rxStep(step, parts, after(step));
      case 'joinTable':
        return joinTableStep(step, parts, lookup(step.table), after(step));
      case 'joinGlobal':
        return joinGlobalStep(step, parts, after(step));
      case 'joinForeign': {
        const options = { table: lookup(step.table), wantsOld: wantsOld(step) };
        return foreignJoinStep(step, parts, options, afterTable(step));
      }
      case 'tableSource':
      case 'toTable': {
        const { versionedMs } = lookups.spec(step.store);
        if (versionedMs === undefined) return tableStep(step, parts, wantsOld(step), afterTable(step));
        return versionedTableStep(step, parts, versionedMs, wantsOld(step), afterTable(step));
      }
      case 'aggregate': {
        const { window } = step;
        if (window === null) return aggregateStep(step, parts, changesTo(step));
        return windowAggregateStep({ ...step, window }, parts, changesTo(step), lateOf(step));
      }
      case 'aggregateRows':
        return aggregateRowsStep(step, parts, changesTo(step));
      case 'topicSink':
        return counter.records(step, topicSinkStep(step, parts));
      case 'connectorSink':
        return counter.records(step, connectorSinkStep(step, parts));
      default:
        return unreachable(step);
    }
  }

  /** What takes the records that were late for a windowed aggregation. */
  const lateOf = ({ id }: Step): Forward =>
    fanOut(steps.flatMap((child) => (child.kind === 'late' && child.parents[0] === id ? [built.get(child.id)!] : [])));

  const outputsOf = (step: Extract<Step, { kind: 'process' }>): Forward[] =>
    step.outputs.length === 0 ? [after(step)] : branchesOf(step, step.outputs.length);

  function branchesOf(parent: Step, count: number): Forward[] {
    const branches = childrenOf(parent);
    return Array.from({ length: count }, (_, index) =>
      fanOut(branches.flatMap((step) => (step.kind === 'branch' && step.index === index ? [built.get(step.id)!] : []))),
    );
  }

  for (const step of [...steps].reverse()) {
    for (const parent of step.parents) assert(byId.has(parent), `parent ${parent} of step ${step.name}`);
    if (step.kind === 'joinStreams' || step.kind === 'joinTables') buildSides(step);
    else if (step.kind === 'foreignSubscribe' || step.kind === 'foreignAnswer') buildForeign(step);
    else if (takesChanges(step)) builtOnTables.set(step.id, buildOnTable(step));
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
