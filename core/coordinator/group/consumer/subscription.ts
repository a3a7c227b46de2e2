// From what members subscribe to, names and patterns, to topics that there are; and a fingerprint of those, by which a
// group sees that a topic came, grew or went.
import { createHash } from 'node:crypto';
import { compare } from './assignment.ts';
import type { ConsumerGroup, ConsumerMember } from './consumer-group.ts';
import { topicPattern } from './topic-pattern.ts';

export interface TopicView {
  readonly name: string;
  readonly id: string;
  readonly partitions: number;
}

/** The topics that there are, live: the catalog's image. */
export interface TopicDirectory {
  readonly topics: ReadonlyMap<string, TopicView>;
  readonly topicsById: ReadonlyMap<string, TopicView>;
}

type Subscriber = Pick<ConsumerMember, 'subscribedTopicNames' | 'subscribedTopicRegex'>;

/** Names and pattern are both read, as in Kafka. Patterns match internal topics too. */
export interface Subscriptions {
  topicsOf(member: Subscriber): readonly TopicView[];
}

/** Resolves each pattern and each list of names once; to be used within one turn. */
export function subscriptionsIn(directory: TopicDirectory): Subscriptions {
  const byPattern = new Map<string, readonly TopicView[]>();
  const byNames = new Map<string, readonly TopicView[]>();

  function matching(pattern: string): readonly TopicView[] {
    let found = byPattern.get(pattern);
    if (found === undefined) {
      const matches = topicPattern(pattern);
      found = matches === null ? [] : [...directory.topics.values()].filter(({ name }) => matches(name));
      byPattern.set(pattern, found);
    }
    return found;
  }

  return {
    topicsOf({ subscribedTopicNames: names, subscribedTopicRegex: pattern }) {
      const key = `${pattern ?? ''}\0${names.join('\0')}`;
      let found = byNames.get(key);
      if (found === undefined) {
        const named = names.flatMap((name) => directory.topics.get(name) ?? []);
        const topics = new Set(pattern === null || pattern === '' ? named : [...named, ...matching(pattern)]);
        byNames.set(key, (found = [...topics].sort((a, b) => compare(a.id, b.id))));
      }
      return found;
    },
  };
}

/** Every topic that any member reads, by id. */
export function topicsOf(group: ConsumerGroup, subscriptions: Subscriptions): ReadonlyMap<string, TopicView> {
  const topics = new Map<string, TopicView>();
  const seen = new Set<readonly TopicView[]>();
  for (const member of group.members.values()) {
    const found = subscriptions.topicsOf(member);
    if (seen.has(found)) continue;
    seen.add(found);
    for (const topic of found) topics.set(topic.id, topic);
  }
  return topics;
}

/** 64 bits over ids and sizes, as ConsumerGroupMetadataValue keeps them; not the same bits as Kafka's. 0 for none. */
export function metadataHash(topics: ReadonlyMap<string, TopicView>): bigint {
  if (topics.size === 0) return 0n;
  const hash = createHash('sha256');
  for (const [id, { partitions }] of [...topics].sort(([a], [b]) => compare(a, b)))
    hash.update(`${id} ${partitions}\n`);
  return hash.digest().readBigInt64BE(0);
}
