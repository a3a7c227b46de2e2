import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseBootstrap } from '../../../core/client/address.ts';
import { tcpNetwork } from '../../../core/client/tcp.ts';
import { systemClock } from '../../../core/kernel/clock.ts';
import { isFault } from '../../../core/kernel/fault.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { apiNames, apis } from '../../../core/protocol/api-table.ts';
import type { Transport } from '../../../core/protocol/transport.ts';
import { type Listener, listen } from '../../../core/server/listener.ts';
import { transportContract } from '../../contracts/transport.ts';
import { scriptedNode } from '../../support/scripted-node.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const networkTo = (bootstrap: string) =>
  tcpNetwork({ bootstrap, clientId: 'test', clock: systemClock, random: seededRandom(1), connectTimeoutMs: 5_000 });

const listenFor = (node: Transport, port = 0): Promise<Listener> =>
  listen({
    host: '127.0.0.1',
    port,
    serve: (api, version, request, { signal }) =>
      node.call(api, version, request, signal === undefined ? {} : { signal }),
    apis: apiNames,
    clock: systemClock,
    logger: silentLogger,
    limits: { closeMs: 0 },
  });

transportContract('TCP', async (node) => {
  const listener = await listenFor(node);
  const transport = await networkTo(`127.0.0.1:${listener.port}`).bootstrap();
  return {
    transport,
    async dispose() {
      await transport.close();
      await listener.close();
    },
  };
});

async function scripted() {
  const node = scriptedNode();
  const start = (port: number) =>
    listen({
      host: '127.0.0.1',
      port,
      serve: node.serve,
      apis: apiNames,
      clock: systemClock,
      logger: silentLogger,
      limits: { closeMs: 0 },
    });
  const listener = await start(0);
  const { port } = listener;
  const transport = await networkTo(`127.0.0.1:${port}`).bootstrap();
  undo.push(() => transport.close());
  const answers = async (n: number) =>
    (await transport.call('heartbeat', 4, apis.heartbeat.request.create({ generationId: n }))).errorCode === n;
  return { node, listener, port, transport, answers, restart: () => start(port) };
}

/** A peer that writes whatever the test says at the first bytes it gets. */
async function peer(reply: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => reply(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

describe('connections', () => {
  test('one that the node closed is opened again for the next call', async () => {
    const { listener, restart, answers } = await scripted();
    expect(await answers(1)).toBe(true);
    await listener.close();
    const failed = await answers(2).catch((error: unknown) => error);
    expect(isFault(failed, 'CONNECTION_LOST') && failed.retriable).toBe(true);
    const again = await restart();
    undo.push(() => again.close());
    expect(await Promise.all([answers(3), answers(4), answers(5)])).toEqual([true, true, true]);
    expect(again.connections).toBe(1);
  });

  test('those for what waits are used again, and few are kept', async () => {
    const { listener, transport } = await scripted();
    undo.push(() => listener.close());
    const fetchNow = apis.fetch.request.create({ maxWaitMs: 0, minBytes: 0 });
    for (let i = 0; i < 10; i++) await transport.call('fetch', 12, fetchNow);
    expect(listener.connections).toBe(2);
    await Promise.all(Array.from({ length: 20 }, () => transport.call('fetch', 12, fetchNow)));
    await vi.waitFor(() => expect(listener.connections).toBe(5));
  });

  test('a producer that wants no answer is told when it is sent', async () => {
    const { node, listener, transport, answers } = await scripted();
    undo.push(() => listener.close());
    const topicData = [{ name: 't', partitionData: [{ index: 0, records: [new Uint8Array(61)] }] }];
    await transport.call('produce', 9, apis.produce.request.create({ acks: 0, topicData }));
    await vi.waitFor(() => expect(node.begun).toEqual(['produce']));
    expect(await answers(6)).toBe(true);
  });

  test('heartbeats do not queue behind what is written', async () => {
    const { node, listener, transport, answers } = await scripted();
    undo.push(() => listener.close());
    node.hold();
    const topicData = [{ name: 't', partitionData: [{ index: 0, records: [new Uint8Array(61)] }] }];
    const produce = apis.produce.request.create({ acks: -1, topicData });
    const written = Array.from({ length: 5 }, () => transport.call('produce', 9, produce));
    await vi.waitFor(() => expect(node.open).toBe(5));
    expect(await answers(6)).toBe(true);
    node.release();
    const offsets = (await Promise.all(written)).map(
      ({ responses }) => responses[0]!.partitionResponses[0]!.baseOffset,
    );
    expect(offsets).toEqual([0, 1, 2, 3, 4]);
    expect(listener.connections).toBe(2);
  });

  test('a call that is given up while the connection is opened rejects at once', async () => {
    const { listener, transport, node } = await scripted();
    undo.push(() => listener.close());
    const abort = new AbortController();
    const call = transport.call('fetch', 12, apis.fetch.request.create({}), { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    expect(node.begun).toEqual([]);
  });
});

describe('what is wrong at the other end', () => {
  const call = async (bootstrap: string) => {
    const transport = await networkTo(bootstrap).bootstrap();
    undo.push(() => transport.close());
    return transport.call('heartbeat', 4, apis.heartbeat.request.create({})).catch((error: unknown) => error);
  };
  test.each([
    ['another answer', Buffer.from('00000005000000ff00', 'hex'), 'no answer to heartbeat'],
    ['half an answer', Buffer.from('000000060000000000ff', 'hex'), 'no answer to heartbeat'],
    ['a web page', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'a frame of 1213486160 bytes'],
    ['its end', null, 'it closed the connection'],
  ])('%s is a lost connection', async (_, bytes, reason) => {
    const bootstrap = await peer((socket) => (bytes === null ? socket.end() : socket.write(bytes)));
    const failed = await call(bootstrap);
    expect(isFault(failed, 'CONNECTION_LOST') && failed.message).toContain(reason);
  });

  test('an answer that was not asked for is the end of the connection', async () => {
    const answer = Buffer.from('0000000b' + '00000000' + '00' + '00000000' + '0005', 'hex');
    const bootstrap = await peer((socket) => socket.write(Buffer.concat([answer, answer])));
    const first = await call(bootstrap);
    expect(isFault(first, 'CONNECTION_LOST')).toBe(true);
  });

  test('where nothing listens, the error says so and which address it is', async () => {
    const { listener } = await scripted();
    await listener.close();
    const failed = await networkTo(`127.0.0.1:${listener.port}`)
      .bootstrap()
      .catch((error: unknown) => error);
    expect(isFault(failed, 'CONNECTION_LOST') && failed.message).toBe(
      `lost the connection to 127.0.0.1:${listener.port}: nothing listens there`,
    );
  });

  test('of several addresses any that answers will do', async () => {
    const { listener } = await scripted();
    undo.push(() => listener.close());
    for (let i = 0; i < 5; i++) {
      const transport = await networkTo(`127.0.0.1:1, 127.0.0.1:2,127.0.0.1:${listener.port}`).bootstrap();
      undo.push(() => transport.close());
    }
    expect(listener.connections).toBeGreaterThanOrEqual(5);
  });
});

test('addresses', () => {
  expect(parseBootstrap('a:1,[::1]:9092 , b.c:65535')).toEqual([
    { host: 'a', port: 1 },
    { host: '::1', port: 9092 },
    { host: 'b.c', port: 65_535 },
  ]);
  for (const given of ['', 'a', 'a:0', 'a:65536', '::1:9092', 'a:1,', 'a b:1', 'a:x']) {
    expect(() => parseBootstrap(given), given).toThrow('write host:port');
  }
});
