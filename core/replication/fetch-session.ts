// The follower's half of a fetch session (KIP-227, Kafka's `FetchSessionHandler`): what the leader remembers of what was asked,
// so that a request names only what has changed. Whatever goes wrong, the next request begins anew with all of it. Sends
// nothing itself.
import type { RequestOf, ResponseOf } from '../protocol/api-table.ts';
import { type AskedPartition, askFor, type Followed } from './follower.ts';

export interface FetchSession {
  /** What of a request says which partitions are wanted. */
  next(
    wanted: readonly Followed[],
  ): Pick<RequestOf<'fetch'>, 'sessionId' | 'sessionEpoch' | 'topics' | 'forgottenTopicsData'>;
  answered(answer: Pick<ResponseOf<'fetch'>, 'errorCode' | 'sessionId'>): void;
  /** Nobody knows whether the leader got the request. */
  lost(): void;
}

const noSession = 0;
const initialEpoch = 0;
const epochMax = 0x7fff_ffff;

/** @param servesConsumers whether the leader is told what high watermark is known */
export function createFetchSession(servesConsumers: boolean): FetchSession {
  /** What the leader has of each. */
  let known = new Map<Followed, Partial<AskedPartition>>();
  let id = noSession;
  let epoch = initialEpoch;

  function reset(): void {
    epoch = initialEpoch; // with the old id, so that the leader lets go of it
    known = new Map();
  }

  return {
    next(wanted) {
      const asked = new Map<Followed, Partial<AskedPartition>>();
      const changed = new Map<string, Partial<AskedPartition>[]>();
      for (const followed of wanted) {
        const before = known.get(followed);
        const one = askFor(followed, servesConsumers);
        asked.set(followed, one);
        if (before !== undefined && isSame(before, one)) continue;
        add(changed, followed.topicId, one);
      }
      const forgotten = new Map<string, number[]>();
      const names = new Set(wanted.map(nameOf));
      // The same partition in another epoch has taken the place of the one before.
      for (const followed of known.keys())
        if (!asked.has(followed) && !names.has(nameOf(followed))) add(forgotten, followed.topicId, followed.partition);
      known = asked;
      return {
        sessionId: id,
        sessionEpoch: epoch,
        topics: [...changed].map(([topicId, partitions]) => ({ topicId, partitions })) as never,
        forgottenTopicsData: [...forgotten].map(([topicId, partitions]) => ({ topic: '', topicId, partitions })),
      };
    },
    answered({ errorCode, sessionId }) {
      if (errorCode !== 0) return reset();
      id = sessionId;
      if (sessionId === noSession) reset();
      else epoch = epoch >= epochMax ? 1 : epoch + 1;
    },
    lost: reset,
  };
}

const nameOf = ({ topicId, partition }: Followed) => `${partition} ${topicId}`;

/** The high watermark isn't looked at: the leader remembers what it told. */
const isSame = (a: Partial<AskedPartition>, b: Partial<AskedPartition>): boolean =>
  a.fetchOffset === b.fetchOffset &&
  a.currentLeaderEpoch === b.currentLeaderEpoch &&
  a.lastFetchedEpoch === b.lastFetchedEpoch &&
  a.logStartOffset === b.logStartOffset;

function add<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
