// Where a node's data is, and how much room there is: what DescribeLogDirs shows of a folder.
import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { DataFolder } from './data-folder.ts';

export interface LogDir {
  readonly path: string;
  /** -1 for what isn't known. */
  space(): Promise<{ readonly totalBytes: number; readonly usableBytes: number }>;
}

const unknown = { totalBytes: -1, usableBytes: -1 };

/** @param folder undefined where the data is in memory */
export function logDirOf(folder: DataFolder | undefined): LogDir {
  if (folder === undefined) return { path: 'memory', space: async () => unknown };
  const path = resolve(folder.path);
  return {
    path,
    async space() {
      try {
        const { blocks, bavail, bsize } = await statfs(path);
        return { totalBytes: blocks * bsize, usableBytes: bavail * bsize };
      } catch {
        return unknown; // sizes of partitions are worth telling without it
      }
    },
  };
}
