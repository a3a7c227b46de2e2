// Looks for the leaders of partitions that have none known: asks the cluster again and again, gently, and says when one
// has been missing for too long. Shared by sender and fetcher, which call `of` whenever they have something to send.
import { backoffMs } from '../kernel/backoff.ts';
import { Fault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import type { Cluster } from './cluster.ts';
import { retryBackoff } from './retry.ts';

export interface LeadersOptions {
  readonly cluster: Cluster;
  /** Whether a topic that isn't there is made by asking for it. */
  readonly createTopics: boolean;
  /** How long a topic may be missing: it may have been made a moment ago and not be known to every node. */
  readonly missingMsMax: number;
  /** The cluster was asked: time to call `of` again. */
  readonly onAnswer: () => void;
}

export interface Leaders {
  /**
   * Node id as last seen; undefined while there is none, and then the cluster is asked. A Fault where the topic or the
   * partition doesn't exist.
   */
  of(topic: string, partition: number): number | undefined | Fault;
  /** The leader is another one. */
  forget(topic: string): void;
  close(): void;
}

export function createLeaders({ cluster, createTopics, missingMsMax, onAnswer }: LeadersOptions): Leaders {
  const { clock, random, logger } = cluster;
  const missingSinceMs = new Map<string, number>();
  const wanted = new Map<string, TopicPartition>();
  const stopping = new AbortController();
  let isAsking = false;
  let tries = 0;

  async function ask(): Promise<void> {
    isAsking = true;
    let topics: string[] = [];
    try {
      if (tries > 0) await clock.sleep(backoffMs(tries - 1, retryBackoff, random), stopping.signal);
      tries += 1;
      const asked = [...wanted.values()];
      wanted.clear();
      topics = [...new Set(asked.map(({ topic }) => topic))];
      await cluster.metadata(topics, { createTopics });
      const areAllFound = asked.every(({ topic, partition }) => cluster.leaderSeen(topic, partition) !== undefined);
      if (areAllFound) tries = 0;
    } catch (error) {
      const level = tries > 1 ? 'debug' : 'warn';
      if (!stopping.signal.aborted) logger[level]({ error, topics }, 'no metadata of topics that are in use');
    } finally {
      isAsking = false;
    }
    if (!stopping.signal.aborted) onAnswer();
  }

  function missingFault(topic: string, partition: number): Fault | undefined {
    const seen = cluster.topicSeen(topic);
    const partitions = seen?.partitions.length ?? 0;
    if (seen !== undefined && partition < partitions) return undefined; // it is there and between two leaders
    const name = partitionName({ topic, partition });
    const nowMs = clock.monotonicMs();
    const sinceMs = missingSinceMs.get(name);
    if (sinceMs === undefined) missingSinceMs.set(name, nowMs);
    if (sinceMs === undefined || nowMs - sinceMs < missingMsMax) return undefined;
    if (seen === undefined) return new Fault('TOPIC_NOT_FOUND', { topic });
    return new Fault('PARTITION_NOT_FOUND', { topic, partition, partitions });
  }

  return {
    of(topic, partition) {
      const leader = cluster.leaderSeen(topic, partition);
      if (leader !== undefined) {
        if (missingSinceMs.size > 0) missingSinceMs.delete(partitionName({ topic, partition }));
        return leader;
      }
      const fault = missingFault(topic, partition);
      wanted.set(partitionName({ topic, partition }), { topic, partition });
      if (!isAsking && !stopping.signal.aborted) void ask();
      return fault;
    },
    forget: (topic) => cluster.doubtTopic(topic),
    close: () => stopping.abort(new Fault('CLOSED', { what: 'the client' })),
  };
}
