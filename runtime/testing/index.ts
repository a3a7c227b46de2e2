// The public surface of 'millrace/testing': what a person tests a job with.
export type { DriverInput, DriverOutput, DriverSource, OutputRecord, SendOptions } from './driver-ends.ts';
export type { DriverStore } from './driver-store.ts';
export { drawMarbles, type Marble, type MarbleOptions, parseMarbles } from './record-marbles.ts';
export { createDriver, type DriverOptions, type TopologyDriver } from './topology-driver.ts';
