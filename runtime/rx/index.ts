// The public surface of 'millrace/rx': topics outside of a job, as Observables and async iterables.
export { type ConsumedRecord, type ConsumeOptions, consume } from './consume.ts';
export { observe } from './observe.ts';
export { type ObservedJob, observeTable, type TableChange } from './observe-table.ts';
export { type ProduceToOptions, produceTo, type RecordToProduce } from './produce-to.ts';
