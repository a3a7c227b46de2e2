// Where a command's log is: the cluster that --bootstrap names, or else the embedded log in the data folder.
import type { Command } from 'commander';
import {
  type Client,
  createClient,
  type SecurityOptions,
  type Transport,
  tcpNetwork,
} from '../../core/client/index.ts';
import { Fault, isFault } from '../../core/kernel/fault.ts';
import { type Logger, silentLogger } from '../../core/kernel/logger.ts';
import { readClientConfig } from './client-config.ts';
import { createLogger } from './log-lines.ts';
import { dataFolderDefault } from './options.ts';

export interface ConnectionFlags {
  readonly data?: string;
  readonly bootstrap?: string;
  /** A properties file with Kafka's names for how the cluster is connected to: `security.protocol`, `sasl.*`, `ssl.*`. */
  readonly clientConfig?: string;
}

/** `tls` and `sasl` go before what is in the file `clientConfig`. */
export interface ConnectionOptions extends ConnectionFlags, SecurityOptions {}

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
    .option('--bootstrap <addresses>', 'host:port of a running node or Kafka cluster, instead of the embedded log')
    .option('--client-config <file>', "how it is connected to, by Kafka's names: security.protocol, sasl.*, ssl.*");

/**
 * A client of a log without a job: of the cluster that `bootstrap` names, or else of the embedded log in the folder `data`
 * (default '.millrace'), which nobody else can use until the connection is disposed of. Public as `connect`.
 *
 * @throws Fault `STORAGE_IN_USE`, `STORAGE_NEWER`, `STORAGE_FAILED`, `BAD_ADDRESS`, `NO_ANSWER`; of a cluster that lets in only
 * whom it knows `TLS_FAILED`, `AUTHENTICATION_FAILED`, `SASL_NOT_SERVED`
 * @example
 * await using connection = await connect({ data: '.millrace' });
 * for await (const { key, value } of consume(connection.client, counts, { until: 'end' })) report(key, value);
 */
export async function openConnection(
  flags: ConnectionOptions = {},
  logger: Logger = silentLogger,
  threads = 1,
  clientId = 'millrace',
): Promise<Connection> {
  const security = await securityOf(flags);
  if (flags.bootstrap === undefined) {
    const { openEmbedded } = await import('./embedded.ts');
    return await openEmbedded(flags.data ?? dataFolderDefault, logger, threads);
  }
  await greet(flags.bootstrap, security);
  const client = clusterClient(flags.bootstrap, security, clientId, logger);
  const failed = new Promise<never>(() => {});
  return { client, node: null, failed, logger, [Symbol.asyncDispose]: () => client.close() };
}

/** A wrong address is told while a person waits for the first answer; later on an outage of a minute is outlasted. */
const firstAnswerMs = 5_000;

const closedByNode = 'it closed the connection';

async function greet(bootstrap: string, security: SecurityOptions): Promise<void> {
  const limits = { apiTimeoutMs: firstAnswerMs, requestTimeoutMs: firstAnswerMs };
  const clientId = 'millrace';
  await using client = createClient({ ...limits, clientId, network: tcpNetwork({ ...security, clientId, bootstrap }) });
  try {
    await client.admin().describeCluster();
  } catch (error) {
    if (!isFault(error, 'CONNECTION_LOST') && !isFault(error, 'TIMED_OUT')) throw error;
    const said = isFault(error, 'CONNECTION_LOST') ? error.detail.reason : error.message;
    // A listener that wants TLS or a login says nothing of it to who doesn't begin with one.
    const isSilent = said === closedByNode && security.tls === undefined && security.sasl === undefined;
    const reason = isSilent ? `${said}, as one does that wants TLS or a login (--client-config)` : said;
    throw new Fault('NO_ANSWER', { bootstrap, reason }, error);
  }
}

type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** @throws Fault `FILE_FAILED`, `BAD_SETTINGS` */
export async function securityOf({
  bootstrap,
  clientConfig,
  tls,
  sasl,
}: SecurityOptions & Given<ConnectionFlags>): Promise<SecurityOptions> {
  if (bootstrap === undefined && (clientConfig ?? tls ?? sasl) !== undefined) {
    throw new Fault('BAD_SETTINGS', {
      of: 'the connection',
      problems: ['the embedded log has no login; name a cluster by --bootstrap'],
    });
  }
  const read = clientConfig === undefined ? {} : await readClientConfig(clientConfig);
  return { ...read, ...(tls === undefined ? {} : { tls }), ...(sasl === undefined ? {} : { sasl }) };
}

/** @throws Fault `BAD_ADDRESS` */
export function clusterClient(bootstrap: string, security: SecurityOptions, clientId: string, logger: Logger): Client {
  return createClient({ clientId, network: tcpNetwork({ ...security, clientId, bootstrap }), logger });
}

/** Runs `work` with a client and closes what was opened, whatever happens. */
export async function withClient<T>(flags: ConnectionFlags, work: (client: Client) => Promise<T>): Promise<T> {
  await using connection = await openConnection(flags, createLogger());
  return await Promise.race([work(connection.client), connection.failed]);
}
