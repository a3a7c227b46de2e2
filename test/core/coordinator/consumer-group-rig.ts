// Consumer groups over a shard log in memory, with topics and a clock that are moved by hand. The coordinator can be
// loaded anew from its log at any point.
import type { ConsumerGroupDescription } from '../../../core/coordinator/group/consumer/consumer-description.ts';
import type { ConsumerGroupSettings, Refusal } from '../../../core/coordinator/group/consumer/consumer-turn.ts';
import { consumerGroupDefaults } from '../../../core/coordinator/group/consumer/consumer-turn.ts';
import type { ConsumerHeartbeatReply } from '../../../core/coordinator/group/consumer/heartbeat.ts';
import type { ConsumerHeartbeatRequest } from '../../../core/coordinator/group/consumer/heartbeat-request.ts';
import type { TopicView } from '../../../core/coordinator/group/consumer/subscription.ts';
import { createGroupShard, type GroupShard } from '../../../core/coordinator/group/group-shard.ts';
import { type CoordinatorRuntime, createCoordinatorRuntime } from '../../../core/coordinator/runtime.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock, type ManualClock } from '../../../core/kernel/manual-clock.ts';
import { randomUuid, seededRandom } from '../../../core/kernel/random.ts';
import { groupDefaults } from './group/rig.ts';
import { createMemoryShardLog, type MemoryShardLog } from './memory-shard-log.ts';

export const groupId = 'readers';

type Reply = ConsumerHeartbeatReply | Refusal;

export interface ConsumerRig {
  readonly clock: ManualClock;
  readonly log: MemoryShardLog;
  readonly topics: ReadonlyMap<string, TopicView>;
  readonly runtime: CoordinatorRuntime<GroupShard>;
  /** Makes it, or has it grow. */
  topic(name: string, partitions: number): TopicView;
  deleteTopic(name: string): void;
  beat(
    init: Partial<ConsumerHeartbeatRequest> & Pick<ConsumerHeartbeatRequest, 'memberId' | 'memberEpoch'>,
  ): Promise<Reply>;
  /** A first heartbeat, to all topics of `names`. */
  join(
    memberId: string,
    names: readonly string[],
    init?: Partial<ConsumerHeartbeatRequest>,
  ): Promise<ConsumerHeartbeatReply>;
  commit(memberId: string, memberEpoch: number, transactional?: boolean): Promise<string>;
  describe(): Promise<ConsumerGroupDescription | null>;
  /** Topic and partition of everything that member has, 'orders-0'; null if it isn't in the group. */
  assigned(memberId: string): Promise<string[] | null>;
  reload(): Promise<void>;
  /** Moves time in steps, letting what fires happen. */
  pass(ms: number): Promise<void>;
}

export function createConsumerRig({
  settings = {},
  seed = 1,
}: {
  settings?: Partial<ConsumerGroupSettings>;
  seed?: number;
} = {}): ConsumerRig {
  const random = seededRandom(seed);
  const clock = createManualClock(1_000_000);
  const log = createMemoryShardLog();
  const topics = new Map<string, TopicView>();
  const topicsById = new Map<string, TopicView>();
  const start = () =>
    createCoordinatorRuntime<GroupShard>({
      topic: '__consumer_offsets',
      partitions: () => 1,
      makeShard: (context) =>
        createGroupShard(context, {
          settings: groupDefaults,
          random,
          consumerSettings: { ...consumerGroupDefaults, ...settings },
          directory: { topics, topicsById },
        }),
      openLog: async () => log,
      existing: async () => [0],
      clock,
      logger: silentLogger,
    });
  let runtime = start();
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

  function put(topic: TopicView): TopicView {
    topics.set(topic.name, topic);
    topicsById.set(topic.id, topic);
    return topic;
  }

  const beat: ConsumerRig['beat'] = (init) =>
    runtime.run(groupId, (shard) =>
      shard.consumerHeartbeat({
        groupId,
        instanceId: null,
        rackId: null,
        clientId: 'client',
        clientHost: '/here',
        rebalanceTimeoutMs: -1,
        subscribedTopicNames: null,
        subscribedTopicRegex: null,
        serverAssignor: null,
        topicPartitions: null,
        requireMemberId: true,
        ...init,
      }),
    );
  const describe = () => runtime.run(groupId, (shard) => shard.describeConsumerGroup(groupId));

  return {
    clock,
    log,
    topics,
    get runtime() {
      return runtime;
    },
    topic: (name, partitions) => put({ name, id: topics.get(name)?.id ?? randomUuid(random), partitions }),
    deleteTopic(name) {
      topicsById.delete(topics.get(name)!.id);
      topics.delete(name);
    },
    beat,
    async join(memberId, names, init) {
      const reply = await beat({
        memberId,
        memberEpoch: 0,
        rebalanceTimeoutMs: 30_000,
        subscribedTopicNames: names,
        topicPartitions: [],
        ...init,
      });
      if (reply.error !== 'NONE') throw new Error(`${reply.error}: ${reply.message}`);
      return reply;
    },
    async commit(memberId, memberEpoch, transactional = false) {
      const outcomes = await runtime.run(groupId, (shard) =>
        shard.commit({
          groupId,
          committer: { memberId, generationId: memberEpoch, groupInstanceId: null },
          offsets: [{ topic: 'orders', partition: 0, offset: 7, leaderEpoch: -1, metadata: '' }],
          retentionMs: -1,
          ...(transactional && { transaction: { producerId: 5, producerEpoch: 0 } }),
        }),
      );
      return outcomes[0]!;
    },
    describe,
    async assigned(memberId) {
      const member = (await describe())?.members.find((one) => one.memberId === memberId);
      return (
        member?.assignment.flatMap(({ topicName, partitions }) => partitions.map((p) => `${topicName}-${p}`)).sort() ??
        null
      );
    },
    async reload() {
      await runtime.close();
      runtime = start();
      await describe();
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= 1_000) {
        await settle();
        clock.advance(Math.min(left, 1_000));
        await settle();
      }
      await settle();
    },
  };
}

/** What a client does with a consumer group: tells what it has, gives up what it is told to, takes what it is given. */
export interface ModelMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  names: readonly string[];
  epoch: number;
  /** 'topicId/partition' of what it works on. */
  owned: ReadonlySet<string>;
  /** As the coordinator said last. */
  told: ReadonlySet<string>;
  /** All it may be working on as far as the coordinator can know. */
  held: ReadonlySet<string>;
  /** What it said last that it has; null if that may not have been heard. */
  reported: ReadonlySet<string> | null;
  /** Something about it may not have been heard: the next heartbeat says everything. */
  full: boolean;
  lastError: string;
}

export const newModelMember = (
  memberId: string,
  names: readonly string[],
  instanceId: string | null = null,
): ModelMember => ({
  memberId,
  instanceId,
  names,
  epoch: 0,
  owned: new Set(),
  told: new Set(),
  held: new Set(),
  reported: null,
  full: true,
  lastError: 'NONE',
});

const none: ReadonlySet<string> = new Set();

export function partitionsOf(set: ReadonlySet<string>): { topicId: string; partitions: number[] }[] {
  const byTopic = new Map<string, number[]>();
  for (const name of set) {
    const [topicId, partition] = name.split('/') as [string, string];
    byTopic.set(topicId, [...(byTopic.get(topicId) ?? []), Number(partition)]);
  }
  return [...byTopic].map(([topicId, partitions]) => ({ topicId, partitions }));
}

export async function modelBeat(
  rig: ConsumerRig,
  member: ModelMember,
  {
    loseAnswer = false,
    quiet = false,
    assignor = null,
  }: { loseAnswer?: boolean /** Says only what has changed. */; quiet?: boolean; assignor?: string | null } = {},
): Promise<void> {
  const { memberId, instanceId, epoch, full } = member;
  if (epoch === 0) member.owned = member.told = none;
  const reported = member.owned;
  const unchanged = !full && member.reported === reported;
  let reply: Reply;
  try {
    reply = await rig.beat({
      memberId,
      memberEpoch: epoch,
      instanceId,
      serverAssignor: full ? assignor : null,
      ...(full && { rebalanceTimeoutMs: 20_000, subscribedTopicNames: member.names }),
      topicPartitions: quiet && unchanged ? null : partitionsOf(reported),
    });
  } catch {
    member.full = true; // the coordinator could not write: as if the request was lost
    return;
  }
  member.lastError = reply.error;
  if (reply.error !== 'NONE') {
    if (loseAnswer) {
      member.full = true;
      return;
    }
    // Everything is to be given up, and then to join anew.
    member.owned = member.told = none;
    member.epoch = 0;
    member.full = true;
    return;
  }
  member.reported = loseAnswer ? null : reported;
  member.held = quiet && unchanged ? member.held : reported;
  member.full = loseAnswer;
  if (loseAnswer) return;
  member.epoch = reply.memberEpoch;
  if (reply.assignment !== null) {
    member.told = new Set([...reply.assignment].flatMap(([topicId, set]) => [...set].map((p) => `${topicId}/${p}`)));
    member.held = new Set([...member.held, ...member.told]);
  }
}

/** Gives up what it is to give up. */
export const modelRevoke = (member: ModelMember): void => {
  member.owned = new Set([...member.owned].filter((name) => member.told.has(name)));
};

/**
 * Has given up what it was to, and begins with what it was given; not while it waits for an answer that was lost, for that
 * may have taken back what it was given and has not begun with (a gap of KIP-848: a member that says that it doesn't have
 * a partition is taken to have given it up).
 */
export const modelTake = (member: ModelMember): void => {
  if (member.full) modelRevoke(member);
  else member.owned = member.told;
};
