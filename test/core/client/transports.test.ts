import { MessageChannel } from 'node:worker_threads';
import { inProcess } from '../../../core/client/in-process.ts';
import { portNetwork, servePort } from '../../../core/client/port.ts';
import { transportContract } from '../../contracts/transport.ts';
import { strictTransport } from '../../support/strict-transport.ts';

// TCP runs the contract in tcp.test.ts.
const noConnection = { close: 'it holds no connection: the node, or the port, belongs to whoever made it' };

transportContract(
  'a node in this process',
  async (node) => ({ transport: await inProcess(node).bootstrap(), dispose: async () => {} }),
  noConnection,
);

transportContract(
  'a port',
  async (node) => {
    const { port1, port2 } = new MessageChannel();
    const stop = servePort(port1, node);
    const transport = await portNetwork(port2).bootstrap();
    return { transport, dispose: async () => stop() };
  },
  noConnection,
);

transportContract(
  'the strict one',
  async (node) => ({ transport: strictTransport(node), dispose: async () => {} }),
  noConnection,
);
