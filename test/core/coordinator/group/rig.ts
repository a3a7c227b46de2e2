// Groups over a shard log in memory, with a clock moved by hand.

import type { JoinReply, SyncReply } from '../../../../core/coordinator/group/group.ts';
import { createGroupShard, type GroupShard } from '../../../../core/coordinator/group/group-shard.ts';
import type { JoinRequest, SyncRequest } from '../../../../core/coordinator/group/membership.ts';
import type { GroupSettings } from '../../../../core/coordinator/group/turn.ts';
import { type CoordinatorRuntime, createCoordinatorRuntime } from '../../../../core/coordinator/runtime.ts';
import { silentLogger } from '../../../../core/kernel/logger.ts';
import { createManualClock, type ManualClock } from '../../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../../core/kernel/random.ts';
import { createMemoryShardLog, type MemoryShardLog } from '../memory-shard-log.ts';

export const group = 'readers';
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array): string => Buffer.from(value).toString();

export interface GroupRig {
  readonly clock: ManualClock;
  readonly log: MemoryShardLog;
  readonly runtime: CoordinatorRuntime<GroupShard>;
  join(init?: Partial<JoinRequest>): Promise<JoinReply>;
  /** Joins with a known id at once, as clients below version 4 do. */
  sync(init: Partial<SyncRequest> & Pick<SyncRequest, 'generationId' | 'memberId'>): Promise<SyncReply>;
  heartbeat(member: { memberId: string; generationId: number; groupInstanceId?: string | null }): Promise<string>;
  leave(...memberIds: string[]): Promise<readonly string[] | string>;
  commit(
    offset: number,
    committer?: { memberId?: string; generationId?: number; groupInstanceId?: string | null },
  ): Promise<string>;
  committed(topic?: string): Promise<number | string>;
  state(): Promise<string>;
  /** Lets everything that is ready happen. */
  settle(): Promise<void>;
  /** Moves time and lets what it fires happen. */
  pass(ms: number): Promise<void>;
}

export const groupDefaults: GroupSettings = {
  initialRebalanceDelayMs: 3_000,
  sessionTimeoutMsMin: 6_000,
  sessionTimeoutMsMax: 1_800_000,
  membersMax: 100,
  offsetsRetentionMs: 60 * 60_000,
  offsetMetadataBytesMax: 4_096,
};

export interface GroupRigOptions {
  readonly settings?: Partial<GroupSettings>;
  readonly log?: MemoryShardLog;
  readonly clock?: ManualClock;
  readonly seed?: number;
}

export function createGroupRig({
  settings = {},
  log = createMemoryShardLog(),
  clock = createManualClock(1_000_000),
  seed = 1,
}: GroupRigOptions = {}): GroupRig {
  const random = seededRandom(seed);
  const runtime = createCoordinatorRuntime<GroupShard>({
    topic: '__consumer_offsets',
    partitions: () => 1,
    makeShard: (context) => createGroupShard(context, { settings: { ...groupDefaults, ...settings }, random }),
    openLog: async () => log,
    existing: async () => [0],
    clock,
    logger: silentLogger,
  });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    clock,
    log,
    runtime,
    join: (init) =>
      runtime.run(group, (shard) =>
        shard.join({
          groupId: group,
          memberId: '',
          groupInstanceId: null,
          clientId: 'client',
          clientHost: '/here',
          sessionTimeoutMs: 10_000,
          rebalanceTimeoutMs: 20_000,
          protocolType: 'consumer',
          protocols: [{ name: 'range', metadata: bytes('topics') }],
          requireKnownMemberId: false,
          supportsSkippingAssignment: true,
          ...init,
        }),
      ),
    sync: (init) =>
      runtime.run(group, (shard) =>
        shard.sync({
          groupId: group,
          groupInstanceId: null,
          protocolType: null,
          protocolName: null,
          assignments: [],
          ...init,
        }),
      ),
    heartbeat: ({ memberId, generationId, groupInstanceId = null }) =>
      runtime.run(group, (shard) => shard.heartbeat({ groupId: group, memberId, generationId, groupInstanceId })),
    leave: (...memberIds) =>
      runtime.run(group, (shard) =>
        shard.leave(
          group,
          memberIds.map((memberId) => ({ memberId, groupInstanceId: null })),
        ),
      ),
    async commit(offset, { memberId = '', generationId = -1, groupInstanceId = null } = {}) {
      const outcomes = await runtime.run(group, (shard) =>
        shard.commit({
          groupId: group,
          committer: { memberId, generationId, groupInstanceId },
          offsets: [{ topic: 'orders', partition: 0, offset, leaderEpoch: -1, metadata: '' }],
          retentionMs: -1,
        }),
      );
      return outcomes[0]!;
    },
    async committed(topic = 'orders') {
      const [fetched] = await runtime.run(group, (shard) =>
        shard.fetch({ groupId: group, partitions: [{ topic, partition: 0 }], requireStable: true }),
      );
      return fetched!.error === 'NONE' ? (fetched!.committed?.offset ?? -1) : fetched!.error;
    },
    async state() {
      return (await runtime.run(group, (shard) => shard.describe(group)))?.state ?? 'Dead';
    },
    settle,
    async pass(ms) {
      await settle();
      clock.advance(ms);
      await settle();
      await settle();
    },
  };
}

/** Makes a stable group of that many members; the first leads. */
export async function stableGroup(rig: GroupRig, size: number, init: Partial<JoinRequest> = {}): Promise<JoinReply[]> {
  const joining = Array.from({ length: size }, () => rig.join(init));
  await rig.settle();
  await passInitialDelay(rig);
  const joined = await Promise.all(joining);
  await syncAll(rig, joined);
  return joined;
}

/** Time goes in steps, because a deadline that fires is carried out after the clock has moved. */
export async function passInitialDelay(rig: GroupRig): Promise<void> {
  for (let i = 0; i < 3; i++) await rig.pass(groupDefaults.initialRebalanceDelayMs);
}

/** The leader gives each member its own id as its assignment. */
export async function syncAll(rig: GroupRig, joined: readonly JoinReply[]): Promise<SyncReply[]> {
  const assignments = joined.map(({ memberId }) => ({ memberId, assignment: bytes(`for ${memberId}`) }));
  return Promise.all(
    joined.map(({ memberId, leader, generationId }) =>
      rig.sync({ memberId, generationId, assignments: memberId === leader ? assignments : [] }),
    ),
  );
}
