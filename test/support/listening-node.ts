// A node in memory behind a port of this machine, for what takes an address.
import { type Client, createClient, tcpNetwork } from '../../core/client/index.ts';
import { systemClock as clock } from '../../core/kernel/clock.ts';
import { silentLogger as logger } from '../../core/kernel/logger.ts';
import { systemRandom as random } from '../../core/kernel/random.ts';
import { listen } from '../../core/server/listener.ts';
import { createNode } from '../../core/server/node.ts';
import type { NodeSettings } from '../../core/server/node-config.ts';
import { servedApis } from '../../core/server/router.ts';
import { createMemoryEngine } from '../../core/storage/memory-storage.ts';

export interface ListeningNode extends AsyncDisposable {
  readonly bootstrap: string;
  readonly client: Client;
}

export async function startListeningNode(given: Partial<NodeSettings> = {}): Promise<ListeningNode> {
  const host = '127.0.0.1';
  const listener = await listen({
    host,
    port: 0,
    serve: async (...call) => (await node).serve(...call),
    apis: servedApis,
    clock,
    logger,
    limits: { closeMs: 100 },
  });
  const settings: Partial<NodeSettings> = {
    host,
    port: listener.port,
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.num.partitions': 2,
    'transaction.state.log.num.partitions': 2,
    ...given,
  };
  const node = createNode({ engine: createMemoryEngine(), clock, random, logger, settings });
  await node;
  const bootstrap = `${host}:${listener.port}`;
  const client = createClient({ network: tcpNetwork({ bootstrap }) });
  return {
    bootstrap,
    client,
    async [Symbol.asyncDispose]() {
      await client.close();
      await listener.close();
      await (await node).close();
    },
  };
}
