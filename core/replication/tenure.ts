// How long a replica has one role in one leader epoch. Whoever has waited for anything looks here before it speaks of the
// log, which may follow another leader by then. It ends once and never begins again.

export interface Tenure {
  readonly isOver: boolean;
  /** Calls back once when it ends, at once where it has. @returns how to stop that */
  onEnd(listener: () => void): () => void;
}

export interface RunningTenure extends Tenure {
  end(): void;
}

export function beginTenure(): RunningTenure {
  const listeners = new Set<() => void>();
  let isOver = false;
  return {
    get isOver() {
      return isOver;
    },
    onEnd(listener) {
      if (isOver) listener();
      else listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    end() {
      if (isOver) return;
      isOver = true;
      for (const listener of [...listeners]) listener();
      listeners.clear();
    },
  };
}

/** Of a node alone: nobody else ever leads. */
export const endless: Tenure = { isOver: false, onEnd: () => () => {} };
