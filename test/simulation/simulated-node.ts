// A storage node that can be killed at any moment and opened again with what its databases had been told, and the way to it.
import type { Logger } from '../../core/kernel/logger.ts';
import type { Random } from '../../core/kernel/random.ts';
import { createNode, type StorageNode } from '../../core/server/node.ts';
import type { NodeSettings } from '../../core/server/node-config.ts';
import { createLossyEngine } from '../core/log/lossy-engine.ts';
import type { NodeAt } from './simulated-network.ts';
import type { SimulatedProcess, SimulatedTime } from './simulated-time.ts';
import { slowEngine } from './slow-engine.ts';

export interface SimulatedNode {
  readonly at: NodeAt;
  readonly isUp: boolean;
  /** Resolves when it serves. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Closes it in good order. */
  stop(): Promise<void>;
}

export interface SimulatedNodeOptions {
  readonly time: SimulatedTime;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: Partial<NodeSettings>;
  /** Connections to it break. */
  readonly onGone: () => void;
}

export function createSimulatedNode(options: SimulatedNodeOptions): SimulatedNode {
  const { time, random, logger } = options;
  const engine = createLossyEngine(random);
  let current: { readonly process: SimulatedProcess; readonly transport: StorageNode } | null = null;
  let lives = 0;

  return {
    at: () => current,
    get isUp() {
      return current !== null;
    },
    async start() {
      const process = time.process(`node ${++lives}`);
      const { settings } = options;
      const disk = slowEngine(engine.life(), process, random);
      const node = await createNode({ engine: disk, clock: process.clock, random, logger, settings });
      current = { process, transport: node };
    },
    async kill() {
      current?.process.kill();
      current = null;
      options.onGone();
      await engine.crash('kill');
    },
    async stop() {
      const stopping = current;
      if (stopping === null) return;
      current = null;
      await stopping.transport.close();
      stopping.process.kill();
      options.onGone();
    },
  };
}
