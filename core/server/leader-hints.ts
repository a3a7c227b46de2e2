// Who leads a partition instead of this node, and where that one is: told with the refusal, so that a client goes on there
// without asking for metadata first (KIP-951). What it says may be older than what the client knows; epochs tell.
import type { TopicImage } from '../controller/catalog.ts';
import { errors } from '../protocol/error-code.ts';
import type { Call } from './handler.ts';

export interface LeaderHint {
  readonly leaderId: number;
  readonly leaderEpoch: number;
}

export interface LeaderHints {
  /** For a partition that is answered with this error; `noLeader` where it is another's business, or nobody is known. */
  of(errorCode: number, topic: TopicImage | string | undefined, partition: number): LeaderHint;
  /** Of those that were told. */
  endpoints(): { nodeId: number; host: string; port: number; rack: string | null }[];
}

/** The same object in every answer that has nothing to say there. */
export const noLeader: LeaderHint = { leaderId: -1, leaderEpoch: -1 };

/** @param since the versions of the answer that can name a leader, and its address */
export function createLeaderHints(
  { version, parts: { partitions, view, settings } }: Call,
  since: { readonly leader: number; readonly address: number },
): LeaderHints {
  const told = new Set<number>();
  return {
    of(errorCode, topic, partition) {
      const isFenced = errorCode === errors.FENCED_LEADER_EPOCH.code;
      if (!isFenced && errorCode !== errors.NOT_LEADER_OR_FOLLOWER.code) return noLeader;
      if (typeof topic !== 'object' || version < since.leader) return noLeader;
      const { leaderId, leaderEpoch } = partitions.place(topic, partition);
      // This node itself where it hasn't heard yet who follows it.
      if (leaderId < 0 || (leaderId === settings.nodeId && !isFenced)) return noLeader;
      told.add(leaderId);
      return { leaderId, leaderEpoch };
    },
    endpoints: () =>
      told.size === 0 || version < since.address
        ? []
        : view
            .nodes()
            .filter(({ nodeId }) => told.has(nodeId))
            .map(({ nodeId, host, port, rack }) => ({ nodeId, host, port, rack })),
  };
}
