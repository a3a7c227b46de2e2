// What every Transport promises, whatever is between its two ends. An implementation adds a line in its own test, not a
// suite.
import * as fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createLatch } from '../../core/kernel/latch.ts';
import {
  type ApiName,
  apiNames,
  apis,
  type RequestOf,
  type ResponseOf,
  speaks,
} from '../../core/protocol/api-table.ts';
import type { CallOptions, Transport } from '../../core/protocol/transport.ts';
import { anyValueOf } from '../wire/any-message.ts';

export interface TransportUnderTest {
  readonly transport: Transport;
  readonly dispose: () => Promise<void>;
}

type Answer = (api: ApiName, version: number, request: unknown, options: CallOptions | undefined) => Promise<unknown>;

/** @param make a transport to `node`; called more than once for one node, each is another caller's */
export function transportContract(
  name: string,
  make: (node: Transport) => Promise<TransportUnderTest>,
  /** What it does not promise, with the reason. */
  skips: { readonly close?: string } = {},
) {
  describe(`${name} is a Transport`, () => {
    const undo: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const step of undo.splice(0).reverse()) await step();
    });

    async function open(answer: Answer): Promise<Transport> {
      const node: Transport = {
        async call<N extends ApiName>(api: N, version: number, request: RequestOf<N>, options?: CallOptions) {
          options?.signal?.throwIfAborted();
          return (await answer(api, version, request, options)) as ResponseOf<N>;
        },
        close: async () => {},
      };
      const { transport, dispose } = await make(node);
      undo.push(dispose);
      return transport;
    }

    const { create } = apis.heartbeat.request;
    const beat = (generationId: number) => create({ groupId: 'g', generationId, memberId: 'm' });
    const echo: Answer = async (_api, _version, request) =>
      apis.heartbeat.response.create({ errorCode: (request as RequestOf<'heartbeat'>).generationId });
    const waits: Answer = (api, version, request, options) => {
      if (api !== 'fetch') return echo(api, version, request, options);
      return new Promise((_, reject) =>
        options!.signal!.addEventListener('abort', () => reject(options!.signal!.reason), { once: true }),
      );
    };
    const waiting = apis.fetch.request.create({ maxWaitMs: 600_000, minBytes: 1 });

    test.each(apiNames)('%s goes there and back in every version', async (api) => {
      const [lowest, highest] = apis[api].served;
      for (let version = lowest as number; version <= highest; version++) {
        if (!speaks(api, version)) continue;
        const [sent] = fc.sample(anyValueOf(apis[api].request.shape, version), { seed: version, numRuns: 1 });
        const [given] = fc.sample(anyValueOf(apis[api].response.shape, version), { seed: version + 100, numRuns: 1 });
        // A producer that wants no answer gets none, and error 35 says that the answer is of another version.
        const request = apis[api].request.create({ ...sent, ...(api === 'produce' && { acks: 1 }) } as never);
        const response = apis[api].response.create({
          ...given,
          ...(api === 'apiVersions' && { errorCode: 0 }),
        } as never);
        const asked: unknown[] = [];
        const transport = await open(async (...call) => {
          asked.push(call.slice(0, 3));
          return response;
        });
        expect(await transport.call(api, version, request as never), `v${version}`).toEqual(response);
        expect(asked).toEqual([[api, version, request]]);
      }
    });

    test('records in many pieces arrive whole, and belong to who gets them', async () => {
      const pieces = Array.from({ length: 50 }, (_, i) => new Uint8Array(10_000 + i).fill(i));
      const whole = Buffer.concat(pieces);
      let got: readonly Uint8Array[] | null = null;
      const transport = await open(async (api, _version, request) => {
        if (api === 'produce') got = (request as RequestOf<'produce'>).topicData[0]!.partitionData[0]!.records;
        return api === 'produce'
          ? apis.produce.response.create({})
          : apis.fetch.response.create({ responses: [{ topic: 't', partitions: [{ records: pieces }] }] });
      });
      const partitionData = [{ index: 0, records: pieces }];
      await transport.call(
        'produce',
        9,
        apis.produce.request.create({ acks: -1, topicData: [{ name: 't', partitionData }] }),
      );
      expect(Buffer.compare(Buffer.concat(got!), whole)).toBe(0);
      const answer = await transport.call('fetch', 12, apis.fetch.request.create({}));
      expect(Buffer.compare(Buffer.concat(answer.responses[0]!.partitions[0]!.records!), whole)).toBe(0);
    });

    test('requests begin in the order of the calls, and each gets its own answer', async () => {
      const begun: number[] = [];
      const transport = await open((api, version, request, options) => {
        begun.push((request as RequestOf<'heartbeat'>).generationId);
        return echo(api, version, request, options);
      });
      const numbers = Array.from({ length: 100 }, (_, i) => i);
      const answers = await Promise.all(numbers.map((i) => transport.call('heartbeat', 4, beat(i))));
      expect(begun).toEqual(numbers);
      expect(answers.map(({ errorCode }) => errorCode)).toEqual(numbers);
    });

    test('fetches that wait hold up neither one another nor anything else', async () => {
      const latches = Array.from({ length: 8 }, () => createLatch());
      const transport = await open(async (api, version, request, options) => {
        if (api !== 'fetch') return echo(api, version, request, options);
        const { maxWaitMs } = request as RequestOf<'fetch'>;
        await latches[maxWaitMs]!.promise;
        return apis.fetch.response.create({ throttleTimeMs: maxWaitMs });
      });
      const fetches = latches.map((_, maxWaitMs) =>
        transport.call('fetch', 12, apis.fetch.request.create({ maxWaitMs, minBytes: 1 })),
      );
      expect((await transport.call('heartbeat', 4, beat(5))).errorCode).toBe(5);
      for (const i of [7, 0, 4, 1, 6, 2, 5, 3]) {
        latches[i]!.resolve();
        expect((await fetches[i]!).throttleTimeMs).toBe(i);
      }
    });

    test('a call that is aborted rejects at once with the reason, and the node stops waiting', async () => {
      let inside = 0;
      const transport = await open(async (...call) => {
        inside++;
        try {
          return await waits(...call);
        } finally {
          inside--;
        }
      });
      const abort = new AbortController();
      const call = transport.call('fetch', 12, waiting, { signal: abort.signal });
      await vi.waitFor(() => expect(inside).toBe(1));
      const reason = new Error('enough');
      abort.abort(reason);
      await expect(call).rejects.toBe(reason);
      await vi.waitFor(() => expect(inside).toBe(0));
      await expect(transport.call('heartbeat', 4, beat(1), { signal: abort.signal })).rejects.toBe(reason);
      expect((await transport.call('heartbeat', 4, beat(5))).errorCode).toBe(5);
    });

    test('a node that fails rejects that call, and the next is answered', async () => {
      const transport = await open(async (api, version, request, options) => {
        if (api === 'metadata') throw new Error('a mistake of ours');
        return echo(api, version, request, options);
      });
      await expect(transport.call('metadata', 9, apis.metadata.request.create({}))).rejects.toThrow();
      expect((await transport.call('heartbeat', 4, beat(2))).errorCode).toBe(2);
    });

    test.skipIf(skips.close !== undefined)('closing it rejects what waits and what comes after', async () => {
      let begun = 0;
      const transport = await open((...call) => {
        begun++;
        return waits(...call);
      });
      const call = transport.call('fetch', 12, waiting).then(
        () => null,
        (error: unknown) => error,
      );
      await vi.waitFor(() => expect(begun).toBe(1));
      await transport.close();
      expect(await call).toMatchObject({ name: 'Fault' });
      await expect(transport.call('heartbeat', 4, beat(1))).rejects.toMatchObject({ name: 'Fault' });
    });
  });
}
