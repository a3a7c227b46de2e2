// What a program says, as data: a graph of nodes that point to their parents, one kind per operator. Erased: the stages
// around it carry the types, so this is the only file where `any` may stand in a signature. No node does anything.
// biome-ignore-all lint/suspicious/noExplicitAny: erased; the stages carry the types
import type { CalendarUnit } from '../core/kernel/calendar.ts';
import type { Serde } from '../core/schema/serde.ts';
import type { SinkConnector, SourceConnector, ViewConnector } from './connector.ts';

/** What a function of the user's may know about the record at hand. A view: valid only during the call. */
export interface RecordContext<out K = unknown> {
  readonly key: K;
  /** Event time, milliseconds since the epoch. */
  readonly timestampMs: number;
  /** Of the input record that caused this one; '' and -1 where a source made it. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
}

/** A topic as a program names it. Settings left out are the cluster's, or what the program needs. */
export interface TopicSpec {
  readonly name: string;
  readonly key: Serde<any>;
  readonly value: Serde<any>;
  /** Used when the job makes the topic; checked against it when it is there. */
  readonly partitions?: number;
  readonly replicationFactor?: number;
  /** Kafka's topic settings by their names, e.g. `'retention.ms'`: used when the job makes the topic. */
  readonly config: Readonly<Record<string, string>>;
  /** Event time of a record, instead of the timestamp it carries. */
  readonly timestampOf?: (value: any, context: RecordContext) => number;
  /** What a stream of it does with null values: `compile` puts a step that drops them before functions of the user's. Default 'pass'. */
  readonly tombstones?: 'drop' | 'pass';
  /** Of a table: how long earlier rows of a key are kept, in event time. Left out: only the newest row is. */
  readonly versionedMs?: number;
}

/**
 * A time window of an aggregation. Grace is how long after its end a window still takes late records. `originMs`: a
 * moment at which a window starts; default 0.
 */
export type WindowSpec =
  | { readonly kind: 'tumbling'; readonly sizeMs: number; readonly graceMs: number; readonly originMs?: number }
  | {
      readonly kind: 'hopping';
      readonly sizeMs: number;
      readonly advanceMs: number;
      readonly graceMs: number;
      readonly originMs?: number;
    }
  /** Two records of a key within `differenceMs` of each other are together in some window. */
  | { readonly kind: 'sliding'; readonly differenceMs: number; readonly graceMs: number }
  /** Records of a key of which none is more than `gapMs` from the next. */
  | { readonly kind: 'session'; readonly gapMs: number; readonly graceMs: number }
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit; readonly timeZone: string; readonly graceMs: number }
  /** Spans that follow one another as the program's own functions say. */
  | {
      readonly kind: 'custom';
      readonly name: string;
      readonly startOf: (timeMs: number) => number;
      readonly endOf: (timeMs: number) => number;
      readonly longestMs: number;
      readonly graceMs: number;
    };

/** How often a call that failed is made again, and how long it waits before. */
export interface AsyncRetry {
  readonly times: number;
  readonly firstMs: number;
  readonly maxMs: number;
  readonly when: (error: unknown) => boolean;
}

/** How long a table's changes are held back, and what they may take meanwhile. */
export interface Suppression {
  /** Until the window of the key is closed, or for so many milliseconds of stream time from the first change. */
  readonly until: 'windowCloses' | number;
  readonly recordsMax: number | null;
  readonly bytesMax: number | null;
  readonly whenFull: 'emitEarly' | 'fail';
  readonly idleMs: number | null;
}

/** When a windowed aggregation passes on results, and where what came too late for it goes. */
export interface Windowing {
  readonly emit: 'update' | 'windowCloses';
  /** After so long without a record stream time goes on with the wall clock. Null: it never does. */
  readonly idleMs: number | null;
  /** Gets the records that were late, once each; null: they are dropped. */
  readonly late: TopicSpec | null;
  /** How long after its start (a session's end) a window stays in the store. Null: as long as it can change. */
  readonly keepMs: number | null;
}

/**
 * Which records of two streams meet: the right one's time is from `beforeMs` before to `afterMs` after the left one's,
 * both ends included. Grace is how far a record may come behind the end of its window, in stream time.
 */
export interface JoinWindowSpec {
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly graceMs: number;
}

export interface StoreOptions {
  /** Name of the state store, its changelog and its repartition topic. Null: derived from the place. */
  readonly as: string | null;
  readonly value: Serde<any>;
}

interface Node<Kind extends string, Parent> {
  readonly kind: Kind;
  readonly parent: Parent;
}

/* A function of the user's. */
type Fn<A extends readonly any[], R = any> = (...args: A) => R;

export type StreamNode =
  | { readonly kind: 'topicSource'; readonly topic: TopicSpec }
  | { readonly kind: 'connectorSource'; readonly connector: SourceConnector<unknown> }
  | (Node<'filter', StreamNode> & { readonly predicate: Fn<[value: any, context: RecordContext], boolean> })
  | (Node<'map', StreamNode> & { readonly project: Fn<[value: any, context: RecordContext]> })
  | (Node<'flatMap', StreamNode> & { readonly project: Fn<[value: any, context: RecordContext], Iterable<any>> })
  | (Node<'tap', StreamNode> & { readonly look: Fn<[value: any, context: RecordContext], void> })
  | (Node<'mapRecord', StreamNode> & {
      readonly project: Fn<[value: any, context: RecordContext], { key: any; value: any; timestampMs?: number }>;
      readonly key: Serde<any> | null;
      readonly as: string | null;
    })
  /** `key` null: strings, as UTF-8. `as` names the repartition topic that may be needed. */
  | (Node<'selectKey', StreamNode> & {
      readonly keyOf: Fn<[value: any, context: RecordContext]>;
      readonly key: Serde<any> | null;
      readonly as: string | null;
    })
  /** `partitions` null: as many as it needs. `as` names the topic. */
  | (Node<'repartition', StreamNode> & { readonly partitions: number | null; readonly as: string | null })
  | { readonly kind: 'merge'; readonly parents: readonly StreamNode[] }
  /** One branch of a split: the records for which `index` is the first predicate that holds; `predicates.length` is the rest. Branches of one split share `group`. */
  | (Node<'branch', StreamNode> & {
      readonly group: symbol;
      readonly name: string;
      readonly index: number;
      readonly predicates: readonly Fn<[value: any, context: RecordContext], boolean>[];
    })
  | (Node<'mapAsync', StreamNode> & {
      readonly project: Fn<[value: any, context: RecordContext, signal: AbortSignal], Promise<any>>;
      readonly concurrency: number;
      readonly order: 'kept' | 'any';
      readonly timeoutMs: number | null;
      readonly retry: AsyncRetry | null;
    })
  /** `make` is called once per task with the stream-time scheduler and returns the rxjs operators to pipe through, typed in dsl/operators/rx.ts. */
  | (Node<'rx', StreamNode> & { readonly make: Fn<[scheduler: any], readonly any[]>; readonly stateless: boolean })
  | (Node<'joinTable', StreamNode> & {
      readonly table: TableNode;
      readonly join: 'inner' | 'left';
      readonly joiner: Fn<[left: any, right: any, context: RecordContext]>;
      /** Records wait that long, in stream time, for the table's row of their time; null: they don't. */
      readonly buffer: (StoreOptions & { readonly graceMs: number; readonly idleMs: number | null }) | null;
    })
  /** `keyOf` gives the key to look up in the global table that `topic` is; null for none. */
  | (Node<'joinGlobal', StreamNode> & {
      readonly topic: TopicSpec;
      readonly join: 'inner' | 'left';
      readonly keyOf: Fn<[value: any, context: RecordContext]>;
      readonly joiner: Fn<[left: any, right: any, context: RecordContext]>;
    })
  /** The first parent is the left side. `as` names the stores; `left` and `right` write the values that wait. */
  | {
      readonly kind: 'joinStreams';
      readonly parents: readonly [left: StreamNode, right: StreamNode];
      readonly join: 'inner' | 'left' | 'outer';
      readonly within: JoinWindowSpec;
      readonly joiner: Fn<[left: any, right: any, context: RecordContext]>;
      /** After so long without a record stream time goes on with the wall clock. Null: it never does. */
      readonly idleMs: number | null;
      readonly as: string | null;
      readonly left: Serde<any>;
      readonly right: Serde<any>;
    }
  | (Node<'toStream', TableNode> & {})
  /** What a processor sends to an output of its; `output` null where it has one without a name. `key` null: that of the stream stays. */
  | (Node<'processOutput', ProcessNode> & { readonly output: string | null; readonly key: Serde<any> | null })
  /** The first record of a key, and none that is less than `withinMs` from it. */
  | (Node<'dedupe', StreamNode> & { readonly withinMs: number; readonly store: StoreOptions });

/** A store of a processor, by the name that its code has for it. */
export interface ProcessStore {
  readonly name: string;
  readonly kind: 'keyValue' | 'window' | 'session';
  readonly key: Serde<any>;
  readonly value: Serde<any>;
  /** Its grace is how long after its end an entry is kept. */
  readonly window: WindowSpec | null;
}

export interface ProcessTimer {
  readonly name: string;
  readonly time: 'stream' | 'wall';
  readonly everyMs: number;
}

/** Code of the user's over a stream; `outputs` are those with names. `setup` is typed in dsl/operators/process.ts. */
export type ProcessNode = Node<'process', StreamNode> & {
  readonly name: string;
  readonly stores: readonly ProcessStore[];
  readonly timers: readonly ProcessTimer[];
  /** Set for a key, and going off once. */
  readonly once: readonly Pick<ProcessTimer, 'name' | 'time'>[];
  readonly outputs: readonly string[];
  /** Records without a key are dropped and counted before its code sees them. */
  readonly needsKey: boolean;
  readonly setup: Fn<[context: any]>;
};

/** A stream that is keyed for grouping; `keyOf` null keeps the key. */
export type GroupedNode = Node<'grouped', StreamNode> & {
  readonly keyOf: Fn<[value: any, context: RecordContext]> | null;
  readonly key: Serde<any> | null;
  readonly as: string | null;
  readonly window: WindowSpec | null;
  /** Left out: every update, and late records are dropped. */
  readonly windowing?: Windowing;
};

/** A table that is keyed anew for an aggregation of its rows. */
export type GroupedRowsNode = Node<'groupRows', TableNode> & {
  readonly keyOf: Fn<[value: any, context: RecordContext]>;
  readonly key: Serde<any> | null;
  readonly as: string | null;
};

export type TableNode =
  | { readonly kind: 'tableSource'; readonly topic: TopicSpec }
  /**
   * count, reduce, aggregate, aggregateAll. `initial` null: the first value is the accumulator (reduce). `result`
   * turns the stored accumulator into the table's value. `merge` makes one accumulator of two, which sessions need;
   * left out where there is none.
   */
  | (Node<'aggregate', GroupedNode> & {
      readonly operator: 'count' | 'reduce' | 'aggregate' | 'aggregateAll';
      readonly initial: Fn<[key: any]> | null;
      readonly add: Fn<[accumulator: any, value: any, context: RecordContext]>;
      readonly merge?: Fn<[earlier: any, later: any]>;
      readonly result: Fn<[accumulator: any]> | null;
      readonly store: StoreOptions;
    })
  /** A stream read as changes of a table; null is a tombstone. */
  | (Node<'toTable', StreamNode> & {
      readonly store: StoreOptions;
      /** How long earlier rows of a key are kept; null: only the newest one is. */
      readonly versionedMs: number | null;
    })
  /** `store` null: not kept, computed from what comes. */
  | (Node<'filterRows', TableNode> & {
      readonly predicate: Fn<[value: any, context: RecordContext], boolean>;
      readonly store: StoreOptions | null;
    })
  | (Node<'mapRows', TableNode> & {
      readonly project: Fn<[value: any, context: RecordContext]>;
      readonly store: StoreOptions | null;
    })
  | (Node<'suppress', TableNode> & Suppression & { readonly store: StoreOptions })
  | (Node<'aggregateRows', GroupedRowsNode> & {
      readonly operator: 'countRows' | 'reduceRows' | 'aggregateRows';
      readonly initial: Fn<[key: any]> | null;
      readonly add: Fn<[accumulator: any, value: any, context: RecordContext]>;
      readonly subtract: Fn<[accumulator: any, value: any, context: RecordContext]>;
      readonly store: StoreOptions;
    })
  /** The first parent is the left side. `store` null: rows are computed when they are looked up. */
  | {
      readonly kind: 'joinTables';
      readonly parents: readonly [left: TableNode, right: TableNode];
      readonly join: 'inner' | 'left' | 'outer';
      readonly joiner: Fn<[left: any, right: any, context: RecordContext]>;
      readonly store: StoreOptions | null;
    }
  /** Each row of `parent` with the row of `table` whose key `keyOf` takes from it; null for none. `as` names all it keeps. */
  | (Node<'joinForeign', TableNode> & {
      readonly table: TableNode;
      readonly join: 'inner' | 'left';
      readonly keyOf: Fn<[value: any, key: any]>;
      readonly joiner: Fn<[left: any, right: any, context: RecordContext]>;
      readonly as: string | null;
      readonly value: Serde<any>;
    });

export type SinkNode =
  | (Node<'topicSink', StreamNode> & { readonly topic: TopicSpec })
  | (Node<'connectorSink', StreamNode> & { readonly connector: SinkConnector<any, any> })
  /** A processor without outputs. */
  | Node<'processSink', ProcessNode>
  /** Only on a topic itself. */
  | (Node<'view', StreamNode> & { readonly connector: ViewConnector<any, any> });

export type PlanNode = StreamNode | ProcessNode | GroupedNode | GroupedRowsNode | TableNode | SinkNode;

/** What to do with a record that can't be processed. */
export type ErrorPolicy =
  /** Stops the job with an error that names the record. The default. */
  | { readonly kind: 'fail' }
  /** Drops the record and counts it. */
  | { readonly kind: 'skip' }
  /** Sends the original bytes to `topic` with cause and origin in headers. */
  | { readonly kind: 'deadLetter'; readonly topic: string };

export interface JobOptions {
  /** Default 'atLeastOnce'. */
  readonly guarantee: 'atLeastOnce' | 'exactlyOnce';
  readonly onError: { readonly decode: ErrorPolicy; readonly process: ErrorPolicy; readonly produce: ErrorPolicy };
  /** How often progress is committed. Default 1,000 ms; 100 ms under exactlyOnce. */
  readonly commitIntervalMs: number;
  /** Copies of each task's state on other processes (Kafka Streams' num.standby.replicas). Default 0. */
  readonly standbys: number;
  /** 'required' makes an unnamed state store an issue; 'derived' names it after its place. Default: required where NODE_ENV is production. */
  readonly names: 'required' | 'derived' | 'environment';
  /** What a negative timestamp gets. Default 'fail' (KIP-93 drops; a lost record is worse). */
  readonly negativeTimestamp: 'fail' | 'skip';
  /**
   * How long a task waits for records of an input that may still have older ones, in milliseconds (Kafka Streams'
   * max.task.idle.ms). 0: only for what is already in the log. Default 0.
   */
  readonly maxTaskIdleMs: number;
  /** Which updates of an aggregation go on: 'every', or at each commit the 'latest' of each key. Default 'every'. */
  readonly updates: 'every' | 'latest';
}

/** A whole program. */
export interface JobSpec {
  readonly name: string;
  /** Sinks, and tables that are kept only to be queried. */
  readonly outputs: readonly (SinkNode | TableNode)[];
  readonly options: JobOptions;
}
