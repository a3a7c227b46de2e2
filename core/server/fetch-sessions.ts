// Fetch sessions (KIP-227): the node remembers what a client reads, so that a request names only what has changed and an
// answer only what is news. What is kept of a partition is a few numbers; how many sessions there are and how much they
// hold together is bounded, and a client that gets none goes on without. Rules and eviction are those of Kafka's
// FetchSession. Knows no log: what a partition's answer says is the handler's.
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { RequestOf, ResponseOf } from '../protocol/api-table.ts';
import type { ErrorName } from '../protocol/error-code.ts';
import { codeOf } from './error-names.ts';

type FetchRequest = RequestOf<'fetch'>;
type FetchResponse = ResponseOf<'fetch'>;
export type PartitionAnswer = FetchResponse['responses'][number]['partitions'][number];

export interface AskedPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly fetchOffset: number;
  readonly partitionMaxBytes: number;
  readonly currentLeaderEpoch: number;
  readonly lastFetchedEpoch: number;
  /** Of a follower. */
  readonly logStartOffset: number;
  /** Of a follower that says so; infinite for others. What it was told since counts. */
  readonly knownHighWatermark: number;
}

/** One request: what it reads, and how its answer is made. */
export interface FetchContext {
  readonly partitions: readonly AskedPartition[];
  /** @param answers one for each of `partitions`, in their order */
  answer(answers: readonly PartitionAnswer[]): Pick<FetchResponse, 'errorCode' | 'sessionId' | 'responses'>;
}

export interface FetchSessions {
  /** An error is for the whole request: the client begins another session upon it. */
  begin(request: FetchRequest, usesIds: boolean, isFollower?: boolean): FetchContext | ErrorName;
  readonly count: number;
  /** Of all sessions. */
  readonly partitionCount: number;
}

export interface FetchSessionsOptions {
  /** max.incremental.fetch.session.cache.slots; 0 for none. */
  readonly slots: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Of all sessions together. Default 500,000: some 100 MiB. */
  readonly partitionsMax?: number;
}

/** What the client was last told stands beside what it asked for. */
interface CachedPartition extends AskedPartition {
  readonly key: string;
  fetchOffset: number;
  partitionMaxBytes: number;
  currentLeaderEpoch: number;
  lastFetchedEpoch: number;
  logStartOffset: number;
  knownHighWatermark: number;
  toldHighWatermark: number;
  toldStartOffset: number;
}

interface Session {
  readonly id: number;
  readonly usesIds: boolean;
  /** Of a replica: no consumer takes its place. */
  readonly isFollower: boolean;
  readonly createdAtMs: number;
  usedAtMs: number;
  /** Of the next request. */
  epoch: number;
  /** In the order in which they are read: what has just had records goes to the end, so that none starves. */
  readonly partitions: Map<string, CachedPartition>;
}

const noSession = 0;
const initialEpoch = 0;
const finalEpoch = -1;
const epochMax = 0x7fff_ffff;
const sessionIdMax = 0x7fff_ffff;
/** A session is safe from others for that long; Kafka's constant, two minutes. */
const evictionMs = 120_000;
const partitionsMaxDefault = 500_000;

const epochAfter = (epoch: number): number => (epoch >= epochMax ? 1 : epoch + 1);

export function createFetchSessions(options: FetchSessionsOptions): FetchSessions {
  const { slots, clock, random, partitionsMax = partitionsMaxDefault } = options;
  /** Least recently used first. */
  const sessions = new Map<number, Session>();
  let partitionCount = 0;

  function remove(session: Session): void {
    if (sessions.delete(session.id)) partitionCount -= session.partitions.size;
  }

  function touch(session: Session): void {
    session.usedAtMs = clock.monotonicMs();
    sessions.delete(session.id);
    sessions.set(session.id, session);
  }

  /**
   * One that is out of use, or else one that has stood its time and saves less than the new one would. A follower need not
   * wait for a consumer's time, and a consumer never gets a follower's place (Kafka's privileged sessions).
   */
  function evictFor(size: number, isFollower: boolean): boolean {
    const nowMs = clock.monotonicMs();
    const [oldest] = sessions.values();
    if (oldest === undefined) return false;
    let victim: Session | undefined = nowMs - oldest.usedAtMs > evictionMs ? oldest : undefined;
    if (victim === undefined) {
      let least = { isFollower, size };
      for (const session of sessions.values()) {
        const isOld = nowMs - session.createdAtMs > evictionMs;
        const mayGo = isFollower ? isOld || !session.isFollower : isOld && !session.isFollower;
        const { size } = session.partitions;
        const isLess = session.isFollower === least.isFollower ? size < least.size : least.isFollower;
        if (!mayGo || !isLess) continue;
        victim = session;
        least = { isFollower: session.isFollower, size };
      }
    }
    if (victim !== undefined) remove(victim);
    return victim !== undefined;
  }

  function freshId(): number {
    for (;;) {
      const id = 1 + random.integer(sessionIdMax - 1);
      if (!sessions.has(id)) return id;
    }
  }

  /** @returns its id, or 0 where there is no room for it */
  function open(
    { usesIds, isFollower }: Pick<Session, 'usesIds' | 'isFollower'>,
    asked: readonly AskedPartition[],
    answers: readonly PartitionAnswer[],
  ): number {
    if (asked.length === 0 || slots === 0 || partitionCount + asked.length > partitionsMax) return noSession;
    if (sessions.size >= slots && !evictFor(asked.length, isFollower)) return noSession;
    const nowMs = clock.monotonicMs();
    const partitions = new Map<string, CachedPartition>();
    for (const [i, one] of asked.entries()) {
      const cached = cachedOf(one, usesIds);
      isNews(cached, answers[i]!);
      partitions.set(cached.key, cached);
    }
    const id = freshId();
    sessions.set(id, {
      id,
      usesIds,
      isFollower,
      createdAtMs: nowMs,
      usedAtMs: nowMs,
      epoch: epochAfter(initialEpoch),
      partitions,
    });
    partitionCount += partitions.size;
    return id;
  }

  function full(request: FetchRequest, of: Pick<Session, 'usesIds' | 'isFollower'>): FetchContext {
    const partitions = askedIn(request);
    return {
      partitions,
      answer: (answers) => ({
        errorCode: 0,
        sessionId: request.sessionEpoch === initialEpoch ? open(of, partitions, answers) : noSession,
        responses: byTopic(partitions, answers),
      }),
    };
  }

  function update(session: Session, request: FetchRequest): void {
    const { partitions, usesIds } = session;
    const before = partitions.size;
    for (const asked of askedIn(request)) {
      const known = partitions.get(keyOf(asked, usesIds));
      if (known === undefined) {
        const cached = cachedOf(asked, usesIds);
        partitions.set(cached.key, cached);
        continue;
      }
      known.fetchOffset = asked.fetchOffset;
      known.partitionMaxBytes = asked.partitionMaxBytes;
      known.currentLeaderEpoch = asked.currentLeaderEpoch;
      known.lastFetchedEpoch = asked.lastFetchedEpoch;
      known.logStartOffset = asked.logStartOffset;
      known.knownHighWatermark = asked.knownHighWatermark;
    }
    for (const topic of request.forgottenTopicsData) {
      for (const partition of topic.partitions) partitions.delete(keyOf({ ...topic, partition }, usesIds));
    }
    partitionCount += partitions.size - before;
  }

  function incremental(session: Session, request: FetchRequest): FetchContext | ErrorName {
    update(session, request);
    if (session.partitions.size === 0 || partitionCount > partitionsMax) {
      remove(session);
      return session.partitions.size === 0 ? nothingToRead : 'FETCH_SESSION_ID_NOT_FOUND';
    }
    touch(session);
    const epoch = epochAfter(session.epoch);
    session.epoch = epoch;
    const partitions = [...session.partitions.values()];
    return {
      partitions,
      answer(answers) {
        // Another request of the session has come while this one waited: the client has given it up.
        if (session.epoch !== epoch) return { ...nothing, errorCode: codeOf('INVALID_FETCH_SESSION_EPOCH') };
        const news: CachedPartition[] = [];
        const said: PartitionAnswer[] = [];
        for (let i = 0; i < partitions.length; i++) {
          const cached = partitions[i]!;
          const answer = answers[i]!;
          if (!isNews(cached, answer)) continue;
          news.push(cached);
          said.push(answer);
          if (answer.records === null || answer.records.length === 0) continue;
          session.partitions.delete(cached.key);
          session.partitions.set(cached.key, cached);
        }
        return { errorCode: 0, sessionId: session.id, responses: byTopic(news, said) };
      },
    };
  }

  return {
    begin(request, usesIds, isFollower = false) {
      const { sessionId, sessionEpoch } = request;
      const session = sessions.get(sessionId);
      if (sessionEpoch === initialEpoch || sessionEpoch === finalEpoch) {
        if (session !== undefined) remove(session);
        return full(request, { usesIds, isFollower });
      }
      if (session === undefined) return 'FETCH_SESSION_ID_NOT_FOUND';
      if (session.epoch !== sessionEpoch) return 'INVALID_FETCH_SESSION_EPOCH';
      if (session.usesIds !== usesIds) return 'FETCH_SESSION_TOPIC_ID_ERROR';
      return incremental(session, request);
    },
    get count() {
      return sessions.size;
    },
    get partitionCount() {
      return partitionCount;
    },
  };
}

const nothing = { errorCode: 0, sessionId: noSession, responses: [] };
const nothingToRead: FetchContext = { partitions: [], answer: () => nothing };

const askedIn = ({ topics }: FetchRequest): AskedPartition[] =>
  topics.flatMap(({ topic, topicId, partitions }) =>
    partitions.map(({ highWatermark, ...one }) => ({
      ...{ topic, topicId, partition: one.partition },
      ...{ fetchOffset: one.fetchOffset, partitionMaxBytes: one.partitionMaxBytes },
      ...{ currentLeaderEpoch: one.currentLeaderEpoch, lastFetchedEpoch: one.lastFetchedEpoch },
      logStartOffset: one.logStartOffset,
      knownHighWatermark: highWatermark === Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : highWatermark,
    })),
  );

const keyOf = (of: Pick<AskedPartition, 'topic' | 'topicId' | 'partition'>, usesIds: boolean): string =>
  `${of.partition} ${usesIds ? of.topicId : of.topic}`;

const cachedOf = (asked: AskedPartition, usesIds: boolean): CachedPartition => ({
  ...asked,
  key: keyOf(asked, usesIds),
  toldHighWatermark: -1,
  toldStartOffset: -1,
});

/** Whether the client doesn't know it yet; from here on it does. */
function isNews(cached: CachedPartition, answer: PartitionAnswer): boolean {
  const { records, highWatermark, logStartOffset, errorCode, divergingEpoch } = answer;
  const isWrong = errorCode !== 0 || divergingEpoch.epoch >= 0 || answer.preferredReadReplica >= 0;
  const hasMoved = cached.toldHighWatermark !== highWatermark || cached.toldStartOffset !== logStartOffset;
  // What follows a failure is said even if nothing has moved, so that the client learns that it is over.
  cached.toldHighWatermark = isWrong ? -1 : highWatermark;
  cached.toldStartOffset = logStartOffset;
  if (Number.isFinite(cached.knownHighWatermark) && !isWrong)
    cached.knownHighWatermark = Math.max(cached.knownHighWatermark, highWatermark);
  return isWrong || hasMoved || (records !== null && records.length > 0);
}

function byTopic(asked: readonly AskedPartition[], answers: readonly PartitionAnswer[]): FetchResponse['responses'] {
  const responses: { topic: string; topicId: string; partitions: PartitionAnswer[] }[] = [];
  let last: (typeof responses)[number] | undefined;
  for (const [i, { topic, topicId }] of asked.entries()) {
    if (last === undefined || last.topic !== topic || last.topicId !== topicId) {
      last = { topic, topicId, partitions: [] };
      responses.push(last);
    }
    last.partitions.push(answers[i]!);
  }
  return responses;
}
