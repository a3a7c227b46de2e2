// Requests that mean something to a given node, for every API and version: made at random from the schema, then given
// the names and numbers of what the node has. A handler gets past its first checks and fills in a whole answer.
import * as fc from 'fast-check';
import { type ApiName, apis, type RequestOf } from '../../core/protocol/api-table.ts';
import { anyValueOf } from '../wire/any-message.ts';

export interface Known {
  readonly topic: string;
  readonly topicId: string;
  readonly groupId: string;
  readonly memberId: string;
  readonly generationId: number;
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly batch: Uint8Array;
}

const topicFields = /^(name|topic|topics|topicNames|topicName|resourceName)$/;
const groupFields = /^(groupId|groupIds|group|groups|groupsNames|key|coordinatorKeys)$/;
const zeroFields =
  /^(partition|partitions|partitionIndex|partitionIndexes|index|currentLeaderEpoch|leaderEpoch|fetchOffset|offset|lastFetchedEpoch|isolationLevel|keyType|sessionId|electionType|configOperation|committedOffset|committedLeaderEpoch)$/;
const timestamps = [-1, -2, -3, 0];
const resourceTypes = [2, 4];

export function fittingRequests<N extends ApiName>(api: N, version: number, known: Known): readonly RequestOf<N>[] {
  const samples = fc.sample(anyValueOf(apis[api].request.shape, version), { seed: version, numRuns: 40 });
  return samples.map((sample) => {
    const adapted = adapt(api, known, '', sample) as object;
    return apis[api].request.create({ ...adapted, ...(overrides[api] ?? {}) } as never) as RequestOf<N>;
  });
}

const overrides: Partial<Record<ApiName, object>> = {
  produce: { acks: 1, transactionalId: null },
  fetch: { maxWaitMs: 0, sessionEpoch: -1, maxBytes: 1_000_000 },
  joinGroup: { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000 },
};

function adapt(api: ApiName, known: Known, field: string, value: unknown): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.slice(0, 2).map((item) => adapt(api, known, field, item));
  if (value instanceof Uint8Array) return field === 'records' ? known.batch : value;
  switch (typeof value) {
    case 'object':
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, adapt(api, known, name, inner)]));
    case 'string':
      return adaptString(api, known, field, value);
    case 'number':
      return adaptNumber(known, field, value);
    default:
      return value;
  }
}

function adaptString(api: ApiName, known: Known, field: string, value: string): string {
  if (/^(incrementalA|a)lterConfigs$/.test(api) && field === 'name') return 'retention.ms';
  if (topicFields.test(field)) return known.topic;
  if (field === 'topicId') return known.topicId;
  if (groupFields.test(field)) return known.groupId;
  if (/transactionalId/i.test(field)) return known.transactionalId;
  if (field === 'memberId') return known.memberId;
  if (field === 'protocolType') return 'consumer';
  return field === 'protocolName' ? 'range' : value;
}

function adaptNumber(known: Known, field: string, value: number): number {
  if (zeroFields.test(field)) return 0;
  if (/producerId/i.test(field)) return known.producerId;
  if (/producerEpoch/i.test(field)) return known.producerEpoch;
  if (/generation/.test(field)) return known.generationId;
  if (field === 'timestamp') return timestamps[Math.abs(value) % timestamps.length]!;
  if (field === 'partitionMaxBytes') return 1_000_000;
  return field === 'resourceType' ? resourceTypes[Math.abs(value) % resourceTypes.length]! : value;
}
