// `millrace node`: a storage node that listens for Kafka clients, until it is told to stop.
import type { Command } from 'commander';
import { parseBootstrap } from '../../../core/client/address.ts';
import { systemClock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { createLatch } from '../../../core/kernel/latch.ts';
import { systemRandom } from '../../../core/kernel/random.ts';
import {
  type ClusterOptions,
  createNode,
  type Listener,
  listen,
  nodeApis,
  openDataFolder,
  type Router,
  type StorageNode,
  servedApis,
} from '../../../core/server/index.ts';
import { partitionSettings } from '../../../core/storage/level-settings.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { parseControllers } from '../controllers.ts';
import { createLogger } from '../log-lines.ts';
import { type GivenSettings, settingNames, sortSettings } from '../node-settings.ts';
import { collectSettings, dataFolderDefault, parseNonNegativeInteger } from '../options.ts';
import { exitCode, say } from '../output.ts';
import { readProperties } from '../properties-file.ts';

interface Flags {
  readonly data?: string;
  readonly listen?: string;
  readonly advertise?: string;
  readonly id?: number;
  readonly controllers?: string;
  readonly rack?: string;
  readonly metrics?: string;
  readonly config?: string;
  readonly set?: Readonly<Record<string, string>>;
}

const listenDefault = '127.0.0.1:9092';
/** After which a node says what it waits for. */
const tellAfterMs = 3_000;

/** Port 0 takes a free one, which an address to connect to can't be. */
function parseListen(text: string): { readonly host: string; readonly port: number } {
  if (!text.endsWith(':0')) return parseBootstrap(text)[0]!;
  return { host: parseBootstrap(`${text.slice(0, -2)}:1`)[0]!.host, port: 0 };
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');
const shown = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

/** Where clients are told to connect: what was given, else what is listened on; a wildcard address leads nowhere. */
function advertised(
  given: string | undefined,
  bound: { readonly host: string; readonly port: number },
): { host: string; port: number } {
  if (given !== undefined) return { ...parseBootstrap(given)[0]! };
  if (bound.host === '0.0.0.0' || bound.host === '::') throw new Fault('NEEDS_ADVERTISED', { host: bound.host });
  return { host: bound.host, port: bound.port };
}

/** @throws Fault `BAD_SETTINGS` where it is not said which of the nodes this is */
async function clusterOf(
  flags: Flags,
  { controllers, rack, node: { nodeId } }: GivenSettings,
): Promise<ClusterOptions | null> {
  const text = flags.controllers ?? controllers;
  if (text === undefined) {
    if (flags.rack === undefined) return null;
    throw bad('a rack is for a node of a cluster; name its controllers with --controllers');
  }
  if ((flags.id ?? nodeId) === undefined) throw bad('a node of a cluster needs a number of its own; give it with --id');
  const found = parseControllers(text);
  const bootstrap = found.map(({ host, port }) => shown(host, port)).join(',');
  const { tcpNetwork } = await import('../../../core/client/index.ts'); // a node alone asks nobody
  return { controllers: found, network: tcpNetwork({ bootstrap }), rack: flags.rack ?? rack ?? null };
}

const bad = (problem: string) => new Fault('BAD_SETTINGS', { of: 'the node', problems: [problem] });

async function start(flags: Flags, settings: GivenSettings, logger: ReturnType<typeof createLogger>) {
  const data = flags.data ?? settings.data ?? dataFolderDefault;
  const cluster = await clusterOf(flags, settings);
  const nodeId = flags.id ?? settings.node.nodeId;
  const wanted = parseListen(flags.listen ?? settings.listen ?? listenDefault);
  const opened = createLatch<StorageNode>();
  opened.promise.catch(() => {});
  const route: Router = async (api, version, request, caller) =>
    (await opened.promise).serve(api, version, request, caller);
  const endpoint = flags.metrics === undefined ? null : await openEndpoint(flags.metrics, route);
  const serve = endpoint?.serve ?? route;
  const folder = await openDataFolder(data);
  const shared = { clock: systemClock, logger };
  const listening = { ...wanted, ...shared, serve, apis: servedApis, limits: settings.limits };
  const listener = await listen({
    ...listening,
    ...(cluster !== null && { opens: opened.promise.then(({ ready }) => ready) }),
  });
  const own = cluster?.controllers.find((one) => one.nodeId === nodeId);
  let controllerListener: Listener | null = null;
  try {
    // Nodes have a way of their own to the controllers, which clients know nothing of.
    if (own !== undefined)
      controllerListener = await listen({ host: own.host, port: own.port, ...shared, serve: route, apis: nodeApis });
    const address = advertised(flags.advertise ?? settings.advertise, { host: wanted.host, port: listener.port });
    const node = await createNode({
      ...shared,
      random: systemRandom,
      folder,
      engine: createLevelEngine(folder.enginePath, partitionSettings),
      owner: 'millrace node',
      settings: { ...settings.node, ...address, ...(nodeId !== undefined && { nodeId }) },
      ...(cluster !== null && { cluster }),
    });
    opened.resolve(node);
    endpoint?.attach(listener, node);
    const loopback = isLoopback(wanted.host);
    return { data, address, listener, controllerListener, node, endpoint, loopback, inCluster: cluster !== null };
  } catch (error) {
    opened.reject(error);
    await controllerListener?.close();
    await listener.close();
    throw error;
  }
}

/** Loaded by those who ask for it: the others start sooner. */
async function openEndpoint(address: string, serve: Router) {
  const { openNodeEndpoint } = await import('../node-endpoint.ts');
  return await openNodeEndpoint(address, serve);
}

async function run(flags: Flags): Promise<void> {
  const given = { ...(flags.config === undefined ? {} : await readProperties(flags.config)), ...flags.set };
  const logger = createLogger();
  const stopped = createLatch();
  let asked = false;
  const onSignal = () => {
    if (asked) process.exit(exitCode.forced);
    asked = true;
    stopped.resolve();
  };
  const { data, address, listener, controllerListener, node, endpoint, loopback, inCluster } = await start(
    flags,
    sortSettings(given),
    logger,
  );
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // Where another process has started it and is gone.
  process.on('disconnect', onSignal);
  process.channel?.unref();
  if (!loopback) logger.warn({}, 'this node takes connections from other hosts and asks nobody who they are');
  const waiting = systemClock.after(tellAfterMs, () =>
    say(`node ${node.nodeId} waits for its cluster: more than half of the controllers must be up`),
  );
  await Promise.race([node.ready, stopped.promise]);
  waiting.cancel();
  const readyMs = Math.round(process.uptime() * 1_000);
  if (!asked)
    say(`node ${node.nodeId} is ready at ${shown(address.host, address.port)} after ${readyMs} ms, data in ${data}`);
  if (endpoint !== null) say(`figures at http://${endpoint.address}/metrics`);
  await stopped.promise;
  await endpoint?.close();
  // In a cluster it serves until its leaders are somewhere else; alone, until what has begun is answered.
  if (!inCluster) await listener.close();
  await node.close();
  await Promise.all([listener.close(), controllerListener?.close()]);
  say('stopped');
}

export function addNode(program: Command): void {
  program
    .command('node')
    .description('run a storage node that Kafka clients connect to')
    .option('--data <folder>', `where it keeps everything (default: ${dataFolderDefault})`)
    .option('--listen <address>', `host:port; port 0 for a free one (default: ${listenDefault})`)
    .option('--advertise <address>', 'host:port that clients are told to connect to (default: what it listens on)')
    .option('--id <number>', 'of a node of a cluster: its number, which no other has', parseNonNegativeInteger)
    .option(
      '--controllers <addresses>',
      'id@host:port of those nodes that decide together who leads what, the same on every node; three of them outlive one',
    )
    .option(
      '--rack <name>',
      'of a node of a cluster: copies of a partition go to different racks, and consumers read from one in theirs',
    )
    .option(
      '--metrics <address>',
      '[host:]port where /metrics is for Prometheus; without a host, from this machine only',
    )
    .option('--config <file>', "settings by Kafka's names, as in server.properties")
    .option('--set <name=value>', "one setting by Kafka's name, repeatable; stronger than the file", collectSettings)
    .addHelpText(
      'after',
      `\nExamples:\n  $ millrace node\n  $ millrace node --data /var/lib/millrace --listen 0.0.0.0:9092 --advertise log.example.com:9092\n  $ millrace node --id 1 --controllers 1@127.0.0.1:9192,2@127.0.0.1:9193,3@127.0.0.1:9194 --data data/1\n  $ millrace node --set num.partitions=4 --set log.retention.hours=24\n\nSettings:\n${settingNames()
        .map((name) => `  ${name}`)
        .join('\n')}`,
    )
    .action(run);
}
