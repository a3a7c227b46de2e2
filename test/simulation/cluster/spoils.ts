// Faults that are put in on purpose, to see that the simulation finds them: each is one thing that replication must not do.
import type { ApiName } from '../../../core/protocol/api-table.ts';
import type { Network, Transport } from '../../../core/protocol/transport.ts';
import type { BatchOperation, Storage, StorageEngine } from '../../../core/storage/storage.ts';
import type { Spoil } from './simulated-cluster.ts';

// biome-ignore lint/suspicious/noExplicitAny: of any API
type Changed = (request: any, api: ApiName) => { readonly request: unknown } | { readonly answer: unknown };

function changing(network: Network, change: Changed): Network {
  const changed = (transport: Transport): Transport => ({
    async call(api, version, request, options) {
      const found = change(request, api);
      if ('answer' in found) return found.answer as never;
      return transport.call(api, version, found.request as typeof request, options);
    },
    close: () => transport.close(),
  });
  return {
    bootstrap: async () => changed(await network.bootstrap()),
    connect: async (address) => changed(await network.connect(address)),
  };
}

function storing(engine: StorageEngine, wrap: (name: string, storage: Storage) => Storage): StorageEngine {
  return { ...engine, open: async (name) => wrap(name, await engine.open(name)) };
}

const isHardState = ({ key }: BatchOperation) => key.length === 1 && key[0] === 'a'.charCodeAt(0);

export const spoils = {
  'a vote is not kept': {
    node: (made) => ({
      ...made,
      engine: storing(made.engine, (name, storage) => ({
        ...storage,
        write: (operations, options) =>
          storage.write(name === '__metadata' ? operations.filter((one) => !isHardState(one)) : operations, options),
      })),
    }),
  },
  'logs are compared by their length and not by epoch': {
    node: (made) => ({
      ...made,
      network: changing(made.network, (request, api) => {
        if (api !== 'fetch') return { request };
        // biome-ignore lint/suspicious/noExplicitAny: a fetch
        const topics = request.topics.map((topic: any) => ({
          ...topic,
          // biome-ignore lint/suspicious/noExplicitAny: a fetch
          partitions: topic.partitions.map((one: any) => ({ ...one, lastFetchedEpoch: -1 })),
        }));
        return { request: { ...request, topics } };
      }),
    }),
  },
  'a write is acknowledged before it is copied': {
    client: (network) =>
      changing(network, (request, api) => ({ request: api === 'produce' ? { ...request, acks: 1 } : request })),
  },
  'the end of a transaction is taken for written where it was not': {
    node: (made) => ({
      ...made,
      network: changing(made.network, (request, api) => {
        if (api !== 'writeTxnMarkers') return { request };
        // biome-ignore lint/suspicious/noExplicitAny: markers
        const markers = request.markers.map(({ producerId, topics }: any) => ({
          producerId,
          // biome-ignore lint/suspicious/noExplicitAny: markers
          topics: topics.map(({ name, partitionIndexes }: any) => ({
            name,
            partitions: partitionIndexes.map((partitionIndex: number) => ({ partitionIndex, errorCode: 0 })),
          })),
        }));
        return { answer: { markers } };
      }),
    }),
  },
  'a copy is taken for written before it is on disk': {
    node: (made) => ({
      ...made,
      engine: storing(made.engine, (name, storage) => {
        if (name.startsWith('__')) return storage;
        let writing: Promise<void> = Promise.resolve();
        const late: [readonly BatchOperation[], Parameters<Storage['write']>[1]][] = [];
        return {
          ...storage,
          // What was answered is written with the next one: the newest is in memory alone.
          write: async (operations, options) => {
            const before = late.splice(0);
            late.push([operations, options]);
            writing = writing.then(async () => {
              for (const [held, how] of before) await storage.write(held, how).catch(() => {});
            });
            await writing;
          },
        };
      }),
    }),
  },
} as const satisfies Readonly<Record<string, Spoil>>;
