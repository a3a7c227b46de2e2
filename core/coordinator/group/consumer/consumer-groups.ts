// The consumer groups of one shard, for group-shard.ts: commands as records and a reply, deadlines, replay. What a
// heartbeat does is in heartbeat.ts and leave.ts.

import type { Clock } from '../../../kernel/clock.ts';
import { type Random, randomUuid } from '../../../kernel/random.ts';
import type { ConsumerGroupKey } from '../../../protocol/messages/consumer-group-records.ts';
import type { CommandResult, CoordinatorRecord } from '../../shard.ts';
import type { ShardTimers } from '../../shard-timers.ts';
import { type ConsumerGroupDescription, describeConsumerGroup } from './consumer-description.ts';
import { type ConsumerGroup, type ConsumerGroupState, newConsumerGroup, stateOf } from './consumer-group.ts';
import { consumerGroupTombstones } from './consumer-record.ts';
import {
  type ConsumerDeadline,
  type ConsumerGroupSettings,
  type ConsumerTurn,
  type Refusal,
  refusal,
} from './consumer-turn.ts';
import { type ConsumerHeartbeatReply, heartbeat, limitRevocation } from './heartbeat.ts';
import { type ConsumerHeartbeatRequest, leaves, requestProblem } from './heartbeat-request.ts';
import { leave, putOut } from './leave.ts';
import { replayConsumerGroup } from './replay.ts';
import { subscriptionsIn, type TopicDirectory } from './subscription.ts';

export interface ConsumerGroups {
  has(groupId: string): boolean;
  get(groupId: string): ConsumerGroup | undefined;
  all(): Iterable<ConsumerGroup>;
  /** @param clear what is to be written first so that a group of that id can be, or null where another kind of group is in use */
  heartbeat(
    request: ConsumerHeartbeatRequest,
    clear: readonly CoordinatorRecord[] | null,
  ): CommandResult<ConsumerHeartbeatReply | Refusal>;
  describe(groupId: string): ConsumerGroupDescription | null;
  listing(group: ConsumerGroup): { groupId: string; protocolType: 'consumer'; state: ConsumerGroupState };
  tombstones(group: ConsumerGroup): CoordinatorRecord[];
  /** Whether any member reads the topic. */
  reads(group: ConsumerGroup, topic: string): boolean;
  replay(key: ConsumerGroupKey, value: Uint8Array | null): void;
  /** The log is read: sessions begin anew. */
  loaded(): void;
}

export function createConsumerGroups({
  clock,
  timers,
  settings,
  random,
  directory,
  replay,
}: {
  clock: Clock;
  timers: Pick<ShardTimers<() => CommandResult<unknown>>, 'schedule' | 'cancel'>;
  settings: ConsumerGroupSettings;
  random: Random;
  directory: TopicDirectory;
  /** The shard's. */
  replay: (record: CoordinatorRecord) => void;
}): ConsumerGroups {
  const groups = new Map<string, ConsumerGroup>();
  const nameOf = (group: ConsumerGroup, memberId: string, kind: ConsumerDeadline) =>
    `${group.groupId}\0consumer ${kind} ${memberId}`;

  /** Memory changes by the records, as they are written. */
  function act<Reply>(step: (turn: ConsumerTurn) => Reply): CommandResult<Reply> {
    const records: CoordinatorRecord[] = [];
    const reply = step({
      nowMs: clock.now(),
      settings,
      directory,
      write(record) {
        records.push(record);
        replay(record);
      },
      schedule(group, memberId, kind, delayMs, spare) {
        const { groupId } = group;
        timers.schedule(nameOf(group, memberId, kind), delayMs, () =>
          act((later) => {
            const current = groups.get(groupId);
            const member = current?.members.get(memberId);
            if (current !== undefined && member !== undefined && spare?.(member) !== true) {
              putOut(later, current, memberId);
            }
          }),
        );
      },
      cancel: (group, memberId, kind) => timers.cancel(nameOf(group, memberId, kind)),
    });
    return { records, reply, applied: true };
  }

  const refuse = (refused: Refusal) => ({ records: [], reply: refused });

  return {
    has: (groupId) => groups.has(groupId),
    get: (groupId) => groups.get(groupId),
    all: () => groups.values(),
    heartbeat(request, clear) {
      const problem = requestProblem(request);
      if (problem !== null) return refuse(problem);
      const { groupId } = request;
      const group = groups.get(groupId);
      if (group === undefined && (clear === null || request.memberEpoch !== 0)) {
        return refuse(refusal('GROUP_ID_NOT_FOUND', notFound(groupId, clear === null)));
      }
      if (group !== undefined && leaves(request)) return act((turn) => leave(turn, group, request));
      return act((turn) => {
        const memberId = request.memberId === '' ? randomUuid(random) : request.memberId;
        if (group !== undefined) return heartbeat(turn, group, { ...request, memberId });
        for (const record of clear ?? []) turn.write(record);
        const added = newConsumerGroup(groupId);
        groups.set(groupId, added);
        return heartbeat(turn, added, { ...request, memberId });
      });
    },
    describe(groupId) {
      const group = groups.get(groupId);
      return group === undefined ? null : describeConsumerGroup(group, directory);
    },
    listing: (group) => ({ groupId: group.groupId, protocolType: 'consumer', state: stateOf(group) }),
    tombstones: consumerGroupTombstones,
    reads(group, topic) {
      const subscriptions = subscriptionsIn(directory);
      for (const member of group.members.values()) {
        if (member.subscribedTopicNames.includes(topic)) return true;
        if (subscriptions.topicsOf(member).some(({ name }) => name === topic)) return true;
      }
      return false;
    },
    replay: (key, value) => replayConsumerGroup(groups, key, value),
    loaded() {
      act((turn) => {
        for (const group of groups.values()) {
          for (const member of group.members.values()) {
            turn.schedule(group, member.memberId, 'session', settings.sessionTimeoutMs);
            if (member.state === 'unrevokedPartitions') limitRevocation(turn, group, member);
          }
        }
      });
    },
  };
}

const notFound = (groupId: string, otherKind: boolean): string =>
  otherKind
    ? `Group ${groupId} is not a consumer group: it has members of the classic protocol, which must leave first.`
    : `Consumer group ${groupId} not found.`;
