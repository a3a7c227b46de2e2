// A cluster in memory of several nodes whose leaders a test moves: what the real node, being one, cannot show. It keeps
// batches, sequences and offsets as a log does, and nothing else: groups and transactions are tested on the real node.
import type { Clock } from '../../../core/kernel/clock.ts';
import { type ApiName, apis, type RequestOf, type ResponseOf } from '../../../core/protocol/api-table.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { patchBatch, readBatchHeader, verifyBatch } from '../../../core/protocol/record-batch.ts';
import type { Network, Transport } from '../../../core/protocol/transport.ts';
import { zeroUuid } from '../../../core/protocol/uuid.ts';

interface Producer {
  epoch: number;
  /** The last five batches, as Kafka remembers them. */
  batches: { first: number; last: number; offset: number }[];
}

export interface MemoryPartition {
  leader: number;
  startOffset: number;
  endOffset: number;
  /** Of its leader. */
  epoch: number;
  batches: Uint8Array[];
  readonly producers: Map<number, Producer>;
}

export interface MemoryCluster extends Network {
  readonly topics: Map<string, MemoryPartition[]>;
  createTopic(name: string, partitions: number, maxMessageBytes?: number): void;
  /** A leader takes over that has what is below `endOffset` only. */
  truncate(partition: MemoryPartition, endOffset: number): void;
  /** Requests answered so far, by node and API. */
  readonly calls: Map<string, number>;
}

type Handlers = { [N in ApiName]?: (request: RequestOf<N>, node: number) => ResponseOf<N> | Promise<ResponseOf<N>> };

const remembered = 5;

export function createMemoryCluster(clock: Clock, nodeCount = 1): MemoryCluster {
  const topics = new Map<string, MemoryPartition[]>();
  const ids = new Map<string, string>();
  let lastId = 0;
  const limits = new Map<string, number>();
  const calls = new Map<string, number>();
  const wakers = new Set<() => void>();
  let nextProducerId = 1000;

  function append(partition: MemoryPartition, bytes: Uint8Array, bytesMax: number) {
    verifyBatch(bytes);
    const header = readBatchHeader(bytes);
    if (bytes.length > bytesMax) return { errorCode: errors.MESSAGE_TOO_LARGE.code, baseOffset: -1 };
    const first = header.baseSequence;
    const last = first + header.recordCount - 1;
    if (header.producerId >= 0) {
      const known = partition.producers.get(header.producerId);
      if (known !== undefined && header.producerEpoch < known.epoch)
        return { errorCode: errors.INVALID_PRODUCER_EPOCH.code, baseOffset: -1 };
      if (known !== undefined && header.producerEpoch === known.epoch) {
        const twin = known.batches.find((batch) => batch.first === first && batch.last === last);
        if (twin !== undefined) return { errorCode: 0, baseOffset: twin.offset };
        const expected = known.batches.at(-1)!.last + 1;
        if (first !== expected) return { errorCode: errors.OUT_OF_ORDER_SEQUENCE_NUMBER.code, baseOffset: -1 };
      } else if (known !== undefined && first !== 0)
        return { errorCode: errors.OUT_OF_ORDER_SEQUENCE_NUMBER.code, baseOffset: -1 };
      const isSame = known?.epoch === header.producerEpoch;
      const batches = [...(isSame ? known!.batches : []), { first, last, offset: partition.endOffset }].slice(
        -remembered,
      );
      partition.producers.set(header.producerId, { epoch: header.producerEpoch, batches });
    }
    const baseOffset = partition.endOffset;
    patchBatch(bytes, { baseOffset, leaderEpoch: partition.epoch }); // in place, as the real node does
    partition.batches.push(bytes);
    partition.endOffset += header.recordCount;
    return { errorCode: 0, baseOffset };
  }

  const lookUp = (topic: string, index: number, node: number) => {
    const partition = topics.get(topic)?.[index];
    if (partition === undefined) return errors.UNKNOWN_TOPIC_OR_PARTITION.code;
    return partition.leader === node ? partition : errors.NOT_LEADER_OR_FOLLOWER.code;
  };

  /** Up to where the log has what a reader of that epoch has. */
  function endOfEpoch({ epoch, batches, startOffset, endOffset }: MemoryPartition, asked: number): number {
    if (asked === epoch) return endOffset;
    const last = batches.map((batch) => readBatchHeader(batch)).findLast(({ leaderEpoch }) => leaderEpoch <= asked);
    return last === undefined ? startOffset : last.lastOffset + 1;
  }

  function read(request: RequestOf<'fetch'>, node: number) {
    let bytes = 0;
    let isUrgent = false;
    const responses = request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition: index, fetchOffset, lastFetchedEpoch, partitionMaxBytes }) => {
        const partition = lookUp(topic, index, node);
        if (typeof partition !== 'number' && lastFetchedEpoch >= 0) {
          const endOffset = endOfEpoch(partition, lastFetchedEpoch);
          if (endOffset < fetchOffset) {
            isUrgent = true;
            const divergingEpoch = { epoch: partition.epoch, endOffset };
            return {
              partitionIndex: index,
              highWatermark: -1,
              divergingEpoch,
              abortedTransactions: null,
              records: null,
            };
          }
        }
        if (typeof partition === 'number' || fetchOffset < partition.startOffset || fetchOffset > partition.endOffset) {
          isUrgent = true;
          const errorCode = typeof partition === 'number' ? partition : errors.OFFSET_OUT_OF_RANGE.code;
          return { partitionIndex: index, errorCode, highWatermark: -1, abortedTransactions: null, records: null };
        }
        const records: Uint8Array[] = [];
        let own = 0;
        for (const batch of partition.batches) {
          if (readBatchHeader(batch).lastOffset < fetchOffset) continue;
          if (bytes > 0 && (own + batch.length > partitionMaxBytes || bytes + batch.length > request.maxBytes)) break;
          records.push(batch.slice());
          own += batch.length;
          bytes += batch.length;
        }
        const { endOffset, startOffset } = partition;
        return {
          partitionIndex: index,
          highWatermark: endOffset,
          lastStableOffset: endOffset,
          logStartOffset: startOffset,
          abortedTransactions: [],
          records,
        };
      }),
    }));
    return { isReady: isUrgent || bytes >= request.minBytes, answer: apis.fetch.response.create({ responses }) };
  }

  const handlers: Handlers = {
    apiVersions: () =>
      apis.apiVersions.response.create({
        apiKeys: (Object.keys(handlers) as ApiName[]).map((name) => {
          const [minVersion, maxVersion] = apis[name].served;
          return { apiKey: apis[name].key, minVersion, maxVersion };
        }),
      }),
    metadata: (request) =>
      apis.metadata.response.create({
        clusterId: 'memory',
        brokers: Array.from({ length: nodeCount }, (_, nodeId) => ({
          nodeId,
          host: 'memory',
          port: nodeId,
          rack: null,
        })),
        topics: (request.topics?.map(({ name }) => name!) ?? [...topics.keys()]).map((name) => ({
          name,
          topicId: ids.get(name) ?? zeroUuid,
          errorCode: topics.has(name) ? 0 : errors.UNKNOWN_TOPIC_OR_PARTITION.code,
          partitions: (topics.get(name) ?? []).map(({ leader }, partitionIndex) => ({
            partitionIndex,
            leaderId: leader,
            leaderEpoch: (topics.get(name) ?? [])[partitionIndex]!.epoch,
          })),
        })),
      }),
    initProducerId: () => apis.initProducerId.response.create({ producerId: nextProducerId++, producerEpoch: 0 }),
    describeConfigs: ({ resources }) =>
      apis.describeConfigs.response.create({
        results: resources.map(({ resourceName }) => ({
          resourceType: 2,
          resourceName,
          configs: [{ name: 'max.message.bytes', value: String(limits.get(resourceName)) }],
        })),
      }),
    produce(request, node) {
      const responses = request.topicData.map(({ name, partitionData }) => ({
        name,
        partitionResponses: partitionData.map(({ index, records }) => {
          const partition = lookUp(name, index, node);
          if (typeof partition === 'number') return { index, errorCode: partition, baseOffset: -1 };
          return { index, ...append(partition, records![0]!, limits.get(name)!) };
        }),
      }));
      for (const wake of [...wakers]) wake();
      return apis.produce.response.create({ responses });
    },
    async fetch(request, node) {
      const deadlineMs = clock.monotonicMs() + request.maxWaitMs;
      for (;;) {
        const { isReady, answer } = read(request, node);
        const leftMs = deadlineMs - clock.monotonicMs();
        if (isReady || leftMs <= 0) return answer;
        await new Promise<void>((resolve) => {
          const wake = () => {
            timer.cancel();
            wakers.delete(wake);
            resolve();
          };
          const timer = clock.after(leftMs, wake);
          wakers.add(wake);
        });
      }
    },
    listOffsets: (request, node) =>
      apis.listOffsets.response.create({
        topics: request.topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex, timestamp }) => {
            const partition = lookUp(name, partitionIndex, node);
            if (typeof partition === 'number') return { partitionIndex, errorCode: partition };
            return { partitionIndex, offset: timestamp === -2 ? partition.startOffset : partition.endOffset };
          }),
        })),
      }),
  };

  const transport = (node: number): Transport => ({
    async call<N extends ApiName>(api: N, _version: number, request: RequestOf<N>): Promise<ResponseOf<N>> {
      const name = `${node} ${api}`;
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return handlers[api]!(request as never, node) as ResponseOf<N>;
    },
    close: async () => {},
  });

  return {
    topics,
    calls,
    bootstrap: async () => transport(0),
    connect: async ({ nodeId }) => transport(nodeId),
    truncate(partition, endOffset) {
      partition.batches = partition.batches.filter((batch) => readBatchHeader(batch).lastOffset < endOffset);
      partition.endOffset = endOffset;
      partition.epoch += 1;
      partition.producers.clear();
    },
    createTopic(name, partitions, maxMessageBytes = 1_048_588) {
      limits.set(name, maxMessageBytes);
      ids.set(name, `00000000-0000-4000-8000-${String(++lastId).padStart(12, '0')}`);
      topics.set(
        name,
        Array.from({ length: partitions }, (_, i) => ({
          leader: i % nodeCount,
          startOffset: 0,
          endOffset: 0,
          epoch: 0,
          batches: [],
          producers: new Map(),
        })),
      );
    },
  };
}
