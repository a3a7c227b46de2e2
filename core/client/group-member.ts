// One member of a classic consumer group: joins, gets its assignment, stays alive, rejoins when the group changes, leaves.
// What is assigned is bytes to it. Callbacks are never called two at a time; heartbeats go on while one runs, so that a
// slow one costs a rebalance only when it takes longer than the rebalance timeout.
import { backoffMs } from '../kernel/backoff.ts';
import { Fault } from '../kernel/fault.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';
import { apis, type ResponseOf } from '../protocol/api-table.ts';
import { errorOf } from '../protocol/error-code.ts';
import type { Cluster, CoordinatorKey } from './cluster.ts';
import type { GroupGeneration } from './group-generation.ts';
import { startHeartbeats } from './heartbeats.ts';
import { within } from './latch-within.ts';
import { isRetriable, refusal, refusedWith, retryBackoff } from './retry.ts';

export interface MemberMetadata {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly metadata: Uint8Array;
}

export interface GroupMemberOptions {
  readonly groupId: string;
  /** Without a heartbeat for that long a member is taken for dead. Default 45 s. */
  readonly sessionTimeoutMs?: number;
  /** How long members have to give up what they have and to rejoin. Default 60 s. */
  readonly rebalanceTimeoutMs?: number;
  /** Default 3 s, and at most a third of the session timeout. */
  readonly heartbeatIntervalMs?: number;
  /** Makes the member static: a restart within the session timeout gets its assignment back without a rebalance (KIP-345). */
  readonly groupInstanceId?: string;
  /** Default 'consumer', which every tool can show. */
  readonly protocolType?: string;
  /** Best first: the group uses one that all members have. */
  readonly protocols: readonly { readonly name: string; metadata(): Uint8Array }[];
  /** Called where this member leads the group. A member that is left out gets empty bytes. */
  assign(
    members: readonly MemberMetadata[],
    protocol: string,
  ): Promise<readonly { readonly memberId: string; readonly assignment: Uint8Array }[]>;
  /** Before the member rejoins: commit, and stop what may be somebody else's next. A Fault `REBALANCED` from it means that it was too late. */
  onRevoke(reason: string): Promise<void>;
  onAssign(assignment: Uint8Array, generation: GroupGeneration, protocol: string): Promise<void>;
  /** The group went on without this member: what it has belongs to others already. It joins anew afterwards. */
  onLost(reason: string): Promise<void>;
  /**
   * Joining after an assignment failed, and is tried again. The group may have gone on and given others what this member
   * still has: an assignor that gives away what nobody has given up needs it given up here.
   */
  onJoinFailed?(reason: string): Promise<void>;
  /** The member has left for good: fenced by its instance id, not allowed, or a callback failed. */
  onFailed?(error: unknown): void;
}

export interface GroupMember {
  /** Joins, and stays a member until `leave`. */
  start(): void;
  /** Has the group share its partitions out again, as after a change of subscription. */
  rejoin(): void;
  /**
   * Leaves, so that the others need not wait for the session timeout; a static member stays to return. Calls no more
   * callbacks, waits for one that runs, and takes a few seconds at most. The caller commits before.
   */
  leave(): Promise<void>;
  /** Null while not a member. */
  readonly generation: GroupGeneration | null;
}

const leaveMsMax = 5_000;
const joinExtraMs = 5_000;
const fatal = new Set([
  'FENCED_INSTANCE_ID',
  'GROUP_AUTHORIZATION_FAILED',
  'TOPIC_AUTHORIZATION_FAILED',
  'INVALID_SESSION_TIMEOUT',
  'INCONSISTENT_GROUP_PROTOCOL',
  'GROUP_MAX_SIZE_REACHED',
  'INVALID_GROUP_ID',
  'UNSUPPORTED_VERSION',
]);

export function createGroupMember(cluster: Cluster, options: GroupMemberOptions): GroupMember {
  const { clock, random, logger } = cluster;
  const { groupId, sessionTimeoutMs = 45_000, rebalanceTimeoutMs = 60_000, protocolType = 'consumer' } = options;
  const heartbeatIntervalMs = Math.min(options.heartbeatIntervalMs ?? 3_000, sessionTimeoutMs / 3);
  const groupInstanceId = options.groupInstanceId ?? null;
  const coordinator: CoordinatorKey = { kind: 'group', key: groupId };
  const stopping = new AbortController();
  let memberId = '';
  let generation: GroupGeneration | null = null;
  let holdsAssignment = false;
  /** Why the group went on without this member; not yet told. */
  let lost: string | null = null;
  /** Resolves with why the member must act. */
  let turn: Latch<string> = createLatch();
  let running: Promise<void> | null = null;
  let reason = 'joining';
  let leaving: Promise<void> | null = null;

  const call = <N extends 'joinGroup' | 'syncGroup' | 'heartbeat' | 'leaveGroup'>(
    api: N,
    request: Parameters<typeof cluster.callCoordinator<N>>[2],
    timeoutMs: number,
  ) => cluster.callCoordinator(coordinator, api, request, { signal: stopping.signal, timeoutMs });

  function judge(api: string, errorCode: number): void {
    if (errorCode === 0) return;
    cluster.coordinatorMoved(coordinator, errorCode);
    throw refusal(api, errorCode, `group '${groupId}'`);
  }

  async function join(): Promise<ResponseOf<'joinGroup'>> {
    for (;;) {
      const request = apis.joinGroup.request.create({
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId,
        groupInstanceId,
        protocolType,
        protocols: options.protocols.map(({ name, metadata }) => ({ name, metadata: metadata() })),
        reason,
      });
      const answer = await call('joinGroup', request, rebalanceTimeoutMs + joinExtraMs);
      if (errorOf(answer.errorCode).name === 'MEMBER_ID_REQUIRED') {
        memberId = answer.memberId;
        continue;
      }
      judge('joinGroup', answer.errorCode);
      memberId = answer.memberId;
      return answer;
    }
  }

  async function sync(joined: ResponseOf<'joinGroup'>): Promise<Uint8Array> {
    const leads = joined.leader === joined.memberId && !joined.skipAssignment;
    const protocolName = joined.protocolName ?? '';
    const assignments = leads ? await options.assign(joined.members, protocolName) : [];
    const request = apis.syncGroup.request.create({
      groupId,
      generationId: joined.generationId,
      memberId,
      groupInstanceId,
      protocolType,
      protocolName,
      assignments: [...assignments],
    });
    const answer = await call('syncGroup', request, rebalanceTimeoutMs + joinExtraMs);
    judge('syncGroup', answer.errorCode);
    return answer.assignment;
  }

  async function joinAndSync(): Promise<{ joined: ResponseOf<'joinGroup'>; assignment: Uint8Array }> {
    try {
      const joined = await join();
      return { joined, assignment: await sync(joined) };
    } catch (error) {
      if (!stopping.signal.aborted && holdsAssignment) await tellFailure(error);
      throw error;
    }
  }

  async function tellFailure(error: unknown): Promise<void> {
    const why = error instanceof Error ? error.message : String(error);
    const name = refusedWith(error);
    if (name === 'UNKNOWN_MEMBER_ID' || name === 'ILLEGAL_GENERATION') {
      generation = null;
      lost = why;
    } else if (options.onJoinFailed !== undefined) {
      holdsAssignment = false;
      await options.onJoinFailed(why);
    }
  }

  /** Before joining again: a member that claims what others have by now would commit its old offsets over theirs. */
  async function tellLoss(): Promise<void> {
    if (lost === null || stopping.signal.aborted) return;
    const why = lost;
    lost = null;
    holdsAssignment = false;
    await options.onLost(why);
  }

  /** One generation, from joining to the next rebalance. */
  async function serve(): Promise<void> {
    turn = createLatch();
    const { joined, assignment } = await joinAndSync();
    const own: GroupGeneration = { generationId: joined.generationId, memberId, groupInstanceId };
    generation = own;
    holdsAssignment = true;
    const heartbeats = startHeartbeats({
      cluster,
      coordinator,
      generation: own,
      intervalMs: heartbeatIntervalMs,
      sessionTimeoutMs,
      signal: stopping.signal,
      onRebalance: () => turn.resolve('the group is rebalancing'),
      onLost: (why, isForgotten) => {
        if (isForgotten) memberId = '';
        generation = null;
        lost = why;
        turn.resolve(why);
      },
      onFatal: (error) => turn.reject(error),
    });
    turn.promise.catch(() => {}); // it is awaited below, after the callback
    try {
      await options.onAssign(assignment, own, joined.protocolName ?? '');
      reason = await turn.promise;
      if (stopping.signal.aborted) return;
      if (lost === null) await revoke(reason);
      await tellLoss();
    } finally {
      heartbeats.stop();
    }
  }

  async function revoke(why: string): Promise<void> {
    try {
      await options.onRevoke(why);
    } catch (error) {
      if (!(error instanceof Fault && error.code === 'REBALANCED')) throw error;
      lost = error.message;
    }
  }

  /** What to do about a failed join: whether to try again at once, later, or never. */
  function afterFailure(error: unknown): 'now' | 'later' | 'never' {
    const name = refusedWith(error);
    if (name === 'UNKNOWN_MEMBER_ID') memberId = '';
    if (name === 'UNKNOWN_MEMBER_ID' || name === 'ILLEGAL_GENERATION' || name === 'REBALANCE_IN_PROGRESS') return 'now';
    if (name !== undefined && fatal.has(name)) return 'never';
    return isRetriable(error) ? 'later' : 'never';
  }

  async function run(): Promise<void> {
    for (let tries = 0; !stopping.signal.aborted; ) {
      try {
        await tellLoss();
        await serve();
        tries = 0;
      } catch (error) {
        if (stopping.signal.aborted) return;
        const again = afterFailure(error);
        if (again === 'never') {
          fail(error);
          return;
        }
        reason = error instanceof Error ? error.message : String(error);
        logger.debug({ group: groupId, memberId, reason }, 'joining again');
        if (again === 'later')
          await clock.sleep(backoffMs(tries++, retryBackoff, random), stopping.signal).catch(() => {});
      }
    }
  }

  function fail(error: unknown): void {
    const isFenced = refusedWith(error) === 'FENCED_INSTANCE_ID';
    const instance = groupInstanceId ?? '';
    void leave();
    options.onFailed?.(isFenced ? new Fault('MEMBER_FENCED', { group: groupId, instance }, error) : error);
  }

  function leave(): Promise<void> {
    leaving ??= (async () => {
      const held = memberId;
      stopping.abort(new Fault('CLOSED', { what: 'the group member' }));
      turn.resolve('leaving');
      generation = null;
      const goodbye = held !== '' && groupInstanceId === null ? sayGoodbye(held) : null;
      await within(clock, Promise.all([goodbye, running]), leaveMsMax);
    })();
    return leaving;
  }

  async function sayGoodbye(held: string): Promise<void> {
    const { create } = apis.leaveGroup.request;
    try {
      const answer = await cluster.callCoordinator(
        coordinator,
        'leaveGroup',
        (version) =>
          version >= 3
            ? create({ groupId, members: [{ memberId: held, reason: 'leaving' }] })
            : create({ groupId, memberId: held }),
        { timeoutMs: leaveMsMax },
      );
      judge('leaveGroup', answer.errorCode);
    } catch (error) {
      logger.debug({ group: groupId, memberId: held, error }, 'left without the coordinator having noted it');
    }
  }

  return {
    start() {
      if (running === null && leaving === null) running = run();
    },
    rejoin: () => turn.resolve('the member asked for it'),
    leave,
    get generation() {
      return generation;
    },
  };
}
