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
  /** When the cluster answered without it: for the first time in a row, and last. A question without an answer says nothing. */
  const missing = new Map<string, { readonly sinceMs: number; readonly untilMs: number }>();
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
      for (const one of asked) noteMissing(one);
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

  /** Between two leaders it is there all the same. */
  const isThere = ({ topic, partition }: TopicPartition) =>
    partition < (cluster.topicSeen(topic)?.partitions.length ?? 0);

  function noteMissing(one: TopicPartition): void {
    const name = partitionName(one);
    const nowMs = clock.monotonicMs();
    if (isThere(one)) missing.delete(name);
    else missing.set(name, { sinceMs: missing.get(name)?.sinceMs ?? nowMs, untilMs: nowMs });
  }

  function missingFault(topic: string, partition: number): Fault | undefined {
    if (isThere({ topic, partition })) return undefined;
    const { sinceMs = 0, untilMs = 0 } = missing.get(partitionName({ topic, partition })) ?? {};
    if (untilMs - sinceMs < missingMsMax) return undefined;
    const partitions = cluster.topicSeen(topic)?.partitions.length;
    return partitions === undefined
      ? new Fault('TOPIC_NOT_FOUND', { topic })
      : new Fault('PARTITION_NOT_FOUND', { topic, partition, partitions });
  }

  return {
    of(topic, partition) {
      const leader = cluster.leaderSeen(topic, partition);
      if (leader !== undefined) {
        if (missing.size > 0) missing.delete(partitionName({ topic, partition }));
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
