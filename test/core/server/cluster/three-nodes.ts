// Three nodes of a cluster in one process, each over an engine of its own, and clients that find their way among them. A node
// can be cut off, killed and started again on what its engine has.
import { type Client, createClient } from '../../../../core/client/index.ts';
import { systemClock } from '../../../../core/kernel/clock.ts';
import { Fault, isFault } from '../../../../core/kernel/fault.ts';
import { type Logger, silentLogger } from '../../../../core/kernel/logger.ts';
import { seededRandom } from '../../../../core/kernel/random.ts';
import type { ApiName } from '../../../../core/protocol/api-table.ts';
import type { Network, Transport } from '../../../../core/protocol/transport.ts';
import { createNode, type StorageNode } from '../../../../core/server/node.ts';
import type { NodeSettings } from '../../../../core/server/node-config.ts';
import type { StorageEngine } from '../../../../core/storage/storage.ts';
import { strictTransport } from '../../../support/strict-transport.ts';
import { createLossyEngine, type LossyEngine } from '../../log/lossy-engine.ts';

export interface TestCluster extends AsyncDisposable {
  readonly ids: readonly number[];
  readonly nodes: ReadonlyMap<number, StorageNode>;
  /** @param first who is asked first; default anybody */
  client(name?: string, first?: number): Client;
  /** One that isn't among the first names itself as a controller beside them, which doesn't make it one. */
  start(id: number): Promise<void>;
  /** In good order. */
  stop(id: number): Promise<void>;
  /** From the other nodes; clients still reach it. */
  cutOff(id: number): void;
  /** Nothing reaches it or comes from it any more, and it never hears of that. */
  kill(id: number): Promise<void>;
  disk(id: number): LossyEngine;
  /** Names of what is on its disk. */
  databases(id: number): Promise<string[]>;
}

export interface TestClusterOptions {
  readonly count?: number;
  readonly settings?: Partial<NodeSettings>;
  readonly logger?: Logger;
  /** By the id of the node. */
  readonly racks?: Readonly<Record<number, string>>;
  /** Told of every request of a client or a node, and its answer. */
  readonly onAnswer?: (nodeId: number, api: ApiName, request: unknown, answer: unknown) => void;
  /** Default engines that lose what a crash loses. */
  readonly engineOf?: (id: number) => StorageEngine;
}

export async function startCluster({
  count = 3,
  settings = {},
  logger = silentLogger,
  racks = {},
  onAnswer,
  engineOf,
}: TestClusterOptions = {}): Promise<TestCluster> {
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  const engines = new Map(ids.map((id) => [id, createLossyEngine(seededRandom(id))]));
  const nodes = new Map<number, StorageNode>();
  const lives = new Map<StorageNode, Life>();
  const random = seededRandom(7);
  const clients: Client[] = [];

  function wayTo(id: number, from: Life): Transport {
    const lost = () => new Fault('CONNECTION_LOST', { to: `node ${id}`, reason: 'it is down' });
    const node = nodes.get(id);
    if (node === undefined) throw lost();
    const to = lives.get(node)!;
    const strict = strictTransport(node);
    return {
      call(api, version, request, options) {
        const isCut = from.isNode && (from.isCutOff || to.isCutOff);
        if (to.isOver || from.isOver || isCut) return Promise.reject(lost());
        return new Promise((resolve, reject) => {
          const over = () => reject(lost());
          to.onOver.add(over);
          from.onOver.add(over);
          strict
            .call(api, version, request, options)
            .then(
              (answer) => {
                onAnswer?.(id, api, request, answer);
                resolve(answer);
              },
              // Of a process that has ended nobody hears why.
              (error: unknown) => reject(isFault(error, 'CLOSED') ? lost() : error),
            )
            .finally(() => {
              to.onOver.delete(over);
              from.onOver.delete(over);
            });
        });
      },
      close: async () => {},
    };
  }

  const network = (from: Life, known?: number): Network => ({
    async bootstrap() {
      const ids = [...nodes.keys()];
      const first = known ?? ids[random.integer(ids.length)];
      if (first === undefined) throw new Fault('CONNECTION_LOST', { to: 'the cluster', reason: 'no node is up' });
      return wayTo(first, from);
    },
    connect: async ({ nodeId }) => wayTo(nodeId, from),
  });

  async function start(id: number): Promise<void> {
    const life = newLife(true);
    if (!engines.has(id)) engines.set(id, createLossyEngine(seededRandom(id)));
    const node = await createNode({
      ...{
        engine: engineOf?.(id) ?? engines.get(id)!.life(),
        clock: systemClock,
        random: seededRandom(100 + id),
        logger,
      },
      settings: {
        ...{ nodeId: id, host: 'node', port: 9_000 + id },
        'group.initial.rebalance.delay.ms': 0,
        'offsets.topic.num.partitions': 3,
        'transaction.state.log.num.partitions': 3,
        'broker.heartbeat.interval.ms': 100,
        'broker.session.timeout.ms': 1_000,
        'replica.lag.time.max.ms': 1_500,
        'replica.fetch.wait.max.ms': 100,
        'replica.fetch.backoff.ms': 50,
        ...settings,
      },
      cluster: {
        controllers: [...new Set([...ids, id])].map((nodeId) => ({ nodeId, host: 'node', port: 9_000 + nodeId })),
        network: network(life),
        rack: racks[id] ?? null,
      },
    });
    lives.set(node, life);
    nodes.set(id, node);
  }

  await Promise.all(ids.map(start));
  await Promise.all([...nodes.values()].map(({ ready }) => ready));
  return {
    ids,
    nodes,
    client(name = 'test', first) {
      const client = createClient({
        network: network(newLife(false), first),
        clientId: name,
        random,
        clock: systemClock,
        logger,
      });
      clients.push(client);
      return client;
    },
    async start(id) {
      await start(id);
      await nodes.get(id)!.ready;
    },
    async stop(id) {
      const node = nodes.get(id)!;
      await node.close();
      end(lives.get(node)!);
      nodes.delete(id);
    },
    cutOff(id) {
      lives.get(nodes.get(id)!)!.isCutOff = true;
    },
    async kill(id) {
      end(lives.get(nodes.get(id)!)!);
      nodes.delete(id);
      await engines.get(id)!.crash('kill');
    },
    disk: (id) => engines.get(id)!,
    databases: (id) => engines.get(id)!.life().list(),
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()));
      for (const life of lives.values()) end(life);
      await Promise.all([...lives.keys()].map((node) => node.close().catch(() => {})));
    },
  };
}

/** A process: what it asks and is asked ends with it. */
interface Life {
  readonly isNode: boolean;
  isCutOff: boolean;
  isOver: boolean;
  readonly onOver: Set<() => void>;
}

const newLife = (isNode: boolean): Life => ({ isNode, isCutOff: false, isOver: false, onOver: new Set() });

function end(life: Life): void {
  life.isOver = true;
  for (const over of life.onOver) over();
}
