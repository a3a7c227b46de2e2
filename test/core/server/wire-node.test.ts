// The real node behind the real listener: what the parts promise each other.
import * as fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { createClient } from '../../../core/client/index.ts';
import { tcpNetwork } from '../../../core/client/tcp.ts';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import type { Logger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { type ApiName, apiNames, apis, type RequestInit, servedVersions } from '../../../core/protocol/api-table.ts';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import { listen } from '../../../core/server/listener.ts';
import { createNode } from '../../../core/server/node.ts';
import { servedApis } from '../../../core/server/router.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { rawClient, requestBytes } from '../../support/raw-client.ts';
import { anyValueOf } from '../../wire/any-message.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function start() {
  const random = seededRandom(1);
  const errors: unknown[] = [];
  const nothing = () => {};
  const logger: Logger = {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (fields, message) => void errors.push({ ...fields, message }),
  };
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    serve: async (...call) => (await node).serve(...call),
    apis: servedApis,
    clock,
    logger,
    limits: { closeMs: 100 },
  });
  const settings = {
    host: '127.0.0.1',
    port: listener.port,
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.num.partitions': 2,
    'transaction.state.log.num.partitions': 2,
  };
  const node = createNode({ engine: createMemoryEngine(), clock, random, logger, settings });
  undo.push(async () => (await node).close());
  undo.push(() => listener.close());
  const { port } = listener;
  const network = tcpNetwork({ bootstrap: `127.0.0.1:${port}`, clientId: 'test', clock, random });
  const raw = async () => {
    const made = await rawClient(port);
    undo.push(() => made.close());
    return made;
  };
  const client = () => {
    const made = createClient({ network, clientId: 'test', clock, random, logger });
    undo.push(() => made.close());
    return made;
  };
  return { node: await node, listener, port, raw, client, errors };
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const batchOf = (...values: string[]) => {
  const builder = new BatchBuilder();
  for (const value of values) builder.append(1_700_000_000_000, null, bytes(value));
  return builder.build();
};

test('what has a handler is advertised, and nothing else', async () => {
  const { node, raw } = await start();
  const one = await raw();
  one.ask('apiVersions', 4, { clientSoftwareName: 'x', clientSoftwareVersion: '1' });
  const { response } = await one.answer('apiVersions', 4);
  expect(response.apiKeys).toEqual(servedVersions(node.apis));
  expect(response.apiKeys.length).toBeLessThanOrEqual(apiNames.length);
});

test('clients are sent to the port that was got', async () => {
  const { port, raw } = await start();
  const one = await raw();
  one.ask('metadata', 12, { topics: [] });
  const there = { host: '127.0.0.1', port };
  expect((await one.answer('metadata', 12)).response.brokers).toMatchObject([there]);
  one.ask('findCoordinator', 4, { keyType: 0, coordinatorKeys: ['g'] });
  expect((await one.answer('findCoordinator', 4)).response.coordinators).toMatchObject([there]);
  one.ask('describeCluster', 0, {});
  expect((await one.answer('describeCluster', 0)).response.brokers).toMatchObject([there]);
});

/** Every served API in every version that is spoken. */
const versionsOf = (api: ApiName): number[] => {
  const [lowest, highest] = apis[api].request.versions;
  return Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i);
};

test.each(servedApis)('%s with nothing in it is answered in every version', async (api) => {
  const { raw, errors } = await start();
  const one = await raw();
  for (const version of versionsOf(api)) {
    one.ask(api, version, (api === 'produce' ? { acks: 1 } : {}) as never, version);
    expect((await one.answer(api, version)).correlationId).toBe(version);
  }
  expect(errors).toEqual([]);
});

/** What makes thousands of databases of a random number. */
const costly: readonly ApiName[] = ['createTopics', 'createPartitions'];

test.each(servedApis.filter((api) => !costly.includes(api)))(
  '%s with anything in it is answered or refused',
  async (api) => {
    const { raw, errors } = await start();
    for (const version of versionsOf(api)) {
      const one = await raw();
      for (const sample of fc.sample(anyValueOf(apis[api].request.shape, version), { seed: version, numRuns: 15 })) {
        const bounded = { ...sample, ...(api === 'produce' && { acks: 1 }), ...(api === 'fetch' && { maxWaitMs: 1 }) };
        one.ask(api, version, bounded as never, version);
        if (api === 'joinGroup') continue; // may wait for others
        expect((await one.answer(api, version)).correlationId).toBe(version);
      }
      if (api === 'joinGroup') await vi.waitFor(() => expect(one.waiting).toBeGreaterThan(0));
    }
    expect(errors).toEqual([]);
  },
);

test('an integer beyond 2^53 does not cut a request off', async () => {
  const { raw, client, errors } = await start();
  await client()
    .admin()
    .createTopics([{ name: 't', partitions: 1 }]);
  const one = await raw();
  const timestamp = Number.MAX_SAFE_INTEGER;
  const request = Buffer.from(
    requestBytes('listOffsets', 1, { topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp }] }] }),
  );
  const at = request.indexOf(Buffer.from('001fffffffffffff', 'hex'));
  request.write('7fffffffffffffff', at, 'hex');
  one.write(request);
  const { response } = await one.answer('listOffsets', 1);
  expect(response.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, offset: -1 });
  expect(errors).toEqual([]);
});

test('a fetch that waits is woken by an append on another connection, and ends when its client goes', async () => {
  const { raw, client, listener } = await start();
  await client()
    .admin()
    .createTopics([{ name: 't', partitions: 1 }]);
  const [reader, writer, gone] = [await raw(), await raw(), await raw()];
  const fetch: RequestInit<'fetch'> = {
    maxWaitMs: 60_000,
    minBytes: 1,
    maxBytes: 1_000_000,
    topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] }],
  };
  for (const each of [reader, gone]) each.ask('fetch', 12, fetch);
  const { connections } = listener;
  gone.close();
  await vi.waitFor(() => expect(listener.connections).toBe(connections - 1));
  const records = [batchOf('a', 'b')];
  writer.ask('produce', 9, { acks: -1, topicData: [{ name: 't', partitionData: [{ index: 0, records }] }] });
  expect((await writer.answer('produce', 9)).response.responses[0]!.partitionResponses[0]).toMatchObject({
    errorCode: 0,
    baseOffset: 0,
  });
  const { response } = await reader.answer('fetch', 12);
  expect(response.responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 2 });
  expect(response.responses[0]!.partitions[0]!.records![0]!.length).toBe(records[0]!.length);
});

test('our client writes and reads over TCP as it does in process, in a group and in transactions', async () => {
  const { client, errors } = await start();
  const one = client();
  await one.admin().createTopics([{ name: 't', partitions: 3 }]);
  const producer = one.producer();
  for (let i = 0; i < 3_000; i++) {
    while (!producer.write('t', i % 3, i, null, bytes(`${i}`))) await producer.ready();
  }
  await producer.close();
  const transactional = one.producer({ transactionalId: 'x' });
  await transactional.initTransactions();
  for (const [value, end] of [
    ['lost', 'abort'],
    ['kept', 'commit'],
  ] as const) {
    transactional.begin();
    transactional.write('t', 0, 1, null, bytes(value));
    await transactional.flush();
    await transactional[end]();
  }
  await transactional.close();
  const consumer = client().consumer({ groupId: 'g', from: 'earliest' });
  undo.push(() => consumer.close());
  await consumer.subscribe(['t']);
  const seen: string[] = [];
  for await (const { value } of consumer) {
    seen.push(Buffer.from(value!).toString());
    if (seen.length === 3_001) break;
  }
  expect(new Set(seen).size).toBe(3_001);
  expect(seen).toContain('kept');
  expect(seen).not.toContain('lost');
  expect(errors).toEqual([]);
});
