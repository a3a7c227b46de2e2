// How many bytes of requests a listener holds for all its connections together, so that thousands of peers with large
// requests, or with halves of them, can't take all memory. A frame counts as what it says it is, from when its length is
// known until it is answered: counted as it comes, frames that are all half there could each wait for the others.

export interface RequestBudget {
  /** Whether another frame may be read. The last one taken may exceed the bound, so that none is too large for it. */
  readonly hasRoom: boolean;
  /** Whether a connection waits for room. */
  readonly isShort: boolean;
  /** @param bytes negative to give back */
  add(bytes: number): void;
  /** Calls back once, in a later turn, when there is room; those that waited longer first. Twice the same counts once. */
  wait(callback: () => void): void;
  forget(callback: () => void): void;
}

export function createRequestBudget(bytesMax: number): RequestBudget {
  const waiting = new Set<() => void>();
  let used = 0;
  let waking = false;

  function wake(): void {
    waking = false;
    // Those that still find no room come back to the end of the set, and are not called again in this round.
    for (const callback of [...waiting]) {
      if (used >= bytesMax) return;
      if (waiting.delete(callback)) callback();
    }
  }

  return {
    get hasRoom() {
      return used < bytesMax;
    },
    get isShort() {
      return waiting.size > 0;
    },
    add(bytes) {
      used += bytes;
      if (bytes < 0 && waiting.size > 0 && used < bytesMax && !waking) {
        waking = true;
        process.nextTick(wake);
      }
    },
    wait: (callback) => void waiting.add(callback),
    forget: (callback) => void waiting.delete(callback),
  };
}
