// How LevelDB is set for what the log keeps. State stores, which are read at random, have its defaults.
import type { LevelOptions } from './level-storage.ts';

/**
 * For the engine of a node's partitions. LevelDB maps each table file that it holds open, 2 MiB each, and by default a
 * thousand of them: with it a job that reads through 1 GB has 720 MiB mapped, with 64 files 230. Batches are read in order, so a file is
 * opened once whatever the limit.
 */
export const partitionSettings: LevelOptions = { maxOpenFiles: 64 };
