// Which committed offsets have outlived their retention (KIP-211): of a group without members, counted from when the
// last one left; of topics that a living group no longer reads; of consumers that assign partitions themselves, from
// each commit.
import { ByteReader } from '../../kernel/byte-reader.ts';
import { isFault } from '../../kernel/fault.ts';
import { type Group, metadataFor } from './group.ts';
import type { CommittedOffset } from './offsets.ts';

export function expired(
  group: Group,
  topic: string,
  committed: CommittedOffset,
  { nowMs, retentionMs }: { nowMs: number; retentionMs: number },
): boolean {
  const sinceMs = retentionCountsFrom(group, topic, committed);
  if (sinceMs === null) return false;
  if (committed.expiresAtMs >= 0) return nowMs >= committed.expiresAtMs;
  return nowMs - sinceMs >= retentionMs;
}

function retentionCountsFrom(group: Group, topic: string, committed: CommittedOffset): number | null {
  if (group.protocolType === null) return committed.committedAtMs;
  if (group.state === 'empty') return group.stateSinceMs >= 0 ? group.stateSinceMs : committed.committedAtMs;
  if (group.state === 'stable' && subscribed(group, topic) === false) return committed.committedAtMs;
  return null;
}

/**
 * Whether a member reads `topic`, so far as the coordinator can tell: null when the members' metadata isn't the consumer
 * protocol's or can't be read.
 */
export function subscribed(group: Group, topic: string): boolean | null {
  if (group.protocolType !== 'consumer' || group.protocolName === null) return null;
  try {
    return [...group.members.values()].some((member) =>
      subscriptionTopics(metadataFor(member, group.protocolName)).includes(topic),
    );
  } catch (error) {
    if (isFault(error, 'MALFORMED_BYTES')) return null;
    throw error;
  }
}

/** The beginning of Kafka's ConsumerProtocolSubscription, the same in all its versions: version, topics. */
function subscriptionTopics(metadata: Uint8Array): string[] {
  const reader = new ByteReader(metadata);
  reader.int16();
  const topics: string[] = [];
  for (let left = reader.int32(); left > 0; left--) topics.push(reader.utf8(reader.int16()));
  return topics;
}
