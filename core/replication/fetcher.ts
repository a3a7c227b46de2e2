// One loop a leader: fetches all partitions that this node follows from it, in one request, and hands each what came for
// it. A partition that fails waits a while and holds up no other. It decides nothing about who leads.
import type { Clock, Timer } from '../kernel/clock.ts';
import { isFault } from '../kernel/fault.ts';
import { partitionName } from '../kernel/ids.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';
import type { Logger } from '../kernel/logger.ts';
import { apis, type RequestOf, type ResponseOf } from '../protocol/api-table.ts';
import type { Transport } from '../protocol/transport.ts';
import { createFetchSession } from './fetch-session.ts';
import { type FetchedPartition, type Followed, fitInto, takeAnswer } from './follower.ts';
import type { Throttle } from './throttle.ts';

export interface FetcherOptions {
  readonly nodeId: number;
  /** Of this node's registration. */
  readonly nodeEpoch: () => number;
  readonly leader: number;
  /** To the leader; whoever gives it sees to the connection. */
  readonly call: Transport['call'];
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long the leader holds a fetch with nothing to answer. */
  readonly waitMsMax: number;
  /** Consumers may read from this node what it follows. */
  readonly servesConsumers: boolean;
  /** Of what comes to this node, from whichever leader. */
  readonly throttle: Throttle;
  /** After a failure. */
  readonly backoffMs: number;
}

export interface Fetcher {
  follow(partition: Followed): void;
  /** Resolves when nothing of it is under way. */
  unfollow(partition: Followed): Promise<void>;
  readonly count: number;
  close(): Promise<void>;
}

interface Entry {
  readonly followed: Followed;
  notBeforeMs: number;
  /** As far as is known it lacks something: it may be held up by the throttle. */
  isBehind: boolean;
  /** What is done with an answer. */
  working: Promise<void>;
  gone: boolean;
}

export const fetchVersion = 18;
const listOffsetsVersion = 9;
const answerBytesMax = 10 << 20;
const diskBackoffMs = 500;

const bytesOf = ({ records }: FetchedPartition) => (records ?? []).reduce((sum, { length }) => sum + length, 0);

export function createFetcher(options: FetcherOptions): Fetcher {
  const { clock, logger, leader, throttle } = options;
  const entries = new Map<string, Entry>();
  const stopping = new AbortController();
  let woken: Latch<void> = createLatch();
  const session = createFetchSession(options.servesConsumers);
  let first = 0;

  const keyOf = ({ topicId, partition }: Pick<Followed, 'topicId' | 'partition'>) => `${topicId} ${partition}`;

  const covers = ({ log }: Followed) => throttle.covers(log.topic, log.partition);

  function due(): Entry[] {
    const nowMs = clock.monotonicMs();
    const isExceeded = throttle.isExceeded;
    return [...entries.values()].filter((entry) => {
      if (entry.notBeforeMs > nowMs) return false;
      const isHeld = isExceeded && entry.isBehind && covers(entry.followed);
      if (isHeld) entry.notBeforeMs = nowMs + options.backoffMs;
      return !isHeld;
    });
  }

  /** Until a partition is added or one that waits is due. */
  async function pause(): Promise<void> {
    woken = createLatch();
    const next = Math.min(...[...entries.values()].map(({ notBeforeMs }) => notBeforeMs));
    let timer: Timer | undefined;
    if (Number.isFinite(next)) timer = clock.after(Math.max(next - clock.monotonicMs(), 1), () => woken.resolve());
    await woken.promise;
    timer?.cancel();
  }

  function requestFor(asked: readonly Entry[]): RequestOf<'fetch'> {
    // Begins with another one each time, so that a few with much to fetch don't take all the room of an answer; the leader
    // sees to that within a session.
    first = asked.length === 0 ? 0 : (first + 1) % asked.length;
    return apis.fetch.request.create({
      replicaState: { replicaId: options.nodeId, replicaEpoch: options.nodeEpoch() },
      maxWaitMs: options.waitMsMax,
      minBytes: 1,
      maxBytes: answerBytesMax,
      ...session.next([...asked.slice(first), ...asked.slice(0, first)].map(({ followed }) => followed)),
    } as never);
  }

  async function take(entry: Entry, answer: FetchedPartition): Promise<void> {
    const { followed } = entry;
    try {
      const taken = await takeAnswer(followed, answer);
      if (taken === 'outOfRange') await fitInto(followed, await endsAt(followed));
      if (entry.isBehind && covers(followed)) throttle.record(bytesOf(answer));
      entry.isBehind = answer.highWatermark > followed.log.logEndOffset;
      if (taken === 'later') entry.notBeforeMs = clock.monotonicMs() + options.backoffMs;
    } catch (error) {
      entry.notBeforeMs = clock.monotonicMs() + options.backoffMs;
      if (entry.gone || stopping.signal.aborted) return;
      if (isFault(error, 'LOG_REFUSED') && error.detail.error === 'KAFKA_STORAGE_ERROR') {
        // The disk has said so for all partitions, and is tried again once in a while.
        entry.notBeforeMs = clock.monotonicMs() + Math.max(options.backoffMs, diskBackoffMs);
        return;
      }
      logger.warn({ err: error, partition: partitionName(followed.log), leader }, 'following a partition failed');
    }
  }

  async function endsAt({ log, leaderEpoch }: Followed): Promise<{ start: number; end: number }> {
    const ask = async (timestamp: number) => {
      const partition = { partitionIndex: log.partition, currentLeaderEpoch: leaderEpoch, timestamp };
      const request = apis.listOffsets.request.create({
        replicaId: options.nodeId,
        topics: [{ name: log.topic, partitions: [partition] }],
      });
      const answer = await options.call('listOffsets', listOffsetsVersion, request, { signal: stopping.signal });
      return answer.topics[0]?.partitions[0]?.offset ?? -1;
    };
    const [start, end] = [await ask(-2), await ask(-1)];
    if (start < 0 || end < 0) throw new Error(`node ${leader} doesn't say where its log begins and ends`);
    return { start, end };
  }

  async function round(asked: readonly Entry[]): Promise<void> {
    let answer: ResponseOf<'fetch'>;
    try {
      answer = await options.call('fetch', fetchVersion, requestFor(asked), { signal: stopping.signal });
      session.answered(answer);
      if (answer.errorCode !== 0) throw new Error(`node ${leader} refuses a fetch with code ${answer.errorCode}`);
    } catch (error) {
      session.lost();
      if (stopping.signal.aborted) return;
      logger.debug({ err: error, leader }, 'a leader does not answer');
      await clock.sleep(options.backoffMs, stopping.signal).catch(() => {});
      return;
    }
    const isAsked = new Set(asked);
    const work = answer.responses.flatMap(({ topicId, partitions }) =>
      partitions.flatMap((partition) => {
        const entry = entries.get(keyOf({ topicId, partition: partition.partitionIndex }));
        // One that was followed anew meanwhile, in another epoch, is not what was asked for.
        if (entry === undefined || entry.gone || !isAsked.has(entry)) return [];
        entry.working = take(entry, partition);
        return [entry.working];
      }),
    );
    await Promise.all(work);
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      const asked = due();
      // A leader takes no notice of a node that it can't tell from its earlier lives.
      if (options.nodeEpoch() < 0) await clock.sleep(options.backoffMs, stopping.signal).catch(() => {});
      else if (asked.length === 0) await pause();
      else await round(asked);
      await clock.nextTurn();
    }
  }

  const running = loop();
  return {
    follow(followed) {
      entries.set(keyOf(followed), {
        followed,
        notBeforeMs: 0,
        isBehind: true,
        working: Promise.resolve(),
        gone: false,
      });
      woken.resolve();
    },
    async unfollow(followed) {
      const entry = entries.get(keyOf(followed));
      if (entry?.followed !== followed) return;
      entry.gone = true;
      entries.delete(keyOf(followed));
      await entry.working;
    },
    get count() {
      return entries.size;
    },
    async close() {
      stopping.abort(new Error('the node stops following'));
      woken.resolve();
      await running;
    },
  };
}
