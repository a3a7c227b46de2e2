// The embedded log: one storage node in this process, its data under `<data>/node`, job state under `<data>/state/<job>`.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient, inProcess, type Transport } from '../../core/client/index.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import { systemRandom } from '../../core/kernel/random.ts';
import { createNode, openDataFolder } from '../../core/server/index.ts';
import { createLevelEngine } from '../../core/storage/level-storage.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';

export const dataFolderDefault = '.millrace';

export interface Embedded extends AsyncDisposable {
  readonly client: Client;
  /** For threads, which reach it through a port. */
  readonly node: Transport;
}

/** @throws Fault `STORAGE_IN_USE`, `STORAGE_NEWER`, `STORAGE_FAILED`, each naming the folder and what to do */
export async function openEmbedded(data: string, logger: Logger): Promise<Embedded> {
  const folder = await openDataFolder(data);
  const shared = { clock: systemClock, random: systemRandom, logger };
  const node = await createNode({
    ...shared,
    folder,
    engine: createLevelEngine(folder.enginePath),
    owner: `millrace ${process.argv.slice(2).join(' ')}`,
    settings: { 'group.initial.rebalance.delay.ms': 0, 'auto.create.topics.enable': false },
  });
  const client = createClient({ ...shared, network: inProcess(node.as('millrace')), clientId: 'millrace' });
  const close = async () => {
    await client.close();
    await node.close();
  };
  try {
    await endTransactionsOfTheDead(client);
  } catch (error) {
    await close();
    throw error;
  }
  return { node, client, [Symbol.asyncDispose]: close };
}

/**
 * Whoever had a transaction open died with the process that had the folder open. Left alone it would hide what comes
 * after it until its timeout, a minute: a worker of the dead process need not have a successor of its name.
 */
async function endTransactionsOfTheDead(client: Client): Promise<void> {
  const admin = client.admin();
  const open = await admin.listTransactions({ states: ['Ongoing'] });
  await admin.fenceProducers(open.map(({ transactionalId }) => transactionalId));
}

export const stateFolder = (data: string, job: string): string => join(data, 'state', job);

export async function openStateEngine(data: string, job: string): Promise<StorageEngine> {
  await mkdir(stateFolder(data, job), { recursive: true });
  return createLevelEngine(stateFolder(data, job));
}
