// What makes no sense is answered, in the shape of its API, over real connections: nothing that a handler meets ends the
// node, leaves its client waiting or closes the connection, and the next client notices nothing. MILLRACE_SEED chooses
// other requests.
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import type { Logger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { type ApiName, apis, type RequestOf } from '../../../core/protocol/api-table.ts';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import type { Message } from '../../../core/protocol/schema.ts';
import type { NodeParts } from '../../../core/server/handler.ts';
import { type Listener, listen } from '../../../core/server/listener.ts';
import { createNode, type StorageNode } from '../../../core/server/node.ts';
import { nodeDefaults } from '../../../core/server/node-config.ts';
import { createRouter, servedApis } from '../../../core/server/router.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { absurdValueOf, type Existing } from '../../support/absurd-request.ts';
import { type RawClient, rawClient } from '../../support/raw-client.ts';
import { strictTransport } from '../../support/strict-transport.ts';
import { anyValueOf } from '../../wire/any-message.ts';

const seed = Number(process.env['MILLRACE_SEED'] ?? 1);
const requestsPerVersion = 25;

let node: StorageNode;
let listener: Listener;
let existing: Existing;
const failures: unknown[] = [];
const logger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error: (fields, message) => void failures.push({ ...fields, message }),
};

beforeAll(async () => {
  const settings = {
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.num.partitions': 2,
    'transaction.state.log.num.partitions': 2,
  };
  node = await createNode({ engine: createMemoryEngine(), clock, random: seededRandom(1), logger, settings });
  listener = await listen({ host: '127.0.0.1', port: 0, serve: node.serve, apis: node.apis, clock, logger });
  existing = { topic: 't', topicId: await makeTopic('t') };
});
afterAll(async () => {
  await listener.close();
  await node.close();
});

async function makeTopic(name: string): Promise<string> {
  const request = apis.createTopics.request.create({ topics: [{ name, numPartitions: 2, replicationFactor: 1 }] });
  const { topics } = await strictTransport(node).call('createTopics', 7, request);
  return topics[0]!.topicId;
}

/** Takes itself back, so that no test depends on which topic another has deleted. */
async function clientStillWorks(): Promise<void> {
  const client = await rawClient(listener.port);
  const name = 'works';
  await makeTopic(name);
  const builder = new BatchBuilder();
  builder.append(1, null, new Uint8Array(10));
  const records = [builder.build()];
  client.ask('produce', 9, { acks: -1, topicData: [{ name, partitionData: [{ index: 0, records }] }] });
  const written = (await client.answer('produce', 9)).response.responses[0]!.partitionResponses[0]!;
  expect(written.errorCode).toBe(0);
  client.ask('fetch', 12, { topics: [{ topic: name, partitions: [{ partitionMaxBytes: 1_000 }] }] });
  expect((await client.answer('fetch', 12)).response.responses[0]!.partitions[0]!.highWatermark).toBe(1);
  client.ask('deleteTopics', 5, { topicNames: [name] });
  expect((await client.answer('deleteTopics', 5)).response.responses[0]!.errorCode).toBe(0);
  client.close();
}

/** A producer that wants no answer gets none, and a wait is as long as it says. */
const answerable: Partial<Record<ApiName, object>> = { produce: { acks: 2 }, fetch: { maxWaitMs: 1 } };
/** Members of a group wait for one another. */
const waiting: readonly ApiName[] = ['joinGroup', 'syncGroup'];

const versionsOf = (api: ApiName): number[] => {
  const [lowest, highest] = apis[api].request.versions;
  return Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i);
};

async function sendAll(api: ApiName, version: number, client: RawClient): Promise<void> {
  const absurd = absurdValueOf((apis[api].request as Message).shape, version, existing);
  const requests = [{}, ...fc.sample(absurd, { seed: seed + version, numRuns: requestsPerVersion })];
  for (const [i, request] of requests.entries()) {
    client.ask(api, version, { ...request, ...answerable[api] } as never, i);
    if (waiting.includes(api)) continue;
    expect((await client.answer(api, version)).correlationId).toBe(i);
  }
}

test.each(servedApis)(`%s is answered whatever it asks for, seed ${seed}`, async (api) => {
  for (const version of versionsOf(api)) {
    const client = await rawClient(listener.port);
    await sendAll(api, version, client);
    expect(client.socket.destroyed).toBe(false);
    client.close();
  }
  await clientStillWorks();
  expect(failures).toEqual([]);
});

test('nor does memory grow with what is asked for', async () => {
  const apisThatKeep: readonly ApiName[] = ['fetch', 'metadata', 'describeGroups', 'offsetFetch', 'findCoordinator'];
  const heapBytes = () => {
    (globalThis as { gc?: () => void }).gc?.();
    return process.memoryUsage().heapUsed;
  };
  const before = heapBytes();
  for (let round = 0; round < 20; round++) {
    for (const api of apisThatKeep) {
      const client = await rawClient(listener.port);
      await sendAll(api, apis[api].request.versions[1], client);
      client.close();
    }
  }
  expect(heapBytes() - before).toBeLessThan(100 * 1024 * 1024);
});

/** Parts of a node that is broken through and through; what it answers with still works. */
const brokenParts = (): { parts: NodeParts; lines: unknown[] } => {
  const lines: unknown[] = [];
  const log: Logger = { ...logger, error: (fields) => void lines.push(fields) };
  const whole: Partial<NodeParts> = { logger: log, clock, settings: nodeDefaults };
  const parts = new Proxy(whole as NodeParts, {
    get(_, name) {
      if (name in whole) return whole[name as keyof NodeParts];
      throw new TypeError(`no ${String(name)} today`);
    },
  });
  return { parts, lines };
};

/** What is refused before anything of the node is needed, unless it asks for this. */
const foundNowhereElse: Partial<Record<ApiName, object>> = {
  describeQuorum: { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] },
};

/** These need nothing of the node. */
const unbreakable: readonly ApiName[] = ['saslHandshake', 'saslAuthenticate', 'listPartitionReassignments'];

const codesIn = (value: unknown): number[] => {
  if (Array.isArray(value)) return value.flatMap(codesIn);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    /errorCode$/i.test(name) && typeof inner === 'number' ? [inner] : codesIn(inner),
  );
};

test.each(servedApis.filter((api) => !unbreakable.includes(api)))(
  'a handler of %s that fails tells its client in every version, and the log once',
  async (api) => {
    for (const version of versionsOf(api)) {
      const shape = (apis[api].request as Message).shape;
      let told = false;
      for (const sample of fc.sample(anyValueOf(shape, version), { seed: 1, numRuns: 20 })) {
        const { parts, lines } = brokenParts();
        const transport = strictTransport({
          call: (name, v, request) => createRouter(parts)(name, v, request, { clientId: 'c', clientHost: '/h' }),
          close: async () => {},
        });
        const asked = { ...sample, ...answerable[api], ...foundNowhereElse[api] };
        const request = apis[api].request.create(asked as never) as RequestOf<typeof api>;
        const codes = codesIn(await transport.call(api, version, request as never));
        if (lines.length === 0) continue; // refused before it needed anything
        expect(lines).toHaveLength(1);
        // A version that lacks a field reads as if no error stood there.
        expect(codes.filter((code) => code !== 0 && code !== errors.UNKNOWN_SERVER_ERROR.code)).toEqual([]);
        told ||= codes.includes(errors.UNKNOWN_SERVER_ERROR.code);
      }
      expect([version, told]).toEqual([version, true]);
    }
  },
);
