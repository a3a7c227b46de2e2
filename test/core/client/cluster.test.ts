import { describe, expect, test } from 'vitest';
import { createCluster } from '../../../core/client/cluster.ts';
import { type Clock, systemClock } from '../../../core/kernel/clock.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { type ApiName, apis, type RequestOf, type ResponseOf } from '../../../core/protocol/api-table.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import type { Network, Transport } from '../../../core/protocol/transport.ts';

interface Seen {
  readonly api: ApiName;
  readonly version: number;
  readonly request: unknown;
  readonly connection: number;
}

type Served = Partial<Record<ApiName, readonly [number, number]>>;

/** A node of one version range an API, which is what an older or newer Kafka is to a client. */
function nodeServing(
  served: Served,
  answer: (seen: Seen, signal: AbortSignal | undefined) => Promise<unknown> | unknown = () => undefined,
  clock: Clock = systemClock,
) {
  const seen: Seen[] = [];
  let connections = 0;
  const connect = async (): Promise<Transport> => {
    const connection = connections++;
    return {
      async call<N extends ApiName>(
        api: N,
        version: number,
        request: RequestOf<N>,
        options?: { signal?: AbortSignal },
      ) {
        const call: Seen = { api, version, request, connection };
        seen.push(call);
        const given = await answer(call, options?.signal);
        if (given !== undefined) return given as ResponseOf<N>;
        if (api !== 'apiVersions') return apis[api].response.create({}) as ResponseOf<N>;
        const [, highest] = served.apiVersions ?? [0, 4];
        const apiKeys = Object.entries(served).map(([name, [minVersion, maxVersion]]) => ({
          apiKey: apis[name as ApiName].key,
          minVersion,
          maxVersion,
        }));
        const errorCode = version > highest ? errors.UNSUPPORTED_VERSION.code : 0;
        return apis.apiVersions.response.create({ errorCode, apiKeys }) as ResponseOf<N>;
      },
      close: async () => {},
    };
  };
  const network: Network = { bootstrap: connect, connect };
  const cluster = createCluster({
    network,
    clock,
    random: seededRandom(1),
    logger,
    clientId: 'test',
    requestTimeoutMs: 50,
  });
  return { cluster, seen };
}

const metadataRequest = apis.metadata.request.create({ topics: [] });

describe('versions', () => {
  test('a node that is older than our first question is asked again as it says (KIP-511)', async () => {
    const { cluster, seen } = nodeServing({ apiVersions: [0, 2], metadata: [0, 5] });
    await cluster.call('any', 'metadata', metadataRequest);
    expect(seen.map(({ api, version }) => `${api} ${version}`)).toEqual([
      'apiVersions 4',
      'apiVersions 2',
      'metadata 5',
    ]);
  });

  test('of a newer node the newest that we know is used, below what would need topic ids or another kind of transaction', async () => {
    const { cluster, seen } = nodeServing({
      apiVersions: [0, 9],
      metadata: [0, 99],
      fetch: [4, 99],
      produce: [3, 99],
      endTxn: [0, 99],
    });
    await cluster.call('any', 'metadata', metadataRequest);
    await cluster.call('any', 'fetch', apis.fetch.request.create({}));
    await cluster.call('any', 'produce', apis.produce.request.create({}));
    await cluster.call('any', 'endTxn', apis.endTxn.request.create({}));
    expect(seen.slice(1).map(({ api, version }) => `${api} ${version}`)).toEqual([
      'metadata 13',
      'fetch 12',
      'produce 11',
      'endTxn 4',
    ]);
  });

  test('no common version is a Fault that says what is served', async () => {
    const { cluster } = nodeServing({ fetch: [0, 3] });
    await expect(cluster.call('any', 'fetch', apis.fetch.request.create({}))).rejects.toMatchObject({
      code: 'API_NOT_SERVED',
      detail: { api: 'fetch', served: '0 to 3' },
    });
    await expect(cluster.call('any', 'metadata', metadataRequest)).rejects.toMatchObject({
      detail: { served: 'none' },
    });
  });

  test('a coordinator is asked for in the shape of the version', async () => {
    const answer = ({ api }: Seen) =>
      api === 'findCoordinator'
        ? apis.findCoordinator.response.create({ nodeId: 3, host: 'h', port: 1, coordinators: [] })
        : undefined;
    const { cluster, seen } = nodeServing({ findCoordinator: [0, 2], heartbeat: [0, 4] }, answer);
    const of = { kind: 'group', key: 'g' } as const;
    await cluster.callCoordinator(of, 'heartbeat', apis.heartbeat.request.create({ groupId: 'g' }));
    await cluster.callCoordinator(of, 'heartbeat', apis.heartbeat.request.create({ groupId: 'g' }));
    const asked = seen.filter(({ api }) => api === 'findCoordinator');
    expect(asked.map(({ request }) => request)).toMatchObject([{ key: 'g', keyType: 0, coordinatorKeys: [] }]);
    expect(cluster.coordinatorMoved(of, errors.NOT_COORDINATOR.code)).toBe(true);
    await cluster.callCoordinator(of, 'heartbeat', apis.heartbeat.request.create({ groupId: 'g' }));
    expect(seen.filter(({ api }) => api === 'findCoordinator').length).toBe(2);
    expect(cluster.coordinatorMoved(of, errors.ILLEGAL_GENERATION.code)).toBe(false);
  });
});

describe('connections', () => {
  test('a lost one is opened anew by the next call', async () => {
    let isBroken = false;
    const { cluster, seen } = nodeServing({ metadata: [0, 13] }, ({ api }) => {
      if (api === 'metadata' && isBroken) throw new Fault('CONNECTION_LOST', { to: 'it', reason: 'a test' });
    });
    await cluster.call('any', 'metadata', metadataRequest);
    isBroken = true;
    await expect(cluster.call('any', 'metadata', metadataRequest)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    isBroken = false;
    await cluster.call('any', 'metadata', metadataRequest);
    expect(seen.map(({ connection }) => connection)).toEqual([0, 0, 0, 1, 1]);
  });

  test('a request that takes too long is TIMED_OUT, and the node is told', async () => {
    let reason: unknown;
    const { cluster } = nodeServing({ metadata: [0, 13] }, ({ api }, signal) =>
      api === 'metadata'
        ? new Promise(() => signal?.addEventListener('abort', () => (reason = signal.reason)))
        : undefined,
    );
    await expect(cluster.call('any', 'metadata', metadataRequest)).rejects.toMatchObject({ code: 'TIMED_OUT' });
    expect(reason).toMatchObject({ code: 'TIMED_OUT' });
  });

  test('after close nothing is sent', async () => {
    const { cluster, seen } = nodeServing({ metadata: [0, 13] });
    await cluster.close();
    await expect(cluster.call('any', 'metadata', metadataRequest)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(seen).toEqual([]);
  });
});

describe('a node whose quota is used up (KIP-219)', () => {
  const served = { apiVersions: [0, 4], metadata: [1, 12], heartbeat: [0, 4] } as const;
  const heartbeat = (generationId: number) => apis.heartbeat.request.create({ groupId: 'g', generationId });

  function throttling(throttleTimeMs: number) {
    const clock = createManualClock();
    let asked = 0;
    const answer = ({ api }: Seen) =>
      api === 'metadata'
        ? apis.metadata.response.create({ throttleTimeMs: asked++ === 0 ? throttleTimeMs : 0 })
        : undefined;
    return { ...nodeServing(served, answer, clock), clock };
  }

  test('is asked nothing until it said, and then in the order of the calls', async () => {
    const { cluster, seen, clock } = throttling(1_000);
    await cluster.call('any', 'metadata', metadataRequest);
    const begun = seen.length;
    const signal = new AbortController().signal;
    const later = [1, 2, 3].map((i) => cluster.call(-1, 'heartbeat', heartbeat(i), i === 2 ? { signal } : {}));
    clock.advance(999);
    await clock.nextTurn();
    expect(seen.length).toBe(begun);
    clock.advance(1);
    await Promise.all(later);
    expect(seen.slice(begun).map(({ request }) => (request as { generationId: number }).generationId)).toEqual([
      1, 2, 3,
    ]);
    await cluster.call(-1, 'heartbeat', heartbeat(4));
    await cluster.close();
  });

  test('a call that is given up does not wait for that, nor does the end', async () => {
    const { cluster, seen, clock } = throttling(60_000);
    await cluster.call('any', 'metadata', metadataRequest);
    const controller = new AbortController();
    const givenUp = cluster.call(-1, 'heartbeat', heartbeat(1), { signal: controller.signal });
    const waiting = cluster.call(-1, 'heartbeat', heartbeat(2));
    controller.abort(new Error('enough'));
    await expect(givenUp).rejects.toThrow('enough');
    await clock.nextTurn();
    const closed = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await cluster.close();
    await closed;
    expect(seen.map(({ api }) => api)).toEqual(['apiVersions', 'metadata']);
  });
});
