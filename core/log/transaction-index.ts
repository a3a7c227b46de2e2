// Open transactions and aborted ones: what bounds a read-committed consumer and what it must skip (KIP-98; Kafka's
// TransactionIndex and the unstable offsets of ProducerStateManager). Pure memory; the checkpoint keeps the aborted ones
// and the producers' state the open ones.

export interface AbortedTransaction {
  readonly producerId: number;
  /** Of its first record here. */
  readonly firstOffset: number;
  /** Of the marker that aborted it. */
  readonly lastOffset: number;
  /** Below it no transaction was open any more once the marker was there, so that a search can stop. */
  readonly stableOffset: number;
}

export interface TransactionIndex {
  begin(producerId: number, firstOffset: number): void;
  /** A marker was appended at `markerOffset`. */
  end(producerId: number, firstOffset: number, markerOffset: number, committed: boolean): void;
  /**
   * First offset of a transaction that is open, or whose marker is not yet below the high watermark: the marker could
   * still be cut off by truncation, so nothing of the transaction may be shown before.
   */
  lastStableOffset(highWatermark: number): number;
  /** Aborted transactions with records or marker in [from, end), as a Fetch answer lists them. */
  abortedIn(from: number, end: number): AbortedTransaction[];
  /** Whether the data batch of `producerId` at `offset` belongs to an aborted transaction. */
  isAborted(producerId: number, offset: number): boolean;
  /** Ordered by marker. */
  aborted(): readonly AbortedTransaction[];
  dropBefore(logStartOffset: number): void;
  /** Forgets the transaction that the marker at `markerOffset` aborted. @returns whether there was one */
  forget(markerOffset: number): boolean;
}

export function createTransactionIndex(initial: readonly AbortedTransaction[] = []): TransactionIndex {
  // In the order of their first offsets, because they are begun in that order.
  const open = new Map<number, number>();
  let ended: { firstOffset: number; markerOffset: number }[] = [];
  const aborted = [...initial];

  /** Index of the first whose marker is at or after `offset`. */
  function lowerBound(offset: number): number {
    let low = 0;
    let high = aborted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (aborted[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    begin(producerId, firstOffset) {
      open.set(producerId, firstOffset);
    },
    end(producerId, firstOffset, markerOffset, committed) {
      open.delete(producerId);
      ended.push({ firstOffset, markerOffset });
      if (committed) return;
      const [stableOffset = markerOffset + 1] = open.values();
      aborted.push({ producerId, firstOffset, lastOffset: markerOffset, stableOffset });
    },
    lastStableOffset(highWatermark) {
      if (ended.length > 0 && ended[0]!.markerOffset < highWatermark)
        ended = ended.filter(({ markerOffset }) => markerOffset >= highWatermark);
      const [firstOpen = highWatermark] = open.values();
      let stable = Math.min(firstOpen, highWatermark);
      for (const { firstOffset } of ended) stable = Math.min(stable, firstOffset);
      return stable;
    },
    abortedIn(from, end) {
      const found: AbortedTransaction[] = [];
      for (let i = lowerBound(from); i < aborted.length; i++) {
        const transaction = aborted[i]!;
        if (transaction.firstOffset < end) found.push(transaction);
        if (transaction.stableOffset >= end) break;
      }
      return found;
    },
    isAborted(producerId, offset) {
      for (let i = lowerBound(offset); i < aborted.length; i++) {
        const transaction = aborted[i]!;
        if (transaction.producerId === producerId) return transaction.firstOffset <= offset;
      }
      return false;
    },
    aborted: () => aborted,
    dropBefore(logStartOffset) {
      aborted.splice(0, lowerBound(logStartOffset));
    },
    forget(markerOffset) {
      const at = lowerBound(markerOffset);
      if (aborted[at]?.lastOffset !== markerOffset) return false;
      aborted.splice(at, 1);
      return true;
    },
  };
}
