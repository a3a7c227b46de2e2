// The embedded log: one storage node in this process, its data under `<data>/node`. Brings the whole node
// with it, so those who may do without, as threads and whoever names a cluster, import it when they need it.
import { type Admin, type Client, createClient, inProcess, type Transport } from '../../core/client/index.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import { createLatch } from '../../core/kernel/latch.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import { systemRandom } from '../../core/kernel/random.ts';
import { createNode, openDataFolder } from '../../core/server/index.ts';
import { partitionSettings } from '../../core/storage/level-settings.ts';
import { createLevelEngine } from '../../core/storage/level-storage.ts';
import { watchStorage } from './watch-storage.ts';

export interface Embedded extends AsyncDisposable {
  readonly client: Client;
  /** For threads, which reach it through a port. */
  readonly node: Transport;
  /** Rejects with `STORAGE_FAILED` once the disk refuses a write: nothing is acknowledged from then on. Never resolves. */
  readonly failed: Promise<never>;
  /** The one given, quiet once it has failed. */
  readonly logger: Logger;
}

/** How long a group waits for a second member after the first, and a third after the second: threads come one by one. */
const threadsApartMs = 300;

/**
 * @param threads members that a group will have at once. Default 1, which need not wait for others
 * @throws Fault `STORAGE_IN_USE`, `STORAGE_NEWER`, `STORAGE_FAILED`, each naming the folder and what to do
 */
export async function openEmbedded(data: string, logger: Logger, threads = 1): Promise<Embedded> {
  const folder = await openDataFolder(data);
  const failure = createLatch<never>();
  failure.promise.catch(() => {});
  let hasFailed = false;
  const shared = { clock: systemClock, random: systemRandom, logger: quietOnce(logger, () => hasFailed) };
  const node = await createNode({
    ...shared,
    folder,
    engine: watchStorage(createLevelEngine(folder.enginePath, partitionSettings), (fault) => {
      hasFailed = true;
      failure.reject(fault);
    }),
    owner: `millrace ${process.argv.slice(2).join(' ')}`,
    settings: {
      'group.initial.rebalance.delay.ms': threads > 1 ? threadsApartMs : 0,
      'auto.create.topics.enable': false,
    },
  });
  const client = createClient({ ...shared, network: inProcess(node.as('millrace')), clientId: 'millrace' });
  const close = async () => {
    await client.close();
    await node.close();
  };
  try {
    await endTheDead(client.admin());
  } catch (error) {
    await close();
    throw error;
  }
  return { node, client, failed: failure.promise, logger: shared.logger, [Symbol.asyncDispose]: close };
}

/** What follows upon a failed disk is no news: the reason is told by whoever stops. */
function quietOnce(logger: Logger, isQuiet: () => boolean): Logger {
  return {
    ...logger,
    warn: (fields, message) => (isQuiet() ? logger.debug(fields, message) : logger.warn(fields, message)),
    error: (fields, message) => (isQuiet() ? logger.debug(fields, message) : logger.error(fields, message)),
  };
}

/**
 * Whoever had a transaction open or was a member of a group died with the process that had the folder open. Left alone
 * they would hide what comes after a transaction until its timeout, a minute: a worker of the dead process need not have a
 * successor of its name; and hold up a group, time and again, because their time begins anew at each start.
 */
async function endTheDead(admin: Admin): Promise<void> {
  const open = await admin.listTransactions({ states: ['Ongoing'] });
  await admin.fenceProducers(open.map(({ transactionalId }) => transactionalId));
  const held = (await admin.listGroups()).filter(({ state }) => state !== 'Empty');
  await Promise.all(held.map(({ groupId }) => admin.removeMembers(groupId)));
}
