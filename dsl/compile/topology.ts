// What `compile` gives and the runtime runs: sub-topologies cut at repartition topics, each a list of steps in the order
// in which records flow, with the stores and internal topics they need. Data and the user's functions; nothing runs here.
// biome-ignore-all lint/suspicious/noExplicitAny: erased; the stages carry the types
import type { Serde } from '../../core/schema/serde.ts';
import type { SinkConnector, SourceConnector, ViewConnector } from '../connector.ts';
import type {
  AsyncRetry,
  JobOptions,
  JoinWindowSpec,
  ProcessStore,
  ProcessTimer,
  RecordContext,
  Suppression,
  TopicSpec,
  WindowSpec,
} from '../plan.ts';

/** A program ready to run. */
export interface Topology {
  readonly job: string;
  readonly options: JobOptions;
  /** Upstream first. `subTopologies[i].id === i`. */
  readonly subTopologies: readonly SubTopology[];
  /** Every topic the job reads or writes that is the user's. */
  readonly topics: readonly TopicSpec[];
  readonly internalTopics: readonly InternalTopic[];
  /**
   * Topics of which every process has all partitions as one table, read to their ends before tasks start and followed
   * afterwards. `bootstrap`: a bounded source of this job fills it, so tasks that look into it wait for the source.
   */
  readonly globals: readonly GlobalSpec[];
  readonly views: readonly { readonly topic: TopicSpec; readonly connector: ViewConnector<any, any> }[];
  /** Every source is bounded and no topic is read that the job doesn't fill: the job ends by itself. */
  readonly bounded: boolean;
}

export interface GlobalSpec {
  readonly topic: TopicSpec;
  readonly bootstrap: boolean;
}

/** A topic that the job makes for itself. */
export interface InternalTopic {
  /** Full name: `<job>-<name>-repartition`, `<job>-<store>-changelog`, `<job>-source-offsets`. */
  readonly name: string;
  readonly purpose: 'repartition' | 'changelog' | 'sourceOffsets';
  /**
   * The one that reads it (repartition), keeps its store (changelog), or has the first source. The partition count is
   * that of its tasks (changelog), of the largest input upstream (repartition), or 1.
   */
  readonly subTopology: number;
  readonly config: Readonly<Record<string, string>>;
}

/** What one task runs over one partition of its inputs. */
export interface SubTopology {
  readonly id: number;
  readonly inputs: readonly Input[];
  /** Parents before children. */
  readonly steps: readonly Step[];
  readonly stores: readonly StoreSpec[];
  /** Ids of the sub-topologies that fill this one's inputs; never its own, though it may write a topic that it reads. */
  readonly upstream: readonly number[];
}

export type Input =
  /** Partition n of the topic goes to task n. `bootstrap`: a bounded source of this job fills it, so it is read to its end before the other inputs. */
  | {
      readonly kind: 'topic';
      readonly topic: TopicSpec;
      readonly internal: boolean;
      readonly role: 'stream' | 'table';
      readonly bootstrap: boolean;
    }
  /** One task. */
  | { readonly kind: 'connector'; readonly connector: SourceConnector<unknown> };

export interface StoreSpec {
  /** Unique in the job; never changes when an operator is added elsewhere. */
  readonly name: string;
  readonly kind: 'keyValue' | 'window';
  readonly key: Serde<any>;
  readonly value: Serde<any>;
  readonly window: WindowSpec | null;
  /**
   * The open windows are known in memory, by key and by end, and leave one by one when they are closed, each with its
   * tombstone. Always so for windows that aren't aligned.
   */
  readonly indexed?: boolean;
  /** How long windows stay after they are closed. */
  readonly keptMs?: number;
  /** Holds changes back for a while, by the time until which; no table of its own. */
  readonly buffer?: boolean;
  /** Full name of the changelog; the input topic itself for a table read from a topic (`ownChangelog` false). */
  readonly changelog: string;
  readonly ownChangelog: boolean;
  /** Where the table's value is computed from what is stored. */
  readonly result: ((accumulator: any) => any) | null;
  /** Of a table that keeps earlier rows: for how long. What is stored is then the history of a key. */
  readonly versionedMs?: number;
  /** Of the rows that wait in a join of streams. */
  readonly within?: JoinWindowSpec;
}

/**
 * `id` is unique in the sub-topology; `name` is stable, for metrics, errors and `describe` ('filter', 'count delays').
 * `parent` is the id of the step (or, from an input step, none) whose output this one takes.
 */
interface StepBase<Kind extends string> {
  readonly id: number;
  readonly kind: Kind;
  readonly name: string;
  readonly parents: readonly number[];
}

type Fn<A extends readonly any[], R = any> = (...args: A) => R;

export type Step =
  | (StepBase<'input'> & { readonly input: number })
  /** A table read from a topic: puts what comes into the store and passes on the change. */
  | (StepBase<'tableSource'> & { readonly store: string })
  | (StepBase<'filter'> & { readonly predicate: Fn<[value: any, context: RecordContext], boolean> })
  | (StepBase<'map'> & { readonly project: Fn<[value: any, context: RecordContext]> })
  | (StepBase<'flatMap'> & { readonly project: Fn<[value: any, context: RecordContext], Iterable<any>> })
  | (StepBase<'tap'> & { readonly look: Fn<[value: any, context: RecordContext], void> })
  | (StepBase<'mapRecord'> & {
      readonly project: Fn<[value: any, context: RecordContext], { key: any; value: any; timestampMs?: number }>;
    })
  | (StepBase<'selectKey'> & { readonly keyOf: Fn<[value: any, context: RecordContext]> })
  | StepBase<'merge'>
  /** Sends a record to the first branch whose predicate holds: branch steps name this one as parent. */
  | (StepBase<'split'> & { readonly predicates: readonly Fn<[value: any, context: RecordContext], boolean>[] })
  /** `outputs` with names are branch steps that name this one as parent. `schedule`: the store of when its timers were due. */
  | (StepBase<'process'> & {
      readonly stores: readonly (Pick<ProcessStore, 'name' | 'kind' | 'window'> & { readonly store: string })[];
      readonly timers: readonly ProcessTimer[];
      readonly schedule: string | null;
      readonly once: readonly (Pick<ProcessTimer, 'name' | 'time'> & { readonly store: string })[];
      readonly outputs: readonly string[];
      readonly needsKey: boolean;
      readonly setup: Fn<[context: any]>;
    })
  /** `index` of the predicate, `predicates.length` is the rest; or of the output of a processor. */
  | (StepBase<'branch'> & { readonly index: number })
  | (StepBase<'mapAsync'> & {
      readonly project: Fn<[value: any, context: RecordContext, signal: AbortSignal], Promise<any>>;
      readonly concurrency: number;
      readonly order: 'kept' | 'any';
      /** Left out: as long as a call takes, once. */
      readonly timeoutMs?: number | null;
      readonly retry?: AsyncRetry | null;
    })
  | (StepBase<'rx'> & { readonly make: Fn<[scheduler: any], readonly any[]> })
  | (StepBase<'joinTable'> & {
      /** Step of the table it looks into. */
      readonly table: number;
      /** Of that table; null where its rows are computed. */
      readonly store: string | null;
      readonly join: 'inner' | 'left';
      readonly joiner: Fn<[left: any, right: any, context: RecordContext]>;
      /** Where records wait for the table's row of their time. */
      readonly buffer: { readonly store: string; readonly graceMs: number; readonly idleMs: number | null } | null;
    })
  /** `global`: the topic of the global table. */
  | (StepBase<'joinGlobal'> & {
      readonly global: string;
      readonly join: 'inner' | 'left';
      readonly keyOf: Fn<[value: any, context: RecordContext]>;
      readonly joiner: Fn<[left: any, right: any, context: RecordContext]>;
    })
  /** Two parents: left and right. `store` keeps the rows that may still meet others, `unmatched` when they are due (null for an inner join). */
  | (StepBase<'joinStreams'> & {
      readonly store: string;
      readonly unmatched: string | null;
      readonly join: 'inner' | 'left' | 'outer';
      readonly within: JoinWindowSpec;
      readonly idleMs: number | null;
      readonly joiner: Fn<[left: any, right: any, context: RecordContext]>;
    })
  /**
   * On the side of the referring table: sends what the other side must know of a change, to its topic sink; and straight to
   * the join what needs no answer from there.
   */
  | (StepBase<'foreignSubscribe'> & {
      readonly join: 'inner' | 'left';
      readonly keyOf: Fn<[value: any, key: any]>;
      /** Of the referring table's values: their bytes tell whether an answer is still asked for. */
      readonly value: Serde<any>;
    })
  /** On the side of the table referred to. Two parents: subscriptions, and the table, whose step is `table`. */
  | (StepBase<'foreignAnswer'> & { readonly store: string; readonly table: number })
  /** Back on the referring side, whose table's step is `table`: takes the answers, and keeps the result. */
  | (StepBase<'joinForeign'> & {
      readonly store: string;
      readonly table: number;
      readonly join: 'inner' | 'left';
      readonly joiner: Fn<[left: any, right: any, context: RecordContext]>;
      readonly value: Serde<any>;
    })
  /** Two parents: left and right. `store` null: the result is not kept. */
  | (StepBase<'joinTables'> & {
      readonly store: string | null;
      readonly join: 'inner' | 'left' | 'outer';
      readonly joiner: Fn<[left: any, right: any, context: RecordContext]>;
    })
  | (StepBase<'aggregate'> & {
      readonly store: string;
      readonly window: WindowSpec | null;
      /** With a window: when results go on. Left out: at every update. */
      readonly emit?: 'update' | 'windowCloses';
      readonly idleMs?: number | null;
      /** How long after it is closed a window stays in the store. */
      readonly keptMs?: number;
      readonly initial: Fn<[key: any]> | null;
      readonly add: Fn<[accumulator: any, value: any, context: RecordContext]>;
      /** Null where two accumulators can't be made one; sessions have it. */
      readonly merge?: Fn<[earlier: any, later: any]> | null;
      readonly result: Fn<[accumulator: any]> | null;
    })
  /** Records that were late for the windows of the aggregation that is its parent. */
  | StepBase<'late'>
  | (StepBase<'toTable'> & { readonly store: string })
  /** The store has the time of what was passed on, by windows of `withinMs`. */
  | (StepBase<'dedupe'> & { readonly store: string; readonly withinMs: number })
  /** Steps on the changes of a table. `store` null: the result is not kept. */
  | (StepBase<'filterRows'> & {
      readonly store: string | null;
      readonly predicate: Fn<[value: any, context: RecordContext], boolean>;
    })
  | (StepBase<'mapRows'> & {
      readonly store: string | null;
      readonly project: Fn<[value: any, context: RecordContext]>;
    })
  /** `window` is that of the aggregation before it, where it waits for windows. */
  | (StepBase<'suppress'> & Suppression & { readonly store: string; readonly window: WindowSpec | null })
  /** Gives a stream of `{ subtract, add }` by another key, for the aggregateRows behind the repartition topic. */
  | (StepBase<'groupRows'> & { readonly keyOf: Fn<[value: any, context: RecordContext]>; readonly key: Serde<any> })
  | (StepBase<'aggregateRows'> & {
      readonly store: string;
      readonly initial: Fn<[key: any]> | null;
      readonly add: Fn<[accumulator: any, value: any, context: RecordContext]>;
      readonly subtract: Fn<[accumulator: any, value: any, context: RecordContext]>;
    })
  | StepBase<'toStream'>
  /** Encodes and sends; `internal` for repartition topics, whose records with a null key are dropped and counted. */
  | (StepBase<'topicSink'> & { readonly topic: TopicSpec; readonly internal: boolean })
  | (StepBase<'connectorSink'> & { readonly connector: SinkConnector<any, any> });

/** What is wrong with a program; `compile` reports all of them at once. */
export interface TopologyIssue {
  readonly code:
    | 'DUPLICATE_STORE'
    | 'UNNAMED_STORE'
    | 'KEY_NEEDS_SERDE'
    | 'NOT_CO_PARTITIONED'
    | 'RX_UNDER_EXACTLY_ONCE'
    | 'SOURCE_NOT_REPLAYABLE'
    | 'SINK_REPEATS'
    | 'SOURCE_TWICE'
    | 'SOURCE_MERGED'
    | 'PROCESS_NEEDS_TOPIC'
    | 'DEAD_LETTER_READ'
    | 'WINDOWED_JOIN'
    | 'SESSION_NEEDS_MERGE'
    | 'KEEP_TOO_SHORT'
    | 'SUPPRESS_NEEDS_WINDOW'
    | 'GRACE_NEEDS_HISTORY'
    | 'VIEW_NEEDS_TOPIC'
    | 'TOPIC_TWICE'
    | 'CYCLE'
    | 'NO_OUTPUT'
    | 'BAD_NAME';
  /** Where: 'orders → groupByKey → count'. */
  readonly place: string;
  /** One sentence that says what to do. */
  readonly message: string;
}
