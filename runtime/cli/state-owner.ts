// Who has a job's state folder: one process at a time, by the lock of a small database beside the job's own, which the
// system takes back from a process that dies. What it holds is the process's name, the same at every start over one
// folder, so that a new run ends the transactions and the membership of one that was killed.
import { join } from 'node:path';
import { Fault, isFault } from '../../core/kernel/fault.ts';
import { randomUuid, systemRandom } from '../../core/kernel/random.ts';
import { createLevelEngine } from '../../core/storage/level-storage.ts';
import type { Storage } from '../../core/storage/storage.ts';

export interface StateOwner {
  readonly processId: string;
  release(): Promise<void>;
}

const idKey = Buffer.from('process-id');

/** @throws Fault `STATE_IN_USE`, `STORAGE_FAILED` */
export async function claimState(data: string, job: string): Promise<StateOwner> {
  const folder = join(data, 'state');
  const storage = await open(folder, job);
  try {
    const known = await storage.get(idKey);
    const processId = known === undefined ? randomUuid(systemRandom) : Buffer.from(known).toString();
    if (known === undefined) await storage.write([{ type: 'put', key: idKey, value: Buffer.from(processId) }]);
    return { processId, release: () => storage.close() };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

async function open(folder: string, job: string): Promise<Storage> {
  try {
    return await createLevelEngine(folder).open(`${job}.owner`);
  } catch (error) {
    if (isFault(error, 'STORAGE_IN_USE')) throw new Fault('STATE_IN_USE', { job, path: join(folder, job) }, error);
    throw error;
  }
}
