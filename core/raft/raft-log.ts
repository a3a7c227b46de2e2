// The log of entries as consensus sees it: in memory from the last snapshot on, with where each epoch begins. Offsets are
// those of entries; nothing here is on disk.
import { assert } from '../kernel/assert.ts';
import type { Entry, LogEnd, Snapshot, Voter } from './types.ts';
import { readVoters, voterOf } from './voters.ts';

export interface RaftLog {
  /** Of the first entry that is there. */
  readonly startOffset: number;
  /** After the last. */
  readonly end: LogEnd;
  readonly snapshot: Snapshot | null;
  append(entries: readonly Entry[]): void;
  truncateTo(offset: number): void;
  /** Up to so many entries from `offset` on. */
  read(offset: number, max: number): readonly Entry[];
  epochAt(offset: number): number;
  /** Where the largest epoch up to `epoch` ends; null where that is older than what is known. */
  endOf(epoch: number): LogEnd | null;
  /** Drops entries below the snapshot's offset; all of them where the log doesn't reach it. */
  compact(snapshot: Snapshot): void;
  /** Voters by the last entry below `offset` that says so; null where none does. */
  votersBelow(offset: number): SaidVoters | null;
}

export interface SaidVoters {
  /** Of the entry that says so, or of the last one of the snapshot. */
  readonly offset: number;
  readonly voters: readonly Voter[];
}

export function createRaftLog(snapshot: Snapshot | null, initial: readonly Entry[]): RaftLog {
  let base = snapshot;
  let startOffset = snapshot?.offset ?? 0;
  let entries: Entry[] = [];
  /** Of the entries that are here. */
  let said: SaidVoters[] = [];

  const startEpoch = () => base?.epoch ?? 0;
  const epochAt = (offset: number): number =>
    offset < startOffset ? startEpoch() : (entries[offset - startOffset]?.epoch ?? startEpoch());

  function push(entry: Entry): void {
    if (entry.kind === 'voters') said.push({ offset: startOffset + entries.length, voters: readVoters(entry.data) });
    entries.push(entry);
  }

  for (const entry of initial) push(entry);
  return {
    get startOffset() {
      return startOffset;
    },
    get end() {
      return { epoch: entries.at(-1)?.epoch ?? startEpoch(), offset: startOffset + entries.length };
    },
    get snapshot() {
      return base;
    },
    append(more) {
      for (const entry of more) {
        assert(entry.epoch >= (entries.at(-1)?.epoch ?? startEpoch()), 'epochs only grow along a log');
        push(entry);
      }
    },
    truncateTo(offset) {
      assert(offset >= startOffset, `cut to ${offset}, which a snapshot holds`);
      entries.length = Math.min(entries.length, offset - startOffset);
      said = said.filter((one) => one.offset < offset);
    },
    read: (offset, max) => entries.slice(offset - startOffset, offset - startOffset + max),
    epochAt,
    endOf(epoch) {
      if (epoch < startEpoch()) return null;
      let low = 0;
      let high = entries.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (entries[middle]!.epoch <= epoch) low = middle + 1;
        else high = middle;
      }
      return { epoch: low === 0 ? startEpoch() : entries[low - 1]!.epoch, offset: startOffset + low };
    },
    compact(next) {
      const keeps = next.offset <= startOffset + entries.length && next.offset >= startOffset;
      // What is here beyond the snapshot may only stay where it follows from it.
      const follows = keeps && (next.offset === startOffset || epochAt(next.offset - 1) === next.epoch);
      entries = follows ? entries.slice(next.offset - startOffset) : [];
      said = follows ? said.filter(({ offset }) => offset >= next.offset) : [];
      startOffset = next.offset;
      base = next;
    },
    votersBelow(offset) {
      const last = said.findLast((one) => one.offset < offset);
      if (last !== undefined || base === null) return last ?? null;
      return { offset: base.offset - 1, voters: base.voters.map(voterOf) };
    },
  };
}
