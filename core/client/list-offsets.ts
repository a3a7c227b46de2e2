// Offsets by time or at an end, asked of the leaders. Shared by the fetcher's reset and by admin.
import { Fault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { apis } from '../protocol/api-table.ts';
import type { Cluster } from './cluster.ts';
import { byTopic } from './offsets.ts';
import { isRetriable, refusal, retrying } from './retry.ts';

/** The log's first offset, its end, that of the record with the highest timestamp, or of the first at or after a time (ms since 1970). */
export type OffsetSpec = 'earliest' | 'latest' | 'maxTimestamp' | number;
export type Isolation = 'readCommitted' | 'readUncommitted';

export interface ListedOffset extends TopicPartition {
  /** -1 where no record is at or after the time asked for. */
  readonly offset: number;
  /** -1 unless asked by time. */
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

/** Twice as long as one request may take, so that one that was lost is asked again. */
const apiTimeoutMs = 60_000;

const specTimestamps = { latest: -1, earliest: -2, maxTimestamp: -3 } as const;

/**
 * In the order asked for. 'latest' is the high watermark, in read committed the last stable offset.
 *
 * @throws Fault `TOPIC_NOT_FOUND`, `PARTITION_NOT_FOUND`
 */
export async function listOffsets(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  spec: OffsetSpec,
  isolation: Isolation = 'readUncommitted',
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<ListedOffset[]> {
  const timestamp = typeof spec === 'number' ? spec : specTimestamps[spec];
  const { clock, random } = cluster;
  const found = new Map<string, ListedOffset>();

  async function askLeader(leader: number, asked: readonly TopicPartition[]): Promise<void> {
    const request = apis.listOffsets.request.create({
      replicaId: -1,
      isolationLevel: isolation === 'readCommitted' ? 1 : 0,
      topics: byTopic(asked).map(([name, list]) => ({
        name,
        partitions: list.map(({ partition }) => ({
          ...{ partitionIndex: partition, timestamp },
          currentLeaderEpoch: cluster.epochSeen(name, partition),
        })),
      })),
    });
    const answer = await cluster.call(leader, 'listOffsets', request, { signal: options.signal });
    for (const { name: topic, partitions: list } of answer.topics) {
      for (const { partitionIndex: partition, errorCode, offset, timestamp: timestampMs, leaderEpoch } of list) {
        if (errorCode !== 0) throw refusal('listOffsets', errorCode, `${topic}-${partition}`);
        found.set(partitionName({ topic, partition }), { topic, partition, offset, timestampMs, leaderEpoch });
      }
    }
  }

  async function attempt(): Promise<void> {
    const byLeader = new Map<number, TopicPartition[]>();
    for (const wanted of partitions) {
      if (found.has(partitionName(wanted))) continue;
      const { partitions: known } = await cluster.topic(wanted.topic);
      const metadata = known[wanted.partition];
      if (metadata === undefined) throw new Fault('PARTITION_NOT_FOUND', { ...wanted, partitions: known.length });
      const list = byLeader.get(metadata.leader);
      if (list === undefined) byLeader.set(metadata.leader, [wanted]);
      else list.push(wanted);
    }
    if (byLeader.has(-1)) throw refusal('listOffsets', 5, partitionName(byLeader.get(-1)![0]!));
    await Promise.all([...byLeader].map(([leader, asked]) => askLeader(leader, asked)));
  }

  await retrying({ clock, random, timeoutMs: options.timeoutMs ?? apiTimeoutMs, signal: options.signal }, async () => {
    try {
      await attempt();
    } catch (error) {
      if (isRetriable(error)) for (const { topic } of partitions) cluster.doubtTopic(topic);
      throw error;
    }
  });
  return partitions.map((wanted) => found.get(partitionName(wanted))!);
}
