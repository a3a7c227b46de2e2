import { createServer } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../core/kernel/clock.ts';
import { isFault } from '../../../core/kernel/fault.ts';
import { createLatch } from '../../../core/kernel/latch.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { apiNames, type RequestInit } from '../../../core/protocol/api-table.ts';
import { type Listener, type ListenOptions, listen } from '../../../core/server/listener.ts';
import type { Router } from '../../../core/server/router.ts';
import { type RawClient, rawClient, requestBytes } from '../../support/raw-client.ts';
import { scriptedNode } from '../../support/scripted-node.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function start(options: Partial<ListenOptions> = {}) {
  const node = scriptedNode();
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    serve: node.serve,
    apis: apiNames,
    clock: systemClock,
    logger: silentLogger,
    ...options,
    limits: { closeMs: 0, ...options.limits },
  });
  undo.push(() => listener.close());
  return { node, listener, client: (localAddress?: string) => connectTo(listener, localAddress) };
}

async function connectTo({ port }: Listener, localAddress?: string): Promise<RawClient> {
  const client = await rawClient(port, localAddress === undefined ? {} : { localAddress });
  undo.push(() => client.close());
  return client;
}

const beat = (generationId: number): RequestInit<'heartbeat'> => ({ groupId: 'g', generationId, memberId: 'm' });
async function isServed(client: RawClient): Promise<boolean> {
  client.ask('heartbeat', 0, beat(3));
  return (await client.answer('heartbeat', 0).catch(() => null))?.response.errorCode === 3;
}

describe('the address', () => {
  test('nobody is served before the node is ready', async () => {
    let open = () => {};
    const opens = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { client } = await start({ opens });
    expect(await isServed(await client())).toBe(false);
    open();
    await opens;
    expect(await isServed(await client())).toBe(true);
  });

  test('port 0 is any free one, and what was bound is told', async () => {
    const { listener, client } = await start();
    expect(listener.host).toBe('127.0.0.1');
    expect(listener.port).toBeGreaterThan(0);
    expect(await isServed(await client())).toBe(true);
    expect(listener.connections).toBe(1);
  });

  test('one that is taken is refused', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    undo.push(() => other.close());
    const { port } = other.address() as { port: number };
    const thrown = await start({ port }).catch((error: unknown) => error);
    expect(isFault(thrown, 'CANNOT_LISTEN') && thrown.message).toBe(
      `can't listen on 127.0.0.1:${port}: the address is in use; stop what uses it, or choose another address`,
    );
  });

  test('a node that advertises the port it got is made after it; the first clients wait for it', async () => {
    const router = createLatch<Router>();
    const { listener, client } = await start({ serve: async (...call) => (await router.promise)(...call) });
    const early = await client();
    early.ask('heartbeat', 0, beat(8));
    expect(listener.port).toBeGreaterThan(0);
    router.resolve(scriptedNode().serve);
    expect((await early.answer('heartbeat', 0)).response.errorCode).toBe(8);
  });

  test('requests of an API without a handler end the connection', async () => {
    const { client } = await start({ apis: ['apiVersions', 'metadata'] });
    expect(await isServed(await client())).toBe(false);
  });
});

describe('limits', () => {
  test('connections above the limit are closed, with one line in the log, until one is free', async () => {
    const lines: object[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => void lines.push(fields) };
    const { listener, client } = await start({ logger, limits: { 'max.connections': 2 } });
    const [first, second] = [await client(), await client()];
    expect(await isServed(first)).toBe(true);
    expect(await isServed(second)).toBe(true);
    for (let i = 0; i < 3; i++) await (await client()).closed;
    expect(lines).toEqual([{ address: '127.0.0.1', connections: 2 }]);
    first.close();
    await vi.waitFor(() => expect(listener.connections).toBe(1));
    expect(await isServed(await client())).toBe(true);
  });

  test('each address has its own limit', async () => {
    const { client } = await start({ limits: { 'max.connections.per.ip': 1 } });
    expect(await isServed(await client('127.0.0.1'))).toBe(true);
    await (await client('127.0.0.1')).closed;
    expect(await isServed(await client('127.0.0.2'))).toBe(true);
  });

  test('a connection over which nothing goes is closed, and one whose request is carried out is not', async () => {
    const clock = createManualClock();
    const { node, listener, client } = await start({ clock, limits: { 'connections.max.idle.ms': 8_000 } });
    const [idle, busy, waits] = [await client(), await client(), await client()];
    for (const each of [idle, busy]) expect(await isServed(each)).toBe(true);
    waits.ask('fetch', 12, { maxWaitMs: 600_000, minBytes: 1 });
    await vi.waitFor(() => expect(node.open).toBe(1));
    clock.advance(7_000);
    expect(await isServed(busy)).toBe(true);
    clock.advance(2_000);
    await idle.closed;
    await vi.waitFor(() => expect(listener.connections).toBe(2));
    expect(await isServed(busy)).toBe(true);
    clock.advance(9_000);
    await busy.closed;
    expect(node.open).toBe(1);
  });

  test('a peer that sends half a frame and no more is idle', async () => {
    const clock = createManualClock();
    const { client } = await start({ clock, limits: { 'connections.max.idle.ms': 8_000 } });
    const half = await client();
    half.write(new Uint8Array([0, 0, 1, 0, 0, 3]));
    await systemClock.nextTurn();
    clock.advance(10_000);
    await half.closed;
  });

  const produceBytes = requestBytes('produce', 9, {
    acks: -1,
    topicData: [{ name: 't', partitionData: [{ index: 0, records: [new Uint8Array(200_000)] }] }],
  });
  const [half, rest] = [produceBytes.subarray(0, 100_000), produceBytes.subarray(100_000)];

  test('requests of all connections together are bounded: the next ones wait until there is room', async () => {
    const { client } = await start({ limits: { 'queued.max.request.bytes': 300_000 } });
    const [one, two, late] = [await client(), await client(), await client()];
    one.write(half);
    two.write(half);
    await systemClock.sleep(20); // nothing tells when the node has read it
    // What it sends first is read with what tells that it sends.
    expect(await isServed(late)).toBe(true);
    late.ask('heartbeat', 0, beat(5));
    await systemClock.sleep(20);
    expect(late.waiting).toBe(0);
    one.write(rest);
    await one.answer('produce', 9);
    expect((await late.answer('heartbeat', 0)).response.errorCode).toBe(5);
    two.write(rest);
    await two.answer('produce', 9);
  });

  test('whoever stalls within a request does not keep the room that others wait for', async () => {
    const clock = createManualClock();
    const { client } = await start({ clock, limits: { 'queued.max.request.bytes': 100_000 } });
    const [stalls, waits] = [await client(), await client()];
    stalls.write(half);
    await systemClock.sleep(20); // as above
    expect(await isServed(waits)).toBe(true);
    waits.ask('heartbeat', 0, beat(5));
    await systemClock.sleep(20);
    expect(waits.waiting).toBe(0);
    clock.advance((10 * 60_000) / 8);
    await stalls.closed;
    expect((await waits.answer('heartbeat', 0)).response.errorCode).toBe(5);
  });

  test('thousands of idle connections cost little, and do not slow down the one that works', async () => {
    const { listener, client } = await start();
    const count = 2_000;
    const clients: RawClient[] = [];
    const before = process.memoryUsage().rss;
    while (clients.length < count) clients.push(...(await Promise.all(Array.from({ length: 100 }, () => client()))));
    for (const each of clients) each.ask('apiVersions', 0, {});
    await Promise.all(clients.map((each) => each.answer('apiVersions', 0)));
    expect(listener.connections).toBe(count);
    // Both ends are in this process; measured, the two take about 25 KiB together.
    expect((process.memoryUsage().rss - before) / count).toBeLessThan(100 * 1024);
    const startedMs = systemClock.monotonicMs();
    for (let i = 0; i < 500; i++) expect(await isServed(clients[i * 3]!)).toBe(true);
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(5_000);
    for (const each of clients) each.close();
    await vi.waitFor(() => expect(listener.connections).toBe(0));
  });
});

describe('close', () => {
  test('ends what waits, answers what is begun, and takes nothing more', async () => {
    const { node, listener, client } = await start({ limits: { closeMs: 10_000 } });
    const [idle, fetches, produces] = [await client(), await client(), await client()];
    fetches.ask('fetch', 12, { maxWaitMs: 600_000, minBytes: 1 }, 5);
    node.hold();
    produces.ask('produce', 9, { acks: -1, topicData: [{ name: 't', partitionData: [{ index: 0 }] }] }, 6);
    produces.ask('heartbeat', 0, beat(0));
    await vi.waitFor(() => expect(node.open).toBe(2));
    const closed = listener.close();
    await idle.closed;
    expect((await fetches.answer('fetch', 12)).correlationId).toBe(5);
    node.release();
    expect((await produces.answer('produce', 9)).correlationId).toBe(6);
    await closed;
    await produces.closed;
    expect(node.begun).toEqual(['fetch', 'produce']);
    expect(listener.connections).toBe(0);
    await expect(client()).rejects.toThrow('ECONNREFUSED');
  });

  test('waits for no more than it says', async () => {
    const clock = createManualClock();
    const { node, listener, client } = await start({ clock, limits: { closeMs: 500 } });
    const stuck = await client();
    node.hold();
    stuck.ask('produce', 9, { acks: -1, topicData: [] });
    await vi.waitFor(() => expect(node.open).toBe(1));
    const closed = listener.close();
    expect(listener.close()).toBe(closed);
    await systemClock.nextTurn();
    expect(listener.connections).toBe(1);
    clock.advance(500);
    await closed;
    await stuck.closed;
    node.release();
  });
});
