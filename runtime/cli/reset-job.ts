// Resets of a job that a kill can't leave half done: offsets gone and state still there would count twice. A mark in the
// job's folder says that one is under way, and whoever opens the job next finishes it first.
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Admin } from '../../core/client/index.ts';
import { isFault } from '../../core/kernel/fault.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { carryOutReset, planReset, type ResetPlan } from '../app/prepare.ts';

export interface JobPlace {
  readonly topology: Topology;
  readonly admin: Admin;
  readonly stateEngine: StorageEngine;
  /** Of the job's state. */
  readonly folder: string;
}

const markOf = (folder: string) => join(folder, 'reset-under-way');

export const isResetUnderWay = (folder: string): boolean => existsSync(markOf(folder));

/** @param plan default: all that there is. @throws Fault `GROUP_NOT_EMPTY` while the job runs somewhere */
export async function resetJob({ topology, admin, stateEngine, folder }: JobPlace, plan?: ResetPlan): Promise<void> {
  const whole = plan ?? (await planReset(topology, admin, stateEngine));
  const before = isResetUnderWay(folder);
  await writeFile(markOf(folder), '');
  try {
    await carryOutReset(topology, admin, stateEngine, whole);
  } catch (error) {
    // Refused before anything was deleted.
    if (!before && isFault(error, 'GROUP_NOT_EMPTY')) await rm(markOf(folder), { force: true });
    throw error;
  }
  await rm(markOf(folder), { force: true });
}
