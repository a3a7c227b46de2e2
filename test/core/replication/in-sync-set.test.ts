import { describe, expect, test } from 'vitest';
import { createInSyncSet, type InSyncSet } from '../../../core/replication/in-sync-set.ts';

const lagMsMax = 1_000;

function setOf(inSync: readonly number[] = [1, 2, 3], epochStartOffset = 0): InSyncSet {
  return createInSyncSet({
    ...{ nodeId: 1, replicas: [1, 2, 3], inSync, partitionEpoch: 4, epochStartOffset, nowMs: 0, lagMsMax },
  });
}

const nodes = (...ids: number[]) => ids.map((nodeId) => ({ nodeId, nodeEpoch: 70 + nodeId }));
const idsOf = (wanted: readonly { nodeId: number }[] | null) => wanted?.map(({ nodeId }) => nodeId);

describe('the high watermark', () => {
  test('is what every replica of the set has, and waits for one that has not shown itself yet', () => {
    const set = setOf();
    expect(set.highWatermark(10)).toBe(0);
    set.fetched({ nodeId: 2, nodeEpoch: 72, offset: 7, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
    expect(set.highWatermark(10)).toBe(0);
    set.fetched({ nodeId: 3, nodeEpoch: 73, offset: 5, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
    expect(set.highWatermark(10)).toBe(5);
  });

  test('doesn’t count replicas out of the set', () => {
    const set = setOf([1, 2]);
    set.fetched({ nodeId: 2, nodeEpoch: 72, offset: 9, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
    set.fetched({ nodeId: 3, nodeEpoch: 73, offset: 2, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
    expect(set.highWatermark(10)).toBe(9);
  });

  test('counts one that is to come in from when it is proposed, and one that is to go until it has gone', () => {
    const set = setOf([1, 2]);
    set.fetched({ nodeId: 2, nodeEpoch: 72, offset: 4, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
    set.fetched({ nodeId: 3, nodeEpoch: 73, offset: 6, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
    set.propose(nodes(1, 3));
    expect(set.highWatermark(10)).toBe(4);
    set.fetched({ nodeId: 2, nodeEpoch: 72, offset: 10, startOffset: 0, leaderEndOffset: 10, nowMs: 2 });
    expect(set.highWatermark(10)).toBe(6);
    set.settle({ inSync: [1, 3], partitionEpoch: 5 });
    expect(set.highWatermark(10)).toBe(6);
    set.fetched({ nodeId: 3, nodeEpoch: 73, offset: 10, startOffset: 0, leaderEndOffset: 10, nowMs: 3 });
    expect(set.highWatermark(10)).toBe(10);
  });
});

describe('the set', () => {
  test('loses who has not been at the log end for the lag, however much it fetches', () => {
    const set = setOf();
    for (let nowMs = 100; nowMs <= 1_000; nowMs += 100) {
      set.fetched({ nodeId: 2, nodeEpoch: 72, offset: nowMs, startOffset: 0, leaderEndOffset: nowMs, nowMs });
      set.fetched({ nodeId: 3, nodeEpoch: 73, offset: nowMs / 10, startOffset: 0, leaderEndOffset: nowMs, nowMs });
    }
    expect(set.wanted({ endOffset: 1_000, highWatermark: 100, nowMs: 1_000 })).toBeNull();
    expect(idsOf(set.wanted({ endOffset: 1_000, highWatermark: 100, nowMs: 1_001 }))).toEqual([1, 2]);
  });

  test('keeps who has what there was at its fetch before, as a follower of a busy leader does', () => {
    const set = setOf();
    for (let nowMs = 100; nowMs <= 3_000; nowMs += 100) {
      set.fetched({ nodeId: 2, nodeEpoch: 72, offset: nowMs, startOffset: 0, leaderEndOffset: nowMs + 100, nowMs });
      set.fetched({
        nodeId: 3,
        nodeEpoch: 73,
        offset: nowMs + 100,
        startOffset: 0,
        leaderEndOffset: nowMs + 100,
        nowMs,
      });
    }
    expect(set.wanted({ endOffset: 3_100, highWatermark: 3_000, nowMs: 3_001 })).toBeNull();
  });

  test('takes in who has all that is committed, and all from before the leader’s epoch', () => {
    const set = setOf([1, 2], 8);
    set.fetched({ nodeId: 2, nodeEpoch: 72, offset: 10, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
    set.fetched({ nodeId: 3, nodeEpoch: 73, offset: 6, startOffset: 0, leaderEndOffset: 6, nowMs: 1 });
    expect(set.wanted({ endOffset: 10, highWatermark: 6, nowMs: 2 })).toBeNull(); // below the epoch's start
    set.fetched({ nodeId: 3, nodeEpoch: 73, offset: 9, startOffset: 0, leaderEndOffset: 9, nowMs: 2 });
    expect(set.wanted({ endOffset: 10, highWatermark: 10, nowMs: 2 })).toBeNull(); // below the high watermark
    set.fetched({ nodeId: 3, nodeEpoch: 73, offset: 10, startOffset: 0, leaderEndOffset: 10, nowMs: 3 });
    expect(set.wanted({ endOffset: 10, highWatermark: 10, nowMs: 3 })).toEqual([
      { nodeId: 1, nodeEpoch: -1 },
      { nodeId: 2, nodeEpoch: 72 },
      { nodeId: 3, nodeEpoch: 73 },
    ]);
  });

  test('asks for one change at a time, and again for one that was refused', () => {
    const set = setOf();
    const own = { endOffset: 0, highWatermark: 0, nowMs: 2_000 };
    expect(idsOf(set.wanted(own))).toEqual([1]);
    set.propose(nodes(1));
    expect([set.wanted(own), set.isPending]).toEqual([null, true]);
    set.answered('refused');
    expect(idsOf(set.wanted(own))).toEqual([1]);
    set.propose(nodes(1));
    set.settle({ inSync: [1], partitionEpoch: 5 });
    expect([set.wanted(own), set.inSync, set.partitionEpoch]).toEqual([null, [1], 5]);
  });

  test('passes over a decision older than the last', () => {
    const set = setOf();
    set.settle({ inSync: [1, 2], partitionEpoch: 6 });
    set.settle({ inSync: [1, 2, 3], partitionEpoch: 5 });
    expect([set.inSync, set.partitionEpoch]).toEqual([[1, 2], 6]);
  });

  test('knows no follower that is no replica, and forgets one that is none any more', () => {
    const set = setOf();
    expect(set.fetched({ nodeId: 9, nodeEpoch: 79, offset: 0, startOffset: 0, leaderEndOffset: 0, nowMs: 1 })).toBe(
      false,
    );
    set.replicasAre([1, 2, 4], 1);
    expect(set.followers().map(({ nodeId }) => nodeId)).toEqual([2, 4]);
    expect(set.fetched({ nodeId: 4, nodeEpoch: 74, offset: 0, startOffset: 0, leaderEndOffset: 0, nowMs: 1 })).toBe(
      true,
    );
  });
});

describe('what the controller may have done', () => {
  const own = { endOffset: 10, highWatermark: 6, nowMs: 2 };

  function coming(): InSyncSet {
    const set = setOf([1, 2]);
    set.fetched({ nodeId: 2, nodeEpoch: 72, offset: 10, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
    set.fetched({ nodeId: 3, nodeEpoch: 73, offset: 6, startOffset: 0, leaderEndOffset: 6, nowMs: 1 });
    set.propose(set.wanted(own)!);
    return set;
  }

  test('who may have been taken in counts until it is known that nothing was changed', () => {
    const set = coming();
    expect(set.highWatermark(10)).toBe(6);
    set.answered('unknown');
    expect([set.highWatermark(10), idsOf(set.unanswered)]).toEqual([6, [1, 2, 3]]);
    set.propose(set.unanswered!);
    set.answered('superseded');
    expect([set.highWatermark(10), set.unanswered, set.wanted(own)]).toEqual([6, null, null]);
    set.settle({ inSync: [1, 2], partitionEpoch: 5 });
    expect(set.highWatermark(10)).toBe(10);
  });

  test('metadata from before says nothing of it', () => {
    const set = coming();
    set.settle({ inSync: [1, 2], partitionEpoch: 4 });
    expect(set.highWatermark(10)).toBe(6);
    set.answered({ inSync: [1, 2, 3], partitionEpoch: 5 });
    expect([set.inSync, set.highWatermark(10)]).toEqual([[1, 2, 3], 6]);
  });

  test('a refusal leaves all as it was', () => {
    const set = coming();
    set.answered('refused');
    expect([set.inSync, set.highWatermark(10), idsOf(set.wanted(own))]).toEqual([[1, 2], 10, [1, 2, 3]]);
  });
});

test('an earlier life of a node says nothing of the one that runs, and one that hasn’t registered isn’t taken in', () => {
  const set = setOf([1, 2]);
  set.fetched({ nodeId: 3, nodeEpoch: 80, offset: 4, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
  expect(set.fetched({ nodeId: 3, nodeEpoch: 73, offset: 10, startOffset: 0, leaderEndOffset: 10, nowMs: 2 })).toBe(
    false,
  );
  expect(set.followers().find(({ nodeId }) => nodeId === 3)?.endOffset).toBe(4);
  const unknown = setOf([1, 2]);
  unknown.fetched({ nodeId: 3, nodeEpoch: -1, offset: 10, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
  unknown.fetched({ nodeId: 2, nodeEpoch: 72, offset: 10, startOffset: 0, leaderEndOffset: 10, nowMs: 1 });
  expect(unknown.wanted({ endOffset: 10, highWatermark: 10, nowMs: 2 })).toBeNull();
});
