// The groups of one partition of __consumer_offsets: each command of the group APIs, as records and a reply. What the
// members of a classic group do is in membership.ts and rebalance.ts, those of a consumer group in consumer/; here it is
// joined with the offsets, the log and the timers.
import { createLatch } from '../../kernel/latch.ts';
import type { Random } from '../../kernel/random.ts';
import { decodeConsumerGroupKey } from '../../protocol/messages/consumer-group-records.ts';
import type { ShardContext } from '../runtime.ts';
import type { CommandResult, CoordinatorRecord, Shard, TransactionMarker } from '../shard.ts';
import type { ConsumerGroupDescription } from './consumer/consumer-description.ts';
import type { ConsumerGroup } from './consumer/consumer-group.ts';
import { createConsumerGroups } from './consumer/consumer-groups.ts';
import { consumerCommitError, consumerFetchError, type OffsetReader } from './consumer/consumer-offsets.ts';
import { type ConsumerGroupSettings, consumerGroupDefaults, type Refusal } from './consumer/consumer-turn.ts';
import type { ConsumerHeartbeatReply } from './consumer/heartbeat.ts';
import type { ConsumerHeartbeatRequest } from './consumer/heartbeat-request.ts';
import type { TopicDirectory } from './consumer/subscription.ts';
import { describeGroup, type GroupDescription, type GroupListing, listGroup } from './description.ts';
import { expired, subscribed } from './expiry.ts';
import {
  addMember,
  type Group,
  type JoinReply,
  type MemberError,
  newGroup,
  type SyncReply,
  type Waiter,
} from './group.ts';
import { type HeartbeatError, type HeartbeatRequest, heartbeat } from './heartbeat.ts';
import {
  type JoinRequest,
  join,
  type LeavingMember,
  leave,
  refusedSync,
  type SyncRequest,
  sync,
} from './membership.ts';
import type { FetchedOffset, OffsetCommit, OffsetCommitError, OffsetFetch } from './offset-requests.ts';
import { commitError, createOffsetTable } from './offsets.ts';
import { extendSession, rebalance, refusedJoin } from './rebalance.ts';
import { decodeRecord, type GroupImage, groupTombstone, offsetRecord, offsetTombstone } from './record.ts';
import type { GroupSettings, Turn } from './turn.ts';

export interface ListedGroup extends Omit<GroupListing, 'state'> {
  readonly type: 'classic' | 'consumer';
  readonly state: GroupListing['state'] | ConsumerGroupDescription['state'];
}

export interface GroupShard extends Shard {
  join(request: JoinRequest): CommandResult<Promise<JoinReply>>;
  sync(request: SyncRequest): CommandResult<Promise<SyncReply>>;
  heartbeat(request: HeartbeatRequest): CommandResult<HeartbeatError>;
  /** One outcome a member, or one error for all. */
  leave(groupId: string, members: readonly LeavingMember[]): CommandResult<('NONE' | MemberError)[] | MemberError>;
  /** One outcome an offset, in order. */
  commit(request: OffsetCommit): CommandResult<OffsetCommitError[]>;
  fetch(request: OffsetFetch): CommandResult<FetchedOffset[]>;
  /** Whether that one may fetch. A question and no command: anyone may where the group is not of the consumer protocol. */
  readerError(groupId: string, reader: OffsetReader): ReturnType<typeof consumerFetchError>;
  /** Null where there is no such classic group. */
  describe(groupId: string): CommandResult<GroupDescription | null>;
  /** Joins, stays in, and leaves a group of the consumer protocol (KIP-848). An empty classic group makes place for it. */
  consumerHeartbeat(request: ConsumerHeartbeatRequest): CommandResult<ConsumerHeartbeatReply | Refusal>;
  /** Null where there is no such group of the consumer protocol. */
  describeConsumerGroup(groupId: string): CommandResult<ConsumerGroupDescription | null>;
  /** Of both kinds. */
  list(): CommandResult<ListedGroup[]>;
  deleteGroup(groupId: string): CommandResult<'NONE' | 'GROUP_ID_NOT_FOUND' | 'NON_EMPTY_GROUP'>;
  /** One outcome a partition, in order, or one error for all. */
  deleteOffsets(
    groupId: string,
    partitions: readonly { topic: string; partition: number }[],
  ): CommandResult<('NONE' | 'GROUP_SUBSCRIBED_TO_TOPIC')[] | 'GROUP_ID_NOT_FOUND' | 'NON_EMPTY_GROUP'>;
  /** Of topics that were deleted. */
  forgetTopics(topics: ReadonlySet<string>): CommandResult<void>;
  /** Removes offsets that outlived their retention, and empty groups without any. To be called every now and then. */
  expire(): CommandResult<void>;
}

export function createGroupShard(
  context: ShardContext<GroupShard>,
  {
    settings,
    random,
    consumerSettings = consumerGroupDefaults,
    directory = noTopics,
  }: {
    settings: GroupSettings;
    random: Random;
    consumerSettings?: ConsumerGroupSettings;
    /** What members of the consumer protocol can read. Default no topics. */
    directory?: TopicDirectory;
  },
): GroupShard {
  const { clock, timers } = context;
  /** Of the classic protocol. A group id is here or in `consumers`, never in both. */
  const groups = new Map<string, Group>();
  const consumers = createConsumerGroups({
    clock,
    timers,
    settings: consumerSettings,
    random,
    directory,
    replay: (record) => shard.replay(record, null),
  });
  const offsets = createOffsetTable();

  /** Runs one step of a group's state machine, which changes memory itself. */
  function act<Reply>(step: (turn: Turn) => Reply): CommandResult<Reply> {
    const records: CoordinatorRecord[] = [];
    const answers: ((committed: boolean) => void)[] = [];
    const name = (group: Group, kind: string) => `${group.groupId}\0${kind}`;
    const reply = step({
      nowMs: clock.now(),
      settings,
      random,
      write: (record) => void records.push(record),
      answer: (waiter, answer) =>
        void answers.push((committed) => (committed ? waiter.resolve(answer) : waiter.fail())),
      schedule(group, kind, delayMs, later) {
        timers.schedule(name(group, kind), delayMs, (shard) => (shard as InnerShard).resume(group.groupId, later));
      },
      cancel: (group, kind) => timers.cancel(name(group, kind)),
      scheduled: (group, kind) => timers.has(name(group, kind)),
    });
    const settle = (outcome: 'committed' | 'failed') => {
      for (const answer of answers) answer(outcome === 'committed');
    };
    return { records, reply, applied: true, settle };
  }

  const read = <Reply>(reply: Reply): CommandResult<Reply> => ({ records: [], reply });

  function groupFor(groupId: string): Group {
    let group = groups.get(groupId);
    if (group === undefined) groups.set(groupId, (group = newGroup(groupId, clock.now())));
    return group;
  }

  /** Also of what open transactions have committed, which would come back with their end. */
  const offsetTombstones = (groupId: string): CoordinatorRecord[] => [...offsets.places(groupId)].map(offsetTombstone);

  /** Of the group and its offsets. */
  const tombstonesOf = ({ groupId }: Group): CoordinatorRecord[] => [
    ...offsetTombstones(groupId),
    groupTombstone(groupId),
  ];
  const consumerTombstonesOf = (group: ConsumerGroup): CoordinatorRecord[] => [
    ...offsetTombstones(group.groupId),
    ...consumers.tombstones(group),
  ];

  function expireGroup(group: Group, nowMs: number): CoordinatorRecord[] {
    const { groupId } = group;
    const all = [...offsets.of(groupId)];
    const gone = all.filter(
      ([topic, partition, committed]) =>
        !offsets.pending({ groupId, topic, partition }) &&
        expired(group, topic, committed, { nowMs, retentionMs: settings.offsetsRetentionMs }),
    );
    const idle = group.state === 'empty' && group.pendingJoins.size === 0 && !offsets.anyPending(groupId);
    if (gone.length === all.length && idle) return tombstonesOf(group);
    return gone.map(([topic, partition]) => offsetTombstone({ groupId, topic, partition }));
  }

  function expireConsumerGroup(group: ConsumerGroup, nowMs: number): CoordinatorRecord[] {
    const { groupId, members } = group;
    const all = [...offsets.of(groupId)];
    const gone = all.filter(
      ([topic, partition, { committedAtMs }]) =>
        nowMs - committedAtMs >= settings.offsetsRetentionMs &&
        !offsets.pending({ groupId, topic, partition }) &&
        !consumers.reads(group, topic),
    );
    if (gone.length === all.length && members.size === 0 && !offsets.anyPending(groupId)) {
      return consumerTombstonesOf(group);
    }
    return gone.map(([topic, partition]) => offsetTombstone({ groupId, topic, partition }));
  }

  /** An empty group of the other kind makes place; its offsets stay. */
  function clearForClassic(turn: Turn, groupId: string): void {
    const other = consumers.get(groupId);
    if (other === undefined) return;
    for (const tombstone of consumers.tombstones(other)) {
      turn.write(tombstone);
      shard.replay(tombstone, null);
    }
  }

  function clearForConsumer(groupId: string): readonly CoordinatorRecord[] | null {
    const other = groups.get(groupId);
    if (other === undefined) return [];
    return other.state === 'empty' ? [groupTombstone(groupId)] : null;
  }

  const shard: InnerShard = {
    resume: (groupId, step) =>
      act((turn) => {
        const group = groups.get(groupId);
        if (group !== undefined) step(turn, group);
      }),
    join(request) {
      const { sessionTimeoutMs, memberId, groupId } = request;
      if (sessionTimeoutMs < settings.sessionTimeoutMsMin || sessionTimeoutMs > settings.sessionTimeoutMsMax) {
        return read(Promise.resolve(refusedJoin('INVALID_SESSION_TIMEOUT', memberId)));
      }
      if ((consumers.get(groupId)?.members.size ?? 0) > 0) {
        return read(Promise.resolve(refusedJoin('INCONSISTENT_GROUP_PROTOCOL', memberId)));
      }
      if (memberId !== '' && !groups.has(groupId))
        return read(Promise.resolve(refusedJoin('UNKNOWN_MEMBER_ID', memberId)));
      return act((turn) => {
        clearForClassic(turn, groupId);
        const latch = createLatch<JoinReply>();
        const fail = () => latch.resolve(refusedJoin('NOT_COORDINATOR', memberId));
        join(turn, groupFor(groupId), request, { resolve: latch.resolve, fail });
        return latch.promise;
      });
    },
    sync(request) {
      const group = groups.get(request.groupId);
      if (group === undefined) return read(Promise.resolve(refusedSync('UNKNOWN_MEMBER_ID')));
      return act((turn) => {
        const latch = createLatch<SyncReply>();
        const waiter: Waiter<SyncReply> = {
          resolve: latch.resolve,
          fail: () => latch.resolve(refusedSync('NOT_COORDINATOR')),
        };
        sync(turn, group, request, waiter);
        return latch.promise;
      });
    },
    heartbeat(request) {
      const group = groups.get(request.groupId);
      return group === undefined ? read('UNKNOWN_MEMBER_ID') : act((turn) => heartbeat(turn, group, request));
    },
    leave(groupId, members) {
      const group = groups.get(groupId);
      return group === undefined ? read('UNKNOWN_MEMBER_ID') : act((turn) => leave(turn, group, members));
    },
    commit({ groupId, committer, offsets: given, retentionMs, transaction }) {
      const group = groups.get(groupId);
      const consumerGroup = consumers.get(groupId);
      const error =
        consumerGroup === undefined
          ? commitError(group, committer, transaction !== undefined)
          : consumerCommitError(consumerGroup, committer, transaction !== undefined);
      if (error !== 'NONE') return read(given.map(() => error));
      const member = group?.members.get(committer.memberId);
      if (group !== undefined && member !== undefined) act((turn) => extendSession(turn, group, member));
      const committedAtMs = clock.now();
      const expiresAtMs = retentionMs >= 0 ? committedAtMs + retentionMs : -1;
      const records: CoordinatorRecord[] = [];
      const reply = given.map(({ topic, partition, offset, leaderEpoch, metadata }): OffsetCommitError => {
        if (Buffer.byteLength(metadata) > settings.offsetMetadataBytesMax) return 'OFFSET_METADATA_TOO_LARGE';
        const committed = { offset, leaderEpoch, metadata, committedAtMs, expiresAtMs };
        records.push(offsetRecord({ groupId, topic, partition }, committed));
        return 'NONE';
      });
      return transaction === undefined ? { records, reply } : { records, reply, transaction };
    },
    readerError(groupId, reader) {
      const group = consumers.get(groupId);
      return group === undefined ? 'NONE' : consumerFetchError(group, reader);
    },
    fetch({ groupId, partitions, requireStable }) {
      const asked = partitions ?? [...offsets.of(groupId)].map(([topic, partition]) => ({ topic, partition }));
      return read(
        asked.map(({ topic, partition }): FetchedOffset => {
          const place = { groupId, topic, partition };
          return requireStable && offsets.pending(place)
            ? { topic, partition, error: 'UNSTABLE_OFFSET_COMMIT', committed: null }
            : { topic, partition, error: 'NONE', committed: offsets.get(place) ?? null };
        }),
      );
    },
    describe(groupId) {
      const group = groups.get(groupId);
      return read(group === undefined ? null : describeGroup(group));
    },
    consumerHeartbeat: (request) => consumers.heartbeat(request, clearForConsumer(request.groupId)),
    describeConsumerGroup: (groupId) => read(consumers.describe(groupId)),
    list: () =>
      read([
        ...[...groups.values()].map((group) => ({ ...listGroup(group), type: 'classic' as const })),
        ...[...consumers.all()].map((group) => ({ ...consumers.listing(group), type: 'consumer' as const })),
      ]),
    deleteGroup(groupId) {
      const consumerGroup = consumers.get(groupId);
      if (consumerGroup !== undefined) {
        if (consumerGroup.members.size > 0) return read('NON_EMPTY_GROUP');
        return { records: consumerTombstonesOf(consumerGroup), reply: 'NONE' };
      }
      const group = groups.get(groupId);
      if (group === undefined) return read('GROUP_ID_NOT_FOUND');
      if (group.state !== 'empty') return read('NON_EMPTY_GROUP');
      return { records: tombstonesOf(group), reply: 'NONE' };
    },
    deleteOffsets(groupId, partitions) {
      const group = groups.get(groupId);
      const consumerGroup = consumers.get(groupId);
      if (group === undefined && consumerGroup === undefined) return read('GROUP_ID_NOT_FOUND');
      if (group !== undefined && group.state !== 'empty' && group.protocolType !== 'consumer')
        return read('NON_EMPTY_GROUP');
      const isRead = (topic: string) =>
        (group !== undefined && group.state !== 'empty' && subscribed(group, topic) !== false) ||
        (consumerGroup !== undefined && consumers.reads(consumerGroup, topic));
      const records: CoordinatorRecord[] = [];
      const reply = partitions.map(({ topic, partition }) => {
        if (isRead(topic)) return 'GROUP_SUBSCRIBED_TO_TOPIC' as const;
        const place = { groupId, topic, partition };
        if (offsets.get(place) !== undefined || offsets.pending(place)) records.push(offsetTombstone(place));
        return 'NONE' as const;
      });
      return { records, reply };
    },
    forgetTopics(topics) {
      const places = [...offsets.places()].filter(({ topic }) => topics.has(topic));
      return { records: places.map(offsetTombstone), reply: undefined };
    },
    expire() {
      const nowMs = clock.now();
      const records = [
        ...[...groups.values()].flatMap((group) => expireGroup(group, nowMs)),
        ...[...consumers.all()].flatMap((group) => expireConsumerGroup(group, nowMs)),
      ];
      return { records, reply: undefined };
    },

    replay(record, transaction) {
      const decoded = decodeRecord(record);
      if (decoded.kind === 'group') {
        if (decoded.image === null) groups.delete(decoded.groupId);
        else groups.set(decoded.groupId, groupOf(decoded.groupId, decoded.image));
      } else if (decoded.kind === 'offset') {
        if (decoded.committed !== null && !consumers.has(decoded.place.groupId)) groupFor(decoded.place.groupId);
        offsets.replay(decoded.place, decoded.committed, transaction);
      } else {
        const key = decodeConsumerGroupKey(record.key);
        if (key === null) return;
        consumers.replay(key, record.value);
        // Made for offsets that come earlier in the log.
        if (consumers.has(key.groupId)) groups.delete(key.groupId);
      }
    },
    replayMarker: (marker: TransactionMarker) => offsets.replayMarker(marker),
    loaded() {
      consumers.loaded();
      // Offsets of a consumer group that has made place for a classic one which is not in the log yet.
      for (const groupId of offsets.groupIds()) if (!consumers.has(groupId)) groupFor(groupId);
      act((turn) => {
        for (const group of groups.values()) {
          for (const member of group.members.values()) extendSession(turn, group, member);
          if (group.members.size > settings.membersMax) rebalance(turn, group);
        }
      });
    },
    unloaded() {
      for (const group of groups.values()) {
        for (const member of group.members.values()) {
          for (const waiter of [...member.joining, ...member.syncing]) waiter.fail();
        }
      }
    },
  };
  return shard;
}

const noTopics: TopicDirectory = { topics: new Map(), topicsById: new Map() };

interface InnerShard extends GroupShard {
  /** Runs what a deadline was set for. */
  resume(groupId: string, step: (turn: Turn, group: Group) => void): CommandResult<void>;
}

function groupOf(groupId: string, image: GroupImage): Group {
  const group = newGroup(groupId, image.stateSinceMs);
  const { protocolType, protocolName, members } = image;
  for (const { metadata, ...member } of members) {
    const protocols = [{ name: protocolName ?? '', metadata }];
    addMember(group, { ...member, protocols, joining: [], syncing: [], isNew: false }, protocolType ?? '');
  }
  Object.assign(group, {
    state: members.length === 0 ? 'empty' : 'stable',
    generationId: image.generationId,
    leaderId: members.length === 0 ? null : image.leaderId,
    protocolType,
    protocolName,
  } satisfies Partial<Group>);
  return group;
}
