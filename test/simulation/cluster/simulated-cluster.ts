// Nodes of a cluster in one simulation: each a process with a disk of its own, and between any two processes a link that can
// be cut one way or both. A node is killed with what its disk was not told, stands still, leaves in good order, comes back.
import type { Logger } from '../../../core/kernel/logger.ts';
import { type Random, seededRandom } from '../../../core/kernel/random.ts';
import type { Network, Transport } from '../../../core/protocol/transport.ts';
import { createNode, type StorageNode } from '../../../core/server/node.ts';
import type { NodeSettings } from '../../../core/server/node-config.ts';
import type { StorageEngine } from '../../../core/storage/storage.ts';
import { createLossyEngine, type LossyEngine } from '../../core/log/lossy-engine.ts';
import { createLink, type Link, type Weather } from '../simulated-network.ts';
import type { SimulatedProcess, SimulatedTime } from '../simulated-time.ts';
import { slowEngine } from '../slow-engine.ts';
import { createVoteWatch } from './vote-watch.ts';

export interface ClusterParts {
  readonly time: SimulatedTime;
  readonly random: Random;
  readonly count: number;
  readonly weather: Weather;
  readonly loggerOf: (process: string) => Logger;
  readonly settings: Partial<NodeSettings>;
  /** Of the nodes' clocks, each drawn. */
  readonly skewed: boolean;
  readonly entriesOverSnapshotMax: number;
  readonly onBug: (error: Error) => void;
  readonly trace?: (line: string) => void;
  readonly spoil?: Spoil;
}

/** A fault that is put in on purpose: what a node is made of, or how clients reach it, changed. */
export interface Spoil {
  readonly node?: (made: NodeMade) => NodeMade;
  readonly client?: (network: Network) => Network;
}

export interface NodeMade {
  readonly id: number;
  readonly engine: StorageEngine;
  readonly network: Network;
}

export interface ClusterNode {
  readonly id: number;
  readonly disk: LossyEngine;
  readonly isUp: boolean;
  readonly process: SimulatedProcess | null;
  readonly node: StorageNode | null;
  /** Resolves once it is made; it may wait for its cluster then. */
  start(): Promise<void>;
  /** 'powerLoss' takes what was written without being synced. */
  kill(kind?: 'kill' | 'powerLoss'): Promise<void>;
  stop(): Promise<void>;
}

export interface SimulatedCluster {
  readonly nodes: readonly ClusterNode[];
  /** For a process that isn't a node. */
  networkFor(process: SimulatedProcess): Network;
  /** From the one to the other; what the other begins still gets through. */
  cut(from: number, to: number): void;
  mend(): void;
}

interface Life {
  readonly process: SimulatedProcess;
  readonly node: StorageNode;
  readonly transport: Transport;
  /** Clients find nobody there before the node is ready; other nodes do. */
  serves: boolean;
}

export function createSimulatedCluster(parts: ClusterParts): SimulatedCluster {
  const { time, random, count } = parts;
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  const lives = new Map<number, Life>();
  const links = new Map<string, Link>();
  const cuts = new Set<string>();
  const watched = createVoteWatch(parts.onBug);

  /** A link lives with the process that it comes from. */
  function networkFor(process: SimulatedProcess, from = 0): Network {
    const own = new Map(
      ids.map((id) => {
        const { random: chance, onBug, trace } = parts;
        const nodeAt = () => {
          const life = lives.get(id);
          return life !== undefined && (from > 0 || life.serves) ? life : null;
        };
        const link = createLink({ process, nodeAt, random: chance, onBug, ...(trace && { trace }) });
        link.weather = parts.weather;
        if (cuts.has(`${from} ${id}`)) link.cut();
        links.set(`${process.name} ${from} ${id}`, link);
        return [id, link];
      }),
    );
    return {
      async bootstrap() {
        const first = random.integer(ids.length);
        for (let i = 0; ; i++) {
          try {
            return await own.get(ids[(first + i) % ids.length]!)!.network.bootstrap();
          } catch (error) {
            if (i === ids.length - 1) throw error;
          }
        }
      },
      connect: (address) => own.get(address.nodeId)!.network.connect(address),
    };
  }

  const linksOf = (matches: (from: number, to: number) => boolean) =>
    [...links].flatMap(([name, link]) => {
      const [from, to] = name.split(' ').slice(-2).map(Number) as [number, number];
      return matches(from, to) ? [link] : [];
    });

  function gone(id: number): void {
    for (const link of linksOf((_, to) => to === id)) link.nodeDied();
    for (const name of [...links.keys()]) if (Number(name.split(' ').at(-2)) === id) links.delete(name);
  }

  function createOne(id: number): ClusterNode {
    const disk = createLossyEngine(random);
    const skew = { offsetMs: (random.next() - 0.5) * 60_000, rate: 0.98 + random.next() * 0.04 };
    let made = 0;
    let process: SimulatedProcess | null = null;
    return {
      id,
      disk,
      get isUp() {
        return process !== null;
      },
      get process() {
        return process;
      },
      get node() {
        return lives.get(id)?.node ?? null;
      },
      async start() {
        const own = time.process(`node-${id}.${++made}`, parts.skewed ? skew : undefined);
        process = own;
        const plain: NodeMade = {
          id,
          engine: slowEngine(disk.life(), own, random),
          network: networkFor(own, id),
        };
        const { engine, network } = parts.spoil?.node?.(plain) ?? plain;
        const node = await createNode({
          ...{ engine, clock: own.clock, random: seededRandom(random.integer(2 ** 31)) },
          logger: parts.loggerOf(own.name),
          settings: { nodeId: id, host: 'node', port: 9_000 + id, ...parts.settings },
          cluster: {
            controllers: ids.map((nodeId) => ({ nodeId, host: 'node', port: 9_000 + nodeId })),
            network,
            entriesOverSnapshotMax: parts.entriesOverSnapshotMax,
          },
        });
        if (!own.alive) return;
        const life: Life = { process: own, node, transport: watched(node), serves: false };
        lives.set(id, life);
        void node.ready.then(
          () => {
            life.serves = true;
          },
          () => {},
        );
      },
      async kill(kind = 'kill') {
        process?.kill();
        process = null;
        lives.delete(id);
        gone(id);
        await disk.crash(kind);
      },
      async stop() {
        const stopping = lives.get(id);
        if (stopping === undefined) return;
        await stopping.node.close();
        lives.delete(id);
        process?.kill();
        process = null;
        gone(id);
      },
    };
  }

  return {
    nodes: ids.map(createOne),
    networkFor(process) {
      const network = networkFor(process);
      return parts.spoil?.client?.(network) ?? network;
    },
    cut(from, to) {
      cuts.add(`${from} ${to}`);
      for (const link of linksOf((a, b) => a === from && b === to)) link.cut();
    },
    mend() {
      cuts.clear();
      for (const link of linksOf(() => true)) if (link.isCut) link.mend();
    },
  };
}
