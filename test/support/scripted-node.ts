// The smallest thing a listener can serve: answers from what it was asked, waits where the test says so, and notes the
// order in which requests began. For tests of what is around a node; a real one is better wherever it will do.
import { createLatch } from '../../core/kernel/latch.ts';
import {
  type ApiName,
  apis,
  type RequestOf,
  type ResponseInit,
  type ResponseOf,
  servedVersions,
} from '../../core/protocol/api-table.ts';
import type { Caller } from '../../core/server/handler.ts';
import type { Router } from '../../core/server/router.ts';

export interface ScriptedNode {
  readonly serve: Router;
  /** APIs in the order in which their requests began. */
  readonly begun: ApiName[];
  readonly callers: Caller[];
  /** Requests that were begun and have no answer. */
  readonly open: number;
  /** Produce requests wait from now on. */
  hold(): void;
  /** Answers those that wait, the last one first. */
  release(): void;
}

type Scripts = { readonly [N in ApiName]?: (request: RequestOf<N>, caller: Caller) => Promise<ResponseInit<N>> };

/**
 * heartbeat answers with the generation it was sent as its error; metadata with the topics asked for; fetch waits for
 * `maxWaitMs` to pass or the signal where `minBytes` isn't 0, else it gives `records`; produce gives offsets in the order
 * of the requests, or error 3 for a topic named 'none'; findCoordinator throws; other answers are empty.
 */
export function scriptedNode({ records = [] }: { readonly records?: readonly Uint8Array[] } = {}): ScriptedNode {
  const begun: ApiName[] = [];
  const callers: Caller[] = [];
  let held: (() => void)[] | null = null;
  let nextOffset = 0;
  let open = 0;

  const scripts: Scripts = {
    apiVersions: async () => ({ apiKeys: servedVersions() }),
    heartbeat: async ({ generationId }) => ({ errorCode: generationId }),
    metadata: async ({ topics }) => ({ topics: (topics ?? []).map(({ name }) => ({ name })) }),
    findCoordinator: async () => {
      throw new TypeError('nobody foresaw this');
    },
    async produce({ topicData }) {
      const baseOffset = nextOffset++;
      if (held !== null) {
        const latch = createLatch();
        held.push(latch.resolve);
        await latch.promise;
      }
      const responses = topicData.map(({ name, topicId, partitionData }) => ({
        name,
        topicId,
        partitionResponses: partitionData.map(({ index }) => ({
          index,
          baseOffset,
          errorCode: name === 'none' ? 3 : 0,
        })),
      }));
      return { responses };
    },
    async fetch({ minBytes }, { signal }) {
      if (minBytes > 0) await new Promise((resolve) => signal!.addEventListener('abort', resolve, { once: true }));
      return { responses: [{ topic: 't', partitions: [{ partitionIndex: 0, highWatermark: 1, records }] }] };
    },
  };

  return {
    begun,
    callers,
    get open() {
      return open;
    },
    hold: () => void (held ??= []),
    release() {
      const waiting = held ?? [];
      held = null;
      for (const resolve of waiting.reverse()) resolve();
    },
    async serve<N extends ApiName>(
      api: N,
      _version: number,
      request: RequestOf<N>,
      caller: Caller,
    ): Promise<ResponseOf<N>> {
      begun.push(api);
      callers.push(caller);
      open++;
      const script = scripts[api];
      try {
        if (script === undefined) return apis[api].response.create({}) as ResponseOf<N>;
        return apis[api].response.create((await script(request, caller)) as never) as ResponseOf<N>;
      } finally {
        open--;
      }
    },
  };
}
