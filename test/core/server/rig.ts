// A node over some storage, spoken to through Transport as a client would, with the newest version of each API unless a
// test says another. Requests and answers are encoded and decoded in their version, so what a version can't say fails.

import type { Clock } from '../../../core/kernel/clock.ts';
import { systemClock } from '../../../core/kernel/clock.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { type ApiName, apis, type RequestInit, type ResponseOf } from '../../../core/protocol/api-table.ts';
import { BatchBuilder, type BatchFields } from '../../../core/protocol/batch-builder.ts';
import { splitBatches } from '../../../core/protocol/record-batch.ts';
import { RecordCursor } from '../../../core/protocol/record-cursor.ts';
import type { CallOptions, Transport } from '../../../core/protocol/transport.ts';
import { zeroUuid } from '../../../core/protocol/uuid.ts';
import { createNode, type StorageNode } from '../../../core/server/node.ts';
import type { NodeSettings } from '../../../core/server/node-config.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { StorageEngine } from '../../../core/storage/storage.ts';
import { strictTransport } from '../../support/strict-transport.ts';

export interface Asker {
  ask<N extends ApiName>(
    api: N,
    request: RequestInit<N>,
    version?: number,
    options?: CallOptions,
  ): Promise<ResponseOf<N>>;
}

export interface Rig extends Asker, AsyncDisposable {
  readonly node: StorageNode;
  as(clientId: string): Asker;
}

export interface RigOptions {
  readonly engine?: StorageEngine;
  readonly clock?: Clock;
  readonly settings?: Partial<NodeSettings>;
  readonly seed?: number;
}

const askerOf = (node: Transport, transport = strictTransport(node)): Asker => ({
  ask: (api, request, version = apis[api].served[1], options) =>
    // The init type of an API that is a type parameter is beyond the checker; each call is checked where it is written.
    transport.call(api, version, apis[api].request.create(request as never) as never, options),
});

export async function startNode({
  engine = createMemoryEngine(),
  clock = systemClock,
  settings,
  seed = 1,
}: RigOptions = {}): Promise<Rig> {
  const node = await createNode({
    engine,
    clock,
    random: seededRandom(seed),
    logger: silentLogger,
    settings: {
      'group.initial.rebalance.delay.ms': 0,
      'offsets.topic.num.partitions': 4,
      'transaction.state.log.num.partitions': 4,
      ...settings,
    },
  });
  return {
    node,
    ...askerOf(node),
    as: (clientId) => askerOf(node.as(clientId)),
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
  };
}

export const bytes = (text: string): Uint8Array => Buffer.from(text);

/** A batch of records with these values and the key 'k', one millisecond apart from `timestampMs` on. */
export function batchOf(values: readonly string[], fields: BatchFields & { timestampMs?: number } = {}): Uint8Array {
  const { timestampMs = 1_000, ...rest } = fields;
  const builder = new BatchBuilder();
  for (const [i, value] of values.entries()) builder.append(timestampMs + i, bytes('k'), bytes(value));
  return builder.build(rest);
}

export async function createTopic(
  rig: Asker,
  name: string,
  partitions = 1,
  configs: Record<string, string> = {},
): Promise<string> {
  const { topics } = await rig.ask('createTopics', {
    topics: [
      {
        name,
        numPartitions: partitions,
        replicationFactor: 1,
        configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
      },
    ],
  });
  if (topics[0]!.errorCode !== 0) throw new Error(`createTopics: ${topics[0]!.errorCode} ${topics[0]!.errorMessage}`);
  return topics[0]!.topicId;
}

/** By name, as clients that know no ids. */
export async function produce(
  rig: Asker,
  topic: string,
  batch: Uint8Array,
  { partition = 0, acks = -1, transactionalId = null as string | null } = {},
) {
  const topicData = [{ name: topic, topicId: zeroUuid, partitionData: [{ index: partition, records: [batch] }] }];
  const { responses } = await rig.ask('produce', { acks, timeoutMs: 1_000, transactionalId, topicData }, 12);
  return responses[0]!.partitionResponses[0]!;
}

export interface FetchInit {
  readonly partition?: number;
  readonly from?: number;
  readonly minBytes?: number;
  readonly maxWaitMs?: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  readonly committed?: boolean;
  readonly signal?: AbortSignal;
}

export async function fetch(rig: Asker, topic: string, init: FetchInit = {}) {
  const {
    partition = 0,
    from = 0,
    minBytes = 1,
    maxWaitMs = 0,
    maxBytes = 1 << 20,
    partitionMaxBytes = 1 << 20,
    committed = false,
    signal,
  } = init;
  const { responses } = await rig.ask(
    'fetch',
    {
      minBytes,
      maxWaitMs,
      maxBytes,
      isolationLevel: committed ? 1 : 0,
      topics: [{ topic, partitions: [{ partition, fetchOffset: from, partitionMaxBytes }] }],
    },
    12,
    signal === undefined ? {} : { signal },
  );
  return responses[0]!.partitions[0]!;
}

export function valuesIn(records: readonly Uint8Array[] | null): string[] {
  const cursor = new RecordCursor();
  const values: string[] = [];
  for (const batch of (records ?? []).flatMap((piece) => splitBatches(piece))) {
    cursor.open(batch);
    while (cursor.next()) values.push(Buffer.from(cursor.value() ?? []).toString());
  }
  return values;
}
