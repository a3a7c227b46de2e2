// Where a job keeps its state: `<data>/state/<job>`, beside the embedded log or without one. Needs no node.
import { join } from 'node:path';
import { createLevelEngine } from '../../core/storage/level-storage.ts';
import { makeFolder } from '../../core/storage/make-folder.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';

export const stateFolder = (data: string, job: string): string => join(data, 'state', job);

export async function openStateEngine(data: string, job: string): Promise<StorageEngine> {
  await makeFolder(stateFolder(data, job));
  return createLevelEngine(stateFolder(data, job));
}
