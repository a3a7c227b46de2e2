// The public surface of 'millrace': what a job file is written with, by name. Nothing else may be exported from here.

export type { Duration } from '../core/kernel/duration.ts';
export { Fault, type FaultCode, isFault } from '../core/kernel/fault.ts';
export { avro } from '../core/schema/avro.ts';
export { json } from '../core/schema/json.ts';
export { bytes, float64, int32, int64, safeInt64, utf8, uuid } from '../core/schema/primitive.ts';
export type { Decoder, Encoder, Serde } from '../core/schema/serde.ts';
export { structured } from '../core/schema/structured.ts';
export { type Windowed, type WindowShape, windowedKey } from '../core/schema/windowed-key.ts';
export { type Aggregator, aggregator, distinct, max, mean, min, type Ordered, sum, top } from './aggregator.ts';
export { compile } from './compile/compile.ts';
export { describe } from './compile/describe.ts';
export { mermaid } from './compile/mermaid.ts';
export type { Topology, TopologyIssue } from './compile/topology.ts';
export { TopologyError } from './compile/topology-error.ts';
export type {
  ConnectorContext,
  SinkConnector,
  SinkRecord,
  SinkTask,
  SourceConnector,
  SourceOffset,
  SourceRecord,
  SourceTask,
  ViewConnector,
} from './connector.ts';
export { deviation } from './deviation.ts';
export {
  deadLetter,
  type ErrorPolicies,
  fail,
  isJob,
  type Job,
  type JobSettings,
  job,
  type Output,
  skip,
} from './job.ts';
export { noKey } from './key-serde.ts';
export { type AggregateOptions, aggregate } from './operators/aggregate.ts';
export { aggregateAll } from './operators/aggregate-all.ts';
export { aggregateRows, type RowFold } from './operators/aggregate-rows.ts';
export { type Cogrouped, cogroup } from './operators/cogroup.ts';
export { type Count, type CountOptions, count } from './operators/count.ts';
export { countRows } from './operators/count-rows.ts';
export { type CountWindowOptions, countWindow } from './operators/count-window.ts';
export { type DedupeOptions, dedupe } from './operators/dedupe.ts';
export { filter } from './operators/filter.ts';
export { filterRows, type RowOptions } from './operators/filter-rows.ts';
export { flatMap } from './operators/flat-map.ts';
export { foreignJoin } from './operators/foreign-join.ts';
export { groupBy } from './operators/group-by.ts';
export { groupByKey } from './operators/group-by-key.ts';
export { groupRows } from './operators/group-rows.ts';
export { join } from './operators/join.ts';
export { joinGlobal } from './operators/join-global.ts';
export type { JoinOptions, StreamJoinOptions, TableJoinOptions, UnmatchedOptions } from './operators/join-node.ts';
export { leftForeignJoin } from './operators/left-foreign-join.ts';
export { leftJoin } from './operators/left-join.ts';
export { leftJoinGlobal } from './operators/left-join-global.ts';
export { map } from './operators/map.ts';
export { type MapAsyncOptions, mapAsync, type RetryOptions } from './operators/map-async.ts';
export { mapRecord, type NewRecord } from './operators/map-record.ts';
export { mapRows } from './operators/map-rows.ts';
export { merge } from './operators/merge.ts';
export { outerJoin } from './operators/outer-join.ts';
export {
  type Emits,
  emits,
  type ForwardOptions,
  type ForwardTo,
  type Handlers,
  type KeptKey,
  type OnceHandler,
  type OnceTimer,
  type ProcessContext,
  type ProcessDeclaration,
  type Processed,
  process,
  type RecordHandler,
  type TimerHandler,
} from './operators/process.ts';
export { reduce, type StateOptions } from './operators/reduce.ts';
export { reduceRows } from './operators/reduce-rows.ts';
export { type RepartitionOptions, repartition } from './operators/repartition.ts';
export { type Rx, type RxOperator, rx } from './operators/rx.ts';
export { selectKey } from './operators/select-key.ts';
export { sink } from './operators/sink.ts';
export { source } from './operators/source.ts';
export { type Branches, split } from './operators/split.ts';
export { type FinalOptions, type HoldOptions, suppress } from './operators/suppress.ts';
export { tap } from './operators/tap.ts';
export { toStream } from './operators/to-stream.ts';
export { type ToTableOptions, toTable } from './operators/to-table.ts';
export { view } from './operators/view.ts';
export { type WindowOptions, window } from './operators/window.ts';
export { collect, earliest, latest } from './picks.ts';
export type { ErrorPolicy, JoinWindowSpec, RecordContext, WindowSpec } from './plan.ts';
export {
  type KeyValueState,
  keyValueStore,
  type SessionState,
  type StoreDeclaration,
  sessionStore,
  type WindowState,
  windowStore,
} from './process-stores.ts';
export { type QuantileOptions, quantile } from './quantile.ts';
export type {
  Destination,
  Grouped,
  GroupedRows,
  Joinable,
  Joined,
  KStream,
  KTable,
  Op,
  Pipeable,
  Sink,
} from './stage.ts';
export {
  type GlobalTable,
  globalTable,
  type TableOptions,
  type TableTopic,
  type Topic,
  type TopicOptions,
  table,
  topic,
  type Viewable,
} from './topic.ts';
export type { DslError, KeyOptions } from './type-error.ts';
export {
  type CustomWindowOptions,
  calendar,
  customWindows,
  type GraceOption,
  hopping,
  type OriginOption,
  session,
  sliding,
  tumbling,
} from './window.ts';
export { type WithinSpan, within } from './within.ts';
