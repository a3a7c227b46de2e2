import { afterEach, describe, expect, test, vi } from 'vitest';
import { ByteReader } from '../../../core/kernel/byte-reader.ts';
import { ByteWriter } from '../../../core/kernel/byte-writer.ts';
import { systemClock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import type { Logger } from '../../../core/kernel/logger.ts';
import { apiNames, apis, type RequestInit } from '../../../core/protocol/api-table.ts';
import { type ListenerLimits, listen } from '../../../core/server/listener.ts';
import { type RawClient, rawClient, requestBytes } from '../../support/raw-client.ts';
import { type ScriptedNode, scriptedNode } from '../../support/scripted-node.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface Line {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

async function start(limits: Partial<ListenerLimits> = {}, node: ScriptedNode = scriptedNode()) {
  const lines: Line[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: fields as Line['fields'], message });
  const logger: Logger = { debug: () => {}, info: note('info'), warn: note('warn'), error: note('error') };
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    serve: node.serve,
    apis: apiNames,
    clock: systemClock,
    logger,
    limits: { closeMs: 0, ...limits },
  });
  undo.push(() => listener.close());
  const client = async (): Promise<RawClient> => {
    const made = await rawClient(listener.port);
    undo.push(() => made.close());
    return made;
  };
  return { node, listener, lines, client };
}

const beat = (generationId: number): RequestInit<'heartbeat'> => ({ groupId: 'g', generationId, memberId: 'm' });
const records = (name: string, acks = -1, bytes = 61): RequestInit<'produce'> => ({
  acks,
  timeoutMs: 1_000,
  topicData: [{ name, partitionData: [{ index: 0, records: [new Uint8Array(bytes)] }] }],
});
const waitingFetch: RequestInit<'fetch'> = { maxWaitMs: 600_000, minBytes: 1 };
const fetchNow: RequestInit<'fetch'> = { maxWaitMs: 0, minBytes: 0 };

describe('order', () => {
  test('answers come in the order of the requests, with their correlation ids', async () => {
    const { client } = await start();
    const raw = await client();
    const pipelined = Array.from({ length: 200 }, (_, i) => requestBytes('heartbeat', i % 5, beat(i), 1_000 + i));
    raw.write(Buffer.concat(pipelined));
    for (let i = 0; i < 200; i++) {
      const { correlationId, response } = await raw.answer('heartbeat', i % 5);
      expect([correlationId, response.errorCode]).toEqual([1_000 + i, i]);
    }
  });

  test('a request is answered however its bytes arrive', async () => {
    const { client } = await start();
    const raw = await client();
    for (const byte of requestBytes('heartbeat', 4, beat(7))) {
      raw.write(new Uint8Array([byte]));
      await systemClock.nextTurn();
    }
    expect((await raw.answer('heartbeat', 4)).response.errorCode).toBe(7);
  });

  test('produce requests overlap and are answered in order; another request waits for them', async () => {
    const { node, client } = await start();
    const raw = await client();
    node.hold();
    for (let i = 0; i < 3; i++) raw.ask('produce', 9, records('t'), i);
    raw.ask('heartbeat', 0, beat(5), 3);
    raw.ask('produce', 9, records('t'), 4);
    await vi.waitFor(() => expect(node.begun).toEqual(['produce', 'produce', 'produce']));
    expect(raw.waiting).toBe(0);
    node.release();
    for (const [i, baseOffset] of [0, 1, 2].entries()) {
      const { correlationId, response } = await raw.answer('produce', 9);
      expect([correlationId, response.responses[0]!.partitionResponses[0]!.baseOffset]).toEqual([i, baseOffset]);
    }
    expect((await raw.answer('heartbeat', 0)).correlationId).toBe(3);
    expect((await raw.answer('produce', 9)).correlationId).toBe(4);
    expect(node.begun).toEqual(['produce', 'produce', 'produce', 'heartbeat', 'produce']);
  });

  test('what was answered before a request that ends the connection reaches the client', async () => {
    const script = scriptedNode();
    const serve: ScriptedNode['serve'] = async (api, version, request, caller) => {
      const answer = await script.serve(api, version, request, caller);
      if (caller.clientId === 'lost') throw new Fault('CONNECTION_LOST', { to: 'node 1', reason: 'it is cut off' });
      return answer;
    };
    const { client } = await start({}, { ...script, serve });
    const raw = await client();
    const ask = (id: number, clientId: string) => requestBytes('produce', 9, records('t'), id, clientId);
    raw.write(ask(1, 'one'), ask(2, 'one'), ask(3, 'lost'), ask(4, 'one'));
    expect((await raw.answer('produce', 9)).correlationId).toBe(1);
    expect((await raw.answer('produce', 9)).correlationId).toBe(2);
    await raw.closed;
    expect(raw.waiting).toBe(0);
  });

  test('a fetch that waits holds up its own connection only, and ends when the client goes', async () => {
    const { node, client } = await start();
    const [waits, other] = [await client(), await client()];
    waits.ask('fetch', 12, waitingFetch, 1);
    waits.ask('heartbeat', 0, beat(1), 2);
    await vi.waitFor(() => expect(node.open).toBe(1));
    other.ask('heartbeat', 0, beat(9));
    expect((await other.answer('heartbeat', 0)).response.errorCode).toBe(9);
    expect(node.begun).toEqual(['fetch', 'heartbeat']);
    waits.close();
    await vi.waitFor(() => expect(node.open).toBe(0));
    await waits.closed;
    // Who goes has perhaps asked elsewhere what waited behind it: it is not begun any more.
    expect(node.begun).toEqual(['fetch', 'heartbeat']);
  });

  test('a request with acks 0 gets no answer, and the next one gets its own', async () => {
    const { node, client } = await start();
    const raw = await client();
    raw.ask('produce', 7, records('t', 0), 1);
    raw.ask('heartbeat', 0, beat(3), 2);
    expect(await raw.answer('heartbeat', 0)).toMatchObject({ correlationId: 2, response: { errorCode: 3 } });
    expect(node.begun).toEqual(['produce', 'heartbeat']);
  });

  test('what a producer without acks sent before it went is carried out', async () => {
    const { node, client, listener } = await start();
    const raw = await client();
    for (let i = 0; i < 500; i++)
      raw.ask(i % 50 === 0 ? 'heartbeat' : 'produce', 4, (i % 50 === 0 ? beat(0) : records('t', 0)) as never);
    raw.socket.end();
    await vi.waitFor(() => expect(node.begun).toHaveLength(500));
    await vi.waitFor(() => expect(listener.connections).toBe(0));
  });

  test('a handler is told who asks', async () => {
    const { node, client } = await start();
    const raw = await client();
    raw.write(requestBytes('heartbeat', 0, beat(0), 1, 'one'), requestBytes('heartbeat', 4, beat(0), 2, null));
    await raw.answer('heartbeat', 0);
    await raw.answer('heartbeat', 4);
    expect(node.callers.map(({ clientId, clientHost }) => [clientId, clientHost])).toEqual([
      ['one', '/127.0.0.1'],
      ['', '/127.0.0.1'],
    ]);
  });
});

describe('what is not understood', () => {
  const header = (key: number, version: number) => {
    const writer = new ByteWriter();
    writer.int32(11);
    writer.int16(key);
    writer.int16(version);
    writer.int32(1);
    writer.int16(-1);
    writer.int8(0);
    return writer.take();
  };
  test.each([
    ['text', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'a frame of 1195725856 bytes'],
    ['a negative length', new Uint8Array([0xff, 0xff, 0xff, 0xf0]), 'a frame of -16 bytes'],
    ['a frame above the cap', new Uint8Array([0, 0x40, 0, 1]), 'at most 4194304'],
    ['a frame of nothing', new Uint8Array(4), 'bytes wanted'],
    ['an API that nobody knows', header(9_999, 0), 'API 9999'],
    ['an API for brokers among themselves', header(4, 0), 'API 4'],
    ['a version that is too new', header(1, 99), 'fetch in version 99'],
    ['a version below zero', header(3, -1), 'metadata in version -1'],
    ['a request that ends early', header(12, 0), 'bytes wanted'],
    ['half a header', new Uint8Array([0, 0, 0, 5, 0, 3, 0, 1, 0]), 'bytes wanted'],
  ])('%s closes the connection with one line in the log, and no other', async (_, bytes, reason) => {
    const { client, lines } = await start({ 'socket.request.max.bytes': 4 * 1024 * 1024 });
    const [bad, good] = [await client(), await client()];
    const { localPort } = bad.socket;
    bad.write(bytes, requestBytes('heartbeat', 0, beat(1)), bytes);
    await bad.closed;
    expect(lines).toEqual([
      {
        level: 'warn',
        fields: { client: `/127.0.0.1:${localPort}`, reason: expect.stringContaining(reason) },
        message: 'connection closed: it sent what is no request',
      },
    ]);
    good.ask('heartbeat', 0, beat(4));
    expect((await good.answer('heartbeat', 0)).response.errorCode).toBe(4);
  });

  test('a newer ApiVersions is answered as version 0 with the range to choose from (KIP-511)', async () => {
    const { client } = await start();
    const raw = await client();
    const bytes = requestBytes('apiVersions', 3, { clientSoftwareName: 'x', clientSoftwareVersion: '1' }, 77);
    bytes[7] = 99;
    raw.write(bytes);
    const { correlationId, response } = await raw.answer('apiVersions', 0);
    expect([correlationId, response.errorCode]).toEqual([77, 35]);
    expect(response.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }]);
    raw.ask('apiVersions', 0, {});
    expect((await raw.answer('apiVersions', 0)).response.apiKeys.length).toBeGreaterThan(20);
  });

  const oldProduce = (version: number, acks: number) => {
    const writer = new ByteWriter();
    writer.int16(0);
    writer.int16(version);
    writer.int32(5);
    writer.int16(1);
    writer.utf8('c');
    writer.int16(acks);
    writer.int32(1_000);
    writer.int32(1);
    writer.int16(1);
    writer.utf8('t');
    writer.int32(1);
    writer.int32(8);
    writer.int32(3);
    writer.bytes(new Uint8Array(3));
    const body = writer.take();
    const length = new ByteWriter();
    length.int32(body.length);
    return Buffer.concat([length.take(), body]);
  };
  const topicOfOne = '00000005' + '00000001' + '000174' + '00000001' + '00000008' + '0023' + 'ff'.repeat(8);
  test.each([
    [0, topicOfOne],
    [1, topicOfOne + '00000000'],
    [2, topicOfOne + 'ff'.repeat(8) + '00000000'],
  ])('Produce %i is refused in its own shape, as librdkafka needs it (KAFKA-18659)', async (version, answer) => {
    const { client, node } = await start();
    const raw = await client();
    raw.write(oldProduce(version, 1));
    expect(Buffer.from(await raw.frame()).toString('hex')).toBe(answer);
    raw.write(oldProduce(version, 0));
    await raw.closed;
    expect(node.begun).toEqual([]);
  });

  test('a failure that a producer without acks is to learn of closes the connection', async () => {
    const { client, lines } = await start();
    const raw = await client();
    raw.ask('produce', 7, records('none', 0));
    await raw.closed;
    expect(lines).toEqual([]);
  });

  test('what nobody foresaw in a handler ends that connection only, and is logged as a mistake of ours', async () => {
    const { client, lines } = await start();
    const [bad, good] = [await client(), await client()];
    bad.ask('findCoordinator', 0, { key: 'g' });
    await bad.closed;
    expect(lines.map(({ level, fields }) => [level, fields['api'], (fields['err'] as Error).message])).toEqual([
      ['error', 'findCoordinator', 'nobody foresaw this'],
    ]);
    good.ask('heartbeat', 0, beat(4));
    expect((await good.answer('heartbeat', 0)).response.errorCode).toBe(4);
  });

  test('an answer that its version can not say is a mistake of ours, and ends that connection', async () => {
    const node = scriptedNode();
    const { create } = apis.metadata.response;
    const wrong = { ...node, serve: async () => create({ topics: [{ name: null, topicId: 'no uuid' }] }) as never };
    const { client, lines } = await start({}, wrong);
    const raw = await client();
    raw.ask('metadata', 12, {});
    await raw.closed;
    expect(lines.map(({ level, fields }) => [level, (fields['err'] as { code: string }).code])).toEqual([
      ['error', 'CANNOT_ENCODE'],
    ]);
  });
});

describe('pressure', () => {
  test('a client that sends faster than is carried out has to wait, and everything is answered', async () => {
    const { node, client } = await start({ requestsInFlightMax: 8 });
    const raw = await client();
    node.hold();
    const count = 400;
    for (let i = 0; i < count; i++) raw.ask('produce', 9, records('t', -1, 64 * 1024), i);
    await vi.waitFor(() => expect(node.begun).toHaveLength(8));
    // 25 MiB were written; what neither side's kernel takes stays with the client.
    await systemClock.nextTurn();
    expect(raw.socket.writableLength).toBeGreaterThan(8 * 1024 * 1024);
    expect(node.begun).toHaveLength(8);
    node.release();
    for (let i = 0; i < count; i++) expect((await raw.answer('produce', 9)).correlationId).toBe(i);
  });

  test('requests are bounded in bytes, too', async () => {
    const { node, client } = await start({ requestBytesInFlightMax: 200_000 });
    const raw = await client();
    node.hold();
    for (let i = 0; i < 400; i++) raw.ask('produce', 9, records('t', -1, 64 * 1024), i);
    await vi.waitFor(() => expect(node.open).toBeGreaterThan(2));
    await systemClock.nextTurn();
    expect(node.open).toBeLessThan(8);
    node.release();
    for (let i = 0; i < 400; i++) expect((await raw.answer('produce', 9)).correlationId).toBe(i);
  });

  test('no more is carried out for a client that does not read its answers', async () => {
    const stored = [new Uint8Array(1024 * 1024).fill(1), new Uint8Array(1024 * 1024).fill(2)];
    const node = scriptedNode({ records: stored });
    const { client } = await start({}, node);
    const [slow, other] = [await client(), await client()];
    slow.socket.pause();
    for (let i = 0; i < 100; i++) slow.ask('fetch', 4, fetchNow, i);
    await vi.waitFor(() => expect(node.begun.length).toBeGreaterThan(1));
    other.ask('heartbeat', 0, beat(4));
    await other.answer('heartbeat', 0);
    // 200 MiB were asked for: what the kernel takes and one answer more are made.
    const begun = node.begun.length;
    expect(begun).toBeLessThan(20);
    slow.socket.resume();
    for (let i = 0; i < 100; i++) {
      const { correlationId, response } = await slow.answer('fetch', 4);
      const [bytes] = response.responses[0]!.partitions[0]!.records!;
      expect([correlationId, bytes!.length, bytes![0], bytes![2 ** 21 - 1]]).toEqual([i, 2 ** 21, 1, 2]);
    }
  });

  test('an answer of many small and large pieces arrives as it was encoded', async () => {
    const pieces = Array.from({ length: 3_000 }, (_, i) => new Uint8Array(1 + ((i * 37) % 5_000)).fill(i));
    const { client } = await start({}, scriptedNode({ records: pieces }));
    const raw = await client();
    raw.ask('fetch', 17, fetchNow, 6);
    const reader = new ByteReader(await raw.frame());
    reader.skip(5);
    const response = apis.fetch.response.decode(reader, 17);
    expect(Buffer.compare(response.responses[0]!.partitions[0]!.records![0]!, Buffer.concat(pieces))).toBe(0);
  });
});
