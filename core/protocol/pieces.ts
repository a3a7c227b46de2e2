// Record bytes that are sent beside an encoded message instead of being copied into it. Knows positions only.

/** Below this, a copy is cheaper than one more buffer to hand to a socket. */
const handOverMin = 4096;

export interface Pieces {
  /** Bytes noted so far, which the writer's length lacks. */
  readonly bytes: number;
  /** Takes `chunks` to be sent where the writer stands, or refuses because copying them is cheaper. */
  add(position: number, chunks: readonly Uint8Array[], bytes: number): boolean;
  /** The whole: parts of `head`, which is what the writer wrote, with the noted chunks between them. */
  join(head: Uint8Array): Uint8Array[];
}

export function createPieces(): Pieces {
  const notes: { readonly position: number; readonly chunks: readonly Uint8Array[] }[] = [];
  let noted = 0;
  return {
    get bytes() {
      return noted;
    },
    add(position, chunks, bytes) {
      if (bytes < handOverMin) return false;
      notes.push({ position, chunks });
      noted += bytes;
      return true;
    },
    join(head) {
      if (notes.length === 0) return [head];
      const joined: Uint8Array[] = [];
      let from = 0;
      for (const { position, chunks } of notes) {
        if (position > from) joined.push(head.subarray(from, position));
        joined.push(...chunks);
        from = position;
      }
      if (from < head.length) joined.push(head.subarray(from));
      return joined;
    },
  };
}
