// `millrace node`: a storage node that listens for Kafka clients, until it is told to stop.
import type { Command } from 'commander';
import { parseBootstrap } from '../../../core/client/index.ts';
import { systemClock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { createLatch } from '../../../core/kernel/latch.ts';
import { systemRandom } from '../../../core/kernel/random.ts';
import {
  createNode,
  listen,
  openDataFolder,
  type Router,
  type StorageNode,
  servedApis,
} from '../../../core/server/index.ts';
import { partitionSettings } from '../../../core/storage/level-settings.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { dataFolderDefault } from '../embedded.ts';
import { createLogger } from '../log-lines.ts';
import { type GivenSettings, settingNames, sortSettings } from '../node-settings.ts';
import { collectSettings } from '../options.ts';
import { exitCode, say } from '../output.ts';
import { readProperties } from '../properties-file.ts';

interface Flags {
  readonly data?: string;
  readonly listen?: string;
  readonly advertise?: string;
  readonly metrics?: string;
  readonly config?: string;
  readonly set?: Readonly<Record<string, string>>;
}

const listenDefault = '127.0.0.1:9092';

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

async function start(flags: Flags, settings: GivenSettings, logger: ReturnType<typeof createLogger>) {
  const data = flags.data ?? settings.data ?? dataFolderDefault;
  const wanted = parseListen(flags.listen ?? settings.listen ?? listenDefault);
  const opened = createLatch<StorageNode>();
  opened.promise.catch(() => {});
  const route: Router = async (api, version, request, caller) =>
    (await opened.promise).serve(api, version, request, caller);
  const endpoint = flags.metrics === undefined ? null : await openEndpoint(flags.metrics, route);
  const serve = endpoint?.serve ?? route;
  const folder = await openDataFolder(data);
  const shared = { clock: systemClock, logger };
  const listener = await listen({ ...wanted, ...shared, serve, apis: servedApis, limits: settings.limits });
  try {
    const address = advertised(flags.advertise ?? settings.advertise, { host: wanted.host, port: listener.port });
    const node = await createNode({
      ...shared,
      random: systemRandom,
      folder,
      engine: createLevelEngine(folder.enginePath, partitionSettings),
      owner: 'millrace node',
      settings: { ...settings.node, ...address },
    });
    opened.resolve(node);
    endpoint?.attach(listener, node);
    return { data, address, listener, node, endpoint, loopback: isLoopback(wanted.host) };
  } catch (error) {
    opened.reject(error);
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
  const { data, address, listener, node, endpoint, loopback } = await start(flags, sortSettings(given), logger);
  const stopped = createLatch();
  let asked = false;
  const onSignal = () => {
    if (asked) process.exit(exitCode.forced);
    asked = true;
    stopped.resolve();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  if (!loopback) logger.warn({}, 'this node takes connections from other hosts and asks nobody who they are');
  const readyMs = Math.round(process.uptime() * 1_000);
  say(`node ${node.nodeId} is ready at ${shown(address.host, address.port)} after ${readyMs} ms, data in ${data}`);
  if (endpoint !== null) say(`figures at http://${endpoint.address}/metrics`);
  await stopped.promise;
  await endpoint?.close();
  await listener.close();
  await node.close();
  say('stopped');
}

export function addNode(program: Command): void {
  program
    .command('node')
    .description('run a storage node that Kafka clients connect to')
    .option('--data <folder>', `where it keeps everything (default: ${dataFolderDefault})`)
    .option('--listen <address>', `host:port; port 0 for a free one (default: ${listenDefault})`)
    .option('--advertise <address>', 'host:port that clients are told to connect to (default: what it listens on)')
    .option(
      '--metrics <address>',
      '[host:]port where /metrics is for Prometheus; without a host, from this machine only',
    )
    .option('--config <file>', "settings by Kafka's names, as in server.properties")
    .option('--set <name=value>', "one setting by Kafka's name, repeatable; stronger than the file", collectSettings)
    .addHelpText(
      'after',
      `\nExamples:\n  $ millrace node\n  $ millrace node --data /var/lib/millrace --listen 0.0.0.0:9092 --advertise log.example.com:9092\n  $ millrace node --set num.partitions=4 --set log.retention.hours=24\n\nSettings:\n${settingNames()
        .map((name) => `  ${name}`)
        .join('\n')}`,
    )
    .action(run);
}
