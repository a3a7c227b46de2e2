import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createCluster } from '../../../core/client/cluster.ts';
import { createFetcher } from '../../../core/client/fetcher.ts';
import { portNetwork, servePort } from '../../../core/client/port.ts';
import { createProducer } from '../../../core/client/producer.ts';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { apis } from '../../../core/protocol/api-table.ts';
import type { Transport } from '../../../core/protocol/transport.ts';
import { createMemoryCluster } from './memory-cluster.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function connect(transport: Transport) {
  const { port1, port2 } = new MessageChannel();
  const stop = servePort(port1, transport);
  stops.push(stop);
  return { network: portNetwork(port2), stop, port: port2 };
}

const fetchRequest = apis.fetch.request.create({ topics: [{ topic: 't', partitions: [{ partition: 0 }] }] });

describe('a transport over a port', () => {
  test('carries produce and fetch: records arrive as they were sent, and the sender keeps its own', async () => {
    const memory = createMemoryCluster(clock);
    memory.createTopic('t', 1);
    const { network } = connect(await memory.bootstrap());
    const cluster = createCluster({ network, clock, random: seededRandom(1), logger, clientId: 'test' });
    const producer = createProducer(cluster, { batchBytes: 1_000 });
    for (let i = 0; i < 500; i++) producer.write('t', 0, i, Buffer.from(`k${i}`), Buffer.from(`v${i}`));
    await producer.flush();
    expect(producer.lastOffset('t', 0)).toBe(499);
    const fetcher = createFetcher(cluster);
    fetcher.assign([{ topic: 't', partition: 0, offset: 0 }]);
    const fetched: Uint8Array[] = [];
    for (let next = 0; next < 500; ) {
      for (const part of await fetcher.poll(1_000)) {
        fetched.push(...part.batches);
        next = part.nextOffset;
      }
    }
    expect(fetched.map((batch) => Buffer.from(batch))).toEqual(
      memory.topics.get('t')![0]!.batches.map((batch) => Buffer.from(batch)),
    );
    fetcher.close();
    await producer.close();
  });

  test('every kind of bytes comes whole, views and pooled ones, without what lies around them', async () => {
    let seen: unknown;
    const echo: Transport = {
      async call(_api, _version, request) {
        seen = request;
        return request as never;
      },
      close: async () => {},
    };
    const { network } = connect(echo);
    const node = await network.bootstrap();
    const secret = Buffer.from('before|inside|after').subarray(7, 13);
    const request = apis.joinGroup.request.create({
      groupId: 'g',
      protocols: [
        { name: 'a', metadata: secret },
        { name: 'b', metadata: new Uint8Array(0) },
      ],
    });
    const back = await node.call('joinGroup', 5, request);
    const protocols = (seen as typeof request).protocols;
    expect(Buffer.from(protocols[0]!.metadata).toString()).toBe('inside');
    expect(protocols[0]!.metadata.buffer.byteLength).toBe(6);
    expect(protocols[1]!.metadata.length).toBe(0);
    expect((back as unknown as typeof request).groupId).toBe('g');
    expect(secret.toString()).toBe('inside');
  });

  test('a Fault crosses with its code and detail, another error as REMOTE_FAILED', async () => {
    const failing: Transport = {
      async call(api) {
        if (api === 'fetch') throw new Fault('TIMED_OUT', { what: 'the fetch', afterMs: 5 });
        throw new TypeError('a bug');
      },
      close: async () => {},
    };
    const { network } = connect(failing);
    const node = await network.bootstrap();
    const error = await node.call('fetch', 12, fetchRequest).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Fault);
    expect(error).toMatchObject({ code: 'TIMED_OUT', detail: { what: 'the fetch', afterMs: 5 }, retriable: true });
    await expect(node.call('metadata', 1, apis.metadata.request.create({}))).rejects.toMatchObject({
      code: 'REMOTE_FAILED',
      detail: { what: 'metadata', reason: 'a bug' },
    });
  });

  test('calls that wait do not hold up others, and an aborted one is aborted at the node', async () => {
    let aborted: unknown;
    const waiting: Transport = {
      call: (api, _version, _request, options) =>
        new Promise((resolve, reject) => {
          if (api === 'metadata') resolve(apis.metadata.response.create({}) as never);
          options?.signal?.addEventListener('abort', () => {
            aborted = options.signal?.reason;
            reject(options.signal?.reason);
          });
        }),
      close: async () => {},
    };
    const { network } = connect(waiting);
    const node = await network.bootstrap();
    const controller = new AbortController();
    const fetch = node.call('fetch', 12, fetchRequest, { signal: controller.signal });
    await node.call('metadata', 1, apis.metadata.request.create({}));
    controller.abort(new Fault('CLOSED', { what: 'the test' }));
    await expect(fetch).rejects.toMatchObject({ code: 'CLOSED', detail: { what: 'the test' } });
    await node.call('metadata', 1, apis.metadata.request.create({}));
    expect(aborted).toMatchObject({ code: 'CLOSED' });
  });

  test.each(['the node', 'the worker'])(
    'when %s closes the port, what is pending and what comes later is CONNECTION_LOST',
    async (who) => {
      let state = 'idle';
      const silent: Transport = {
        call(_api, _version, _request, options) {
          state = 'called';
          return new Promise(() => options?.signal?.addEventListener('abort', () => (state = 'aborted')));
        },
        close: async () => {},
      };
      const { network, stop, port } = connect(silent);
      const node = await network.bootstrap();
      const pending = node.call('fetch', 12, fetchRequest);
      await vi.waitFor(() => expect(state).toBe('called'));
      if (who === 'the node') stop();
      else port.close();
      await expect(pending).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
      await expect(node.call('fetch', 12, fetchRequest)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
      await vi.waitFor(() => expect(state).toBe('aborted'));
    },
  );
});
