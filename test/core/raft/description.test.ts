import { expect, test } from 'vitest';
import { describeQuorum } from '../../../core/raft/description.ts';
import { createRaft } from '../../../core/raft/raft.ts';
import type { Message } from '../../../core/raft/types.ts';

const bytes = (text: string) => Buffer.from(text);

/** A leader of three voters, by the votes of node 2, on a clock that is moved by hand. */
function leader() {
  const clock = { nowMs: 1_000 };
  const raft = createRaft({
    ...{ id: 1, voters: [3, 1, 2], hardState: { epoch: 0, votedFor: null }, snapshot: null, entries: [] },
    ...{ nowMs: () => clock.nowMs, chance: () => 0 },
  });
  const receive = (message: Message) => raft.step({ kind: 'receive', message });
  clock.nowMs = raft.deadlineMs;
  raft.step({ kind: 'tick' });
  receive({ kind: 'voted', from: 2, epoch: 0, pre: true, granted: true, leader: null });
  receive({ kind: 'voted', from: 2, epoch: raft.epoch, pre: false, granted: true, leader: null });
  raft.step({ kind: 'persisted', endOffset: raft.log.end.offset });
  const fetch = (from: number, offset: number) =>
    receive({
      kind: 'fetch',
      from,
      epoch: raft.epoch,
      last: { epoch: offset === 0 ? 0 : 1, offset },
      highWatermark: 0,
    });
  const propose = (text: string) => {
    raft.step({ kind: 'propose', entries: [bytes(text)] });
    raft.step({ kind: 'persisted', endOffset: raft.log.end.offset });
  };
  const described = () => describeQuorum(raft, { wallMs: clock.nowMs + 1_000_000, monotonicMs: clock.nowMs });
  return { clock, raft, fetch, propose, described };
}

test('a leader says how far each voter and observer is, and when it last had everything', () => {
  const { clock, fetch, propose, described } = leader();
  const startMs = clock.nowMs;
  expect(described()).toEqual({
    ...{ leader: 1, epoch: 1, highWatermark: 0, observers: [] },
    voters: [
      { id: 1, endOffset: 2, fetchedAtMs: startMs + 1_000_000, caughtUpAtMs: startMs + 1_000_000 },
      { id: 2, endOffset: -1, fetchedAtMs: -1, caughtUpAtMs: -1 },
      { id: 3, endOffset: -1, fetchedAtMs: -1, caughtUpAtMs: -1 },
    ],
  });
  fetch(2, 0);
  fetch(3, 0);
  clock.nowMs += 100;
  fetch(2, 2); // all there is: that the epoch began, and who votes
  fetch(9, 2);
  propose('a');
  clock.nowMs += 100;
  fetch(3, 2); // all that there was when it asked before, and less than there is
  fetch(2, 3);
  const wallMs = startMs + 1_000_000;
  expect(described()).toMatchObject({
    highWatermark: 3,
    voters: [
      { id: 1, endOffset: 3, fetchedAtMs: wallMs + 200, caughtUpAtMs: wallMs + 200 },
      { id: 2, endOffset: 3, fetchedAtMs: wallMs + 200, caughtUpAtMs: wallMs + 200 },
      { id: 3, endOffset: 2, fetchedAtMs: wallMs + 200, caughtUpAtMs: wallMs },
    ],
    observers: [{ id: 9, endOffset: 2, fetchedAtMs: wallMs + 100, caughtUpAtMs: wallMs + 100 }],
  });
});

test('an observer that is gone for five minutes is forgotten, and who follows says nothing', () => {
  const { clock, raft, fetch, described } = leader();
  fetch(9, 0);
  clock.nowMs += 300_000;
  expect(described()!.observers).toHaveLength(1);
  clock.nowMs += 1;
  expect(described()!.observers).toEqual([]);
  raft.step({ kind: 'resign' });
  expect(described()).toBeNull();
});
