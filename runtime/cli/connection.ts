// Where a command's log is: the cluster that --bootstrap names, or else the embedded log in the data folder.
import type { Command } from 'commander';
import { type Client, createClient, type Transport, tcpNetwork } from '../../core/client/index.ts';
import { Fault, isFault } from '../../core/kernel/fault.ts';
import { type Logger, silentLogger } from '../../core/kernel/logger.ts';
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
  /** Rejects with `STORAGE_FAILED` once the disk of the embedded log refuses a write: stop then. Never resolves. */
  readonly failed: Promise<never>;
  /** The one given, quiet once it has failed. */
  readonly logger: Logger;
}

export const addConnectionOptions = (command: Command): Command =>
  command
    .option('--data <folder>', `folder of the embedded log (default: ${dataFolderDefault})`)
    .option('--bootstrap <addresses>', 'host:port of a running node or Kafka cluster, instead of the embedded log');

/**
 * A client of a log without a job: of the cluster that `bootstrap` names, or else of the embedded log in the folder `data`
 * (default '.millrace'), which nobody else can use until the connection is disposed of. Public as `connect`.
 *
 * @throws Fault `STORAGE_IN_USE`, `STORAGE_NEWER`, `STORAGE_FAILED`, `BAD_ADDRESS`, `NO_ANSWER`
 * @example
 * await using connection = await connect({ data: '.millrace' });
 * for await (const { key, value } of consume(connection.client, counts, { until: 'end' })) report(key, value);
 */
export async function openConnection(
  flags: ConnectionFlags = {},
  logger: Logger = silentLogger,
  threads = 1,
  clientId = 'millrace',
): Promise<Connection> {
  if (flags.bootstrap === undefined) {
    return await openEmbedded(flags.data ?? dataFolderDefault, logger, threads);
  }
  await greet(flags.bootstrap);
  const client = clusterClient(flags.bootstrap, clientId, logger);
  const failed = new Promise<never>(() => {});
  return { client, node: null, failed, logger, [Symbol.asyncDispose]: () => client.close() };
}

/** A wrong address is told while a person waits for the first answer; later on an outage of a minute is outlasted. */
const firstAnswerMs = 5_000;

async function greet(bootstrap: string): Promise<void> {
  const limits = { apiTimeoutMs: firstAnswerMs, requestTimeoutMs: firstAnswerMs };
  const clientId = 'millrace';
  await using client = createClient({ ...limits, clientId, network: tcpNetwork({ clientId, bootstrap }) });
  try {
    await client.admin().describeCluster();
  } catch (error) {
    if (!isFault(error, 'CONNECTION_LOST') && !isFault(error, 'TIMED_OUT')) throw error;
    const reason = isFault(error, 'CONNECTION_LOST') ? error.detail.reason : error.message;
    throw new Fault('NO_ANSWER', { bootstrap, reason }, error);
  }
}

/** @throws Fault `BAD_ADDRESS` */
export function clusterClient(bootstrap: string, clientId: string, logger: Logger): Client {
  return createClient({ clientId, network: tcpNetwork({ clientId, bootstrap }), logger });
}

/** Runs `work` with a client and closes what was opened, whatever happens. */
export async function withClient<T>(flags: ConnectionFlags, work: (client: Client) => Promise<T>): Promise<T> {
  await using connection = await openConnection(flags, createLogger());
  return await Promise.race([work(connection.client), connection.failed]);
}
