// Where a command's log is: the cluster that --bootstrap names, or else the embedded log in the data folder.
import type { Command } from 'commander';
import { type Client, createClient, type Transport, tcpNetwork } from '../../core/client/index.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import { systemRandom } from '../../core/kernel/random.ts';
import { dataFolderDefault, openEmbedded } from './embedded.ts';
import { createLogger } from './log-lines.ts';

export interface ConnectionFlags {
  readonly data?: string;
  readonly bootstrap?: string;
}

export interface Connection extends AsyncDisposable {
  readonly client: Client;
  /** The embedded node, which nobody else can be using; null for a cluster. */
  readonly node: Transport | null;
}

export const addConnectionOptions = (command: Command): Command =>
  command
    .option('--data <folder>', `folder of the embedded log (default: ${dataFolderDefault})`)
    .option('--bootstrap <addresses>', 'host:port of a running node or Kafka cluster, instead of the embedded log');

/** @throws Fault `STORAGE_IN_USE`, `STORAGE_NEWER`, `STORAGE_FAILED`, `BAD_ADDRESS` */
export async function openConnection(flags: ConnectionFlags, logger: Logger): Promise<Connection> {
  if (flags.bootstrap === undefined) {
    return await openEmbedded(flags.data ?? dataFolderDefault, logger);
  }
  const client = clusterClient(flags.bootstrap, 'millrace', logger);
  return { client, node: null, [Symbol.asyncDispose]: () => client.close() };
}

/** @throws Fault `BAD_ADDRESS` */
export function clusterClient(bootstrap: string, clientId: string, logger: Logger): Client {
  const shared = { clock: systemClock, random: systemRandom, clientId };
  return createClient({ ...shared, network: tcpNetwork({ ...shared, bootstrap }), logger });
}

/** Runs `work` with a client and closes what was opened, whatever happens. */
export async function withClient<T>(flags: ConnectionFlags, work: (client: Client) => Promise<T>): Promise<T> {
  await using connection = await openConnection(flags, createLogger());
  return await work(connection.client);
}
