// Which leader epoch began where: how a follower finds the offset at which its log and its leader's part (KIP-101,
// KIP-279; Kafka's LeaderEpochFileCache). Pure memory; the checkpoint keeps it.

export interface EpochStart {
  readonly epoch: number;
  readonly startOffset: number;
}

export interface EpochEnd {
  /** -1 where nothing is known, as in Kafka's OffsetForLeaderEpoch answer; likewise the offset. */
  readonly leaderEpoch: number;
  readonly endOffset: number;
}

export interface EpochCache {
  /** -1 before the first. */
  readonly latest: number;
  /** The epoch begins at `offset`, unless it or a later one has begun before. */
  assign(epoch: number, offset: number): void;
  /** The largest epoch ≤ `epoch` that has records, and the offset after its last. */
  endOf(epoch: number, logEndOffset: number): EpochEnd;
  truncateTo(offset: number): void;
  /** Forgets what ended before the log start; the epoch that holds it then begins there. */
  dropBefore(logStartOffset: number): void;
  entries(): readonly EpochStart[];
}

export function createEpochCache(initial: readonly EpochStart[] = []): EpochCache {
  let starts = [...initial];
  return {
    get latest() {
      return starts.at(-1)?.epoch ?? -1;
    },
    assign(epoch, offset) {
      if (epoch > (starts.at(-1)?.epoch ?? -1)) starts.push({ epoch, startOffset: offset });
    },
    endOf(epoch, logEndOffset) {
      const unknown = { leaderEpoch: -1, endOffset: -1 };
      const latest = starts.at(-1);
      if (epoch < 0 || latest === undefined || epoch > latest.epoch) return unknown;
      if (epoch === latest.epoch) return { leaderEpoch: epoch, endOffset: logEndOffset };
      const next = starts.findIndex((start) => start.epoch > epoch);
      const floor = starts[next - 1];
      return { leaderEpoch: floor?.epoch ?? epoch, endOffset: starts[next]!.startOffset };
    },
    truncateTo(offset) {
      starts = starts.filter((start) => start.startOffset < offset);
    },
    dropBefore(logStartOffset) {
      const held = starts.findLastIndex((start) => start.startOffset <= logStartOffset);
      if (held < 0) return;
      starts = [{ epoch: starts[held]!.epoch, startOffset: logStartOffset }, ...starts.slice(held + 1)];
    },
    entries: () => starts,
  };
}
