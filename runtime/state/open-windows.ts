// Which windows of a store are there, by key and by end: what a step walks over when records arrive or time passes, since
// LevelDB has no synchronous scan. Keys and times only, a hundred bytes or so a window; the values stay in the store.
// biome-ignore-all lint/suspicious/noExplicitAny: stores are erased, as the topology is
import type { Serde } from '../../core/schema/serde.ts';

export interface OpenWindow {
  readonly key: any;
  readonly startMs: number;
  readonly endMs: number;
}

export interface OpenWindows {
  readonly size: number;
  /** Windows of a key by start: a view, valid until the next change. */
  of(key: any): readonly OpenWindow[];
  /** Whether there are windows that weren't taken. */
  readonly pending: boolean;
  /** End of the window that is to be taken last; -Infinity where there is none. */
  lastEndMs(): number;
  /**
   * Takes out the windows that end at or before that moment, by end, then start, then the bytes of the key.
   *
   * @param keep they stay among the windows of their keys until they are deleted, and are not taken again
   */
  takeUntil(endMs: number, keep?: 'keep'): readonly OpenWindow[];
  /** Takes out the first of them all, in the same order. */
  takeFirst(): OpenWindow | undefined;
  /** Every window that was not taken, in no order. */
  all(): Iterable<OpenWindow>;
}

export interface WindowIndex extends OpenWindows {
  /** A window of that key and start, with another end if it had one. */
  put(key: any, startMs: number, endMs: number): void;
  remove(key: any, startMs: number): void;
  clear(): void;
}

const none: readonly OpenWindow[] = [];

export function createWindowIndex(serde: Serde<any>): WindowIndex {
  const byKey = createKeyMap<OpenWindow[]>(serde);
  const byEnd = new Map<number, Set<OpenWindow>>();
  /** Each end that was ever put into `byEnd`, earliest first; some have no windows any more. */
  const ends = createMinHeap();
  let size = 0;

  function attach(window: OpenWindow): void {
    let together = byEnd.get(window.endMs);
    if (together === undefined) {
      together = new Set();
      byEnd.set(window.endMs, together);
      ends.push(window.endMs);
    }
    together.add(window);
  }

  function detach(window: OpenWindow): void {
    const together = byEnd.get(window.endMs);
    together?.delete(window);
    if (together?.size === 0) byEnd.delete(window.endMs);
  }

  function removeFromKey(key: any, startMs: number): OpenWindow | undefined {
    const windows = byKey.get(key);
    if (windows === undefined) return undefined;
    const at = placeOf(windows, startMs);
    if (windows[at]?.startMs !== startMs) return undefined;
    const [removed] = windows.splice(at, 1);
    if (windows.length === 0) byKey.delete(key);
    size -= 1;
    return removed;
  }

  return {
    get size() {
      return size;
    },
    get pending() {
      return byEnd.size > 0;
    },
    of: (key) => byKey.get(key) ?? none,
    lastEndMs() {
      let last = Number.NEGATIVE_INFINITY;
      for (const endMs of byEnd.keys()) if (endMs > last) last = endMs;
      return last;
    },
    takeUntil(endMs, keep) {
      if (!(ends.least() <= endMs)) return none;
      const taken: OpenWindow[] = [];
      while (ends.least() <= endMs) {
        const end = ends.pop();
        const together = byEnd.get(end);
        if (together === undefined) continue;
        byEnd.delete(end);
        // Not by a spread: a hundred thousand windows of one end are more arguments than a call may have.
        for (const window of inOrder([...together], serde)) taken.push(window);
      }
      if (keep === undefined) for (const { key, startMs } of taken) removeFromKey(key, startMs);
      return taken;
    },
    takeFirst() {
      while (byEnd.size > 0) {
        const together = byEnd.get(ends.least());
        if (together === undefined) {
          ends.pop();
          continue;
        }
        const first = inOrder([...together], serde)[0]!;
        removeFromKey(first.key, first.startMs);
        detach(first);
        return first;
      }
      return undefined;
    },
    *all() {
      for (const together of byEnd.values()) yield* together;
    },
    put(key, startMs, endMs) {
      const windows = byKey.getOrMake(key, () => []);
      const at = placeOf(windows, startMs);
      const known = windows[at];
      if (known?.startMs === startMs) {
        if (known.endMs === endMs) return;
        detach(known);
        windows[at] = { key: known.key, startMs, endMs };
      } else {
        windows.splice(at, 0, { key, startMs, endMs });
        size += 1;
      }
      attach(windows[at]!);
    },
    remove(key, startMs) {
      const removed = removeFromKey(key, startMs);
      if (removed !== undefined) detach(removed);
    },
    clear() {
      byKey.clear();
      byEnd.clear();
      ends.clear();
      size = 0;
    },
  };
}

/** Where a window of that start is, or belongs. From the end, where nearly all records are. */
function placeOf(windows: readonly OpenWindow[], startMs: number): number {
  let at = windows.length;
  while (at > 0 && windows[at - 1]!.startMs >= startMs) at--;
  return at;
}

function inOrder(windows: OpenWindow[], serde: Serde<any>): readonly OpenWindow[] {
  if (windows.length < 2) return windows;
  return windows
    .map((window) => ({ window, bytes: Uint8Array.from(serde.encode(window.key)) }))
    .sort((a, b) => a.window.startMs - b.window.startMs || Buffer.compare(a.bytes, b.bytes))
    .map(({ window }) => window);
}

const isPrimitive = (key: unknown): boolean =>
  typeof key === 'string' || (typeof key === 'number' && !Object.is(key, -0)) || typeof key === 'bigint';

const idOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** A map of keys that are the same when their bytes are. A primitive that was seen before is one look-up. */
function createKeyMap<V>(serde: Serde<any>) {
  const primitives = new Map<any, V>();
  const encoded = new Map<string, V>();

  function place(key: any): { readonly map: Map<any, V>; readonly id: any } {
    if (isPrimitive(key) && primitives.has(key)) return { map: primitives, id: key };
    const bytes = new Uint8Array(serde.encode(key));
    const known = typeof key === 'object' ? idOf(bytes) : '';
    // Bytes that stood for no primitive before stand for none now.
    if (known !== '' && encoded.has(known)) return { map: encoded, id: known };
    const read = serde.decode(bytes);
    if (isPrimitive(read) && (read === key || Buffer.compare(serde.encode(read), bytes) === 0))
      return { map: primitives, id: read };
    return { map: encoded, id: idOf(bytes) };
  }

  return {
    get(key: any): V | undefined {
      if (primitives.size === 0 && encoded.size === 0) return undefined;
      const { map, id } = place(key);
      return map.get(id);
    },
    getOrMake(key: any, make: () => V): V {
      const { map, id } = place(key);
      const known = map.get(id);
      if (known !== undefined) return known;
      const made = make();
      map.set(id, made);
      return made;
    },
    delete(key: any): void {
      const { map, id } = place(key);
      map.delete(id);
    },
    clear(): void {
      primitives.clear();
      encoded.clear();
    },
  };
}

function createMinHeap() {
  const items: number[] = [];
  const swap = (a: number, b: number) => {
    const item = items[a]!;
    items[a] = items[b]!;
    items[b] = item;
  };
  return {
    /** Infinity where there is none. */
    least: (): number => items[0] ?? Number.POSITIVE_INFINITY,
    push(item: number): void {
      let at = items.push(item) - 1;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (items[parent]! <= items[at]!) return;
        swap(at, parent);
        at = parent;
      }
    },
    pop(): number {
      const least = items[0]!;
      const last = items.pop()!;
      if (items.length === 0) return least;
      items[0] = last;
      for (let at = 0; ; ) {
        const left = 2 * at + 1;
        if (left >= items.length) return least;
        const child = left + 1 < items.length && items[left + 1]! < items[left]! ? left + 1 : left;
        if (items[at]! <= items[child]!) return least;
        swap(at, child);
        at = child;
      }
    },
    clear(): void {
      items.length = 0;
    },
  };
}
