// A machine that runs workers of the job: one process with a disk. It joins, leaves in good order, dies with everything
// in memory, loses its network, stands still, and starts again with the disk as the crash left it.
import { createClient } from '../../core/client/index.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import { type Random, seededRandom } from '../../core/kernel/random.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import type { Layout } from '../../runtime/worker/layout.ts';
import { startWorker, type Worker } from '../../runtime/worker/worker.ts';
import { createLossyEngine, type LossyEngine } from '../core/log/lossy-engine.ts';
import { createLink, type Link, type NodeAt } from './simulated-network.ts';
import type { SimulatedProcess, SimulatedTime } from './simulated-time.ts';
import { slowEngine } from './slow-engine.ts';

export interface HostParts {
  readonly time: SimulatedTime;
  readonly nodeAt: NodeAt;
  readonly random: Random;
  readonly loggerOf: (process: string) => Logger;
  readonly topology: Topology;
  readonly layout: Layout;
  readonly onBug: (error: Error) => void;
  readonly trace?: (line: string) => void;
  /** A worker ended by itself. */
  readonly onFailed: (host: string, error: unknown) => void;
}

export interface Host {
  readonly name: string;
  readonly isUp: boolean;
  readonly link: Link;
  readonly process: SimulatedProcess;
  readonly workers: readonly Worker[];
  /** Its disk; only to be looked at while it is down. */
  readonly disk: LossyEngine;
  start(workers: number): void;
  /** Resolves when all its workers have left. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export function createHost(name: string, parts: HostParts): Host {
  const { time, random, topology, layout } = parts;
  const disk = createLossyEngine(random);
  let lives = 0;
  let process: SimulatedProcess;
  let link: Link;
  let workers: Worker[] = [];
  let isUp = false;

  return {
    name,
    disk,
    get isUp() {
      return isUp;
    },
    get link() {
      return link;
    },
    get process() {
      return process;
    },
    get workers() {
      return workers;
    },
    start(count) {
      const life = `${name}.${++lives}`;
      const own = time.process(life);
      process = own;
      link = createLink({ ...parts, process });
      isUp = true;
      const stateEngine = slowEngine(disk.life(), own, random);
      workers = Array.from({ length: count }, (_, index) => {
        const logger = parts.loggerOf(`${life}/${index}`);
        const { clock } = own;
        const shared = { clock, random: seededRandom(random.integer(2 ** 31)), logger };
        const client = createClient({ ...shared, network: link.network, clientId: `${name}-${index}` });
        // Most disks come back under the name that they had.
        const workerId = random.next() < 0.8 ? `${name}-${index}` : `${life}-${index}`;
        const worker = startWorker({
          ...shared,
          topology,
          layout,
          client,
          stateEngine,
          workerId,
          processId: name,
          alone: false,
          from: 'earliest',
          commitWhenIdle: random.next() < 0.5,
        });
        worker.done.catch((error: unknown) => {
          if (own.alive) parts.onFailed(name, error);
        });
        return worker;
      });
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()));
      isUp = false;
      process.kill();
    },
    async kill() {
      isUp = false;
      process.kill();
      link.cut();
      await disk.crash('kill');
    },
  };
}
