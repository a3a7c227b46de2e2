// `millrace/run`: jobs run from code.
export type { Progress, Summary } from '../app/app.ts';
export type { StateQuery } from '../app/state-query.ts';
export type { Stamped } from '../state/store.ts';
export { type Connection, openConnection as connect } from './connection.ts';
export { type JobRun, type RunOptions, runJob } from './run-job.ts';
