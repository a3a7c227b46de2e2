// How LevelDB is set for what the log keeps. State stores, which are read at random, have its defaults.
import type { LevelOptions } from './level-storage.ts';

/**
 * For the engine of a node's partitions. LevelDB maps each table file that it holds open, 2 MiB each, a thousand of them
 * by default: a job that read through 1 GB had 720 MiB mapped, and 230 MiB with this limit. Batches are read in order, so
 * a file is opened once whatever the limit. Write buffers of a thousand partitions that are all written to would be 4 GiB.
 */
export const partitionSettings: LevelOptions = { maxOpenFiles: 64, writeBuffersMax: 512 << 20 };
