// A node in memory with as many clients as a test needs. All that is said to it goes through bytes, as over TCP, so that a
// field that a version lacks is found out. Time runs faster than outside: groups wait in seconds.
import { type Client, createClient, inProcess } from '../../../core/client/index.ts';
import type { Clock } from '../../../core/kernel/clock.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import type { Network } from '../../../core/protocol/transport.ts';
import { createNode } from '../../../core/server/node.ts';
import type { NodeSettings } from '../../../core/server/node-config.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { strictTransport } from '../../support/strict-transport.ts';
import { fastClock } from './fast-clock.ts';

export interface TestNode extends AsyncDisposable {
  readonly clock: Clock;
  readonly network: Network;
  /** As the embedded log is used: the bytes themselves are handed over. */
  readonly direct: Network;
  client(name?: string, network?: Network): Client;
}

export async function startNode(settings: Partial<NodeSettings> = {}, speed = 10): Promise<TestNode> {
  const clock = fastClock(speed);
  const random = seededRandom(1);
  const node = await createNode({
    engine: createMemoryEngine(),
    clock,
    random,
    logger,
    settings: {
      'group.initial.rebalance.delay.ms': 0,
      'group.min.session.timeout.ms': 100,
      'offsets.topic.num.partitions': 4,
      'transaction.state.log.num.partitions': 4,
      'auto.create.topics.enable': false,
      ...settings,
    },
  });
  const network = inProcess(strictTransport(node));
  const clients: Client[] = [];
  return {
    clock,
    network,
    direct: inProcess(node),
    client(name = 'test', way = network) {
      const client = createClient({ network: way, clientId: name, clock, random, logger });
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()));
      await node[Symbol.asyncDispose]();
    },
  };
}

export const bytes = (value: string): Uint8Array => Buffer.from(value);
export const text = (value: Uint8Array | null): string | null =>
  value === null ? null : Buffer.from(value).toString();
