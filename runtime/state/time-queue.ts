// What waits for its time, in a key-value store: entries in the order of event time, taken out once time has passed
// them. A store finds single keys only, so entries are kept in spans of time, each in numbered parts, and one more key says
// which spans there are. What was taken of a span stays until all of it is taken, since the index says how far that is:
// a crash repeats nothing and loses nothing, and no part is written again for what leaves it.
import type { QueueEntry, QueuePart } from '../../dsl/compile/store-serdes.ts';
import type { KeyValueStore } from './store.ts';

export interface TimeQueue<T> {
  push(timestampMs: number, item: T): void;
  /** Takes all before `untilMs`, earliest first, those of one time in the order in which they came. */
  drain(untilMs: number, take: (item: T, timestampMs: number) => void): void;
  /** Whether anything waits. */
  readonly pending: boolean;
  /** Time of what is to be taken last; -Infinity where nothing waits. */
  lastMs(): number;
}

export interface TimeQueueOptions {
  /** Of strings to `queueSerde` values. Several queues may share it, each with a name. */
  readonly store: KeyValueStore<string, QueuePart>;
  readonly name: string;
  /** How long entries wait, about: spans are a sixteenth of it. */
  readonly waitMs: number;
}

const entriesPerPart = 64;
const spansPerWait = 16;

type Index = Extract<QueuePart, { kind: 'index' }>;

export function openTimeQueue<T>({ store, name, waitMs }: TimeQueueOptions): TimeQueue<T> {
  const spanMs = Math.max(1, Math.ceil(waitMs / spansPerWait));
  const stored = store.get(name)?.value as Index | undefined;
  const index: Index = stored ?? {
    kind: 'index',
    spanMs,
    drainedBeforeMs: Number.NEGATIVE_INFINITY,
    parts: new Map(),
  };
  /** The span that is being taken, in order. */
  let head: { readonly span: number; readonly entries: QueueEntry[]; at: number } | null = null;
  /** No entry is earlier. */
  let earliestMs = firstSpan() * spanMs;

  const partKey = (span: number, part: number): string => `${name}/${span}/${part}`;
  const putIndex = (timestampMs: number) => store.put(name, index, timestampMs);

  function firstSpan(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const span of index.parts.keys()) if (span < first) first = span;
    return first;
  }

  function entriesOf(span: number, part: number): QueueEntry[] {
    const found = store.get(partKey(span, part))?.value;
    return found?.kind === 'entries' ? found.entries : [];
  }

  /** A span that is taken in part stays, with nothing but what was taken where no more came. */
  function lastMs(): number {
    let last = Number.NEGATIVE_INFINITY;
    for (const span of [...index.parts.keys()].sort((a, b) => b - a)) {
      for (let part = 0; part < index.parts.get(span)!; part++) {
        for (const { timestampMs } of entriesOf(span, part)) {
          if (timestampMs >= index.drainedBeforeMs && timestampMs > last) last = timestampMs;
        }
      }
      if (last !== Number.NEGATIVE_INFINITY) break;
    }
    return last;
  }

  function openHead(span: number): NonNullable<typeof head> {
    const entries: QueueEntry[] = [];
    for (let part = 0; part < index.parts.get(span)!; part++) {
      for (const entry of entriesOf(span, part)) {
        if (entry.timestampMs >= index.drainedBeforeMs) entries.push(entry);
      }
    }
    entries.sort((a, b) => a.timestampMs - b.timestampMs);
    return { span, entries, at: 0 };
  }

  function drop(span: number): void {
    for (let part = 0; part < index.parts.get(span)!; part++) store.delete(partKey(span, part));
    index.parts.delete(span);
  }

  function push(timestampMs: number, item: unknown): void {
    // Only where entries wait for longer than when that was taken.
    if (timestampMs < index.drainedBeforeMs) spanAnew();
    const span = Math.floor(timestampMs / spanMs);
    const parts = index.parts.get(span) ?? 0;
    const entry: QueueEntry = { timestampMs, item };
    let last = parts === 0 ? [] : entriesOf(span, parts - 1);
    if (parts === 0 || last.length >= entriesPerPart) {
      index.parts.set(span, parts + 1);
      putIndex(timestampMs);
      last = [];
    }
    last.push(entry);
    store.put(partKey(span, index.parts.get(span)! - 1), { kind: 'entries', entries: last }, timestampMs);
    if (timestampMs < earliestMs) earliestMs = timestampMs;
    if (head === null || head.span > span) head = null;
    else if (head.span === span) insert(head.entries, entry);
  }

  /** Entries wait for another time than they did when they were put in: their spans are others, without what was taken. */
  function spanAnew(): void {
    const entries = [...index.parts.keys()].sort((a, b) => a - b).flatMap((span) => openHead(span).entries);
    for (const span of [...index.parts.keys()]) drop(span);
    const atMs = Math.max(0, index.drainedBeforeMs);
    index.spanMs = spanMs;
    index.drainedBeforeMs = Number.NEGATIVE_INFINITY;
    putIndex(atMs);
    head = null;
    earliestMs = Number.POSITIVE_INFINITY;
    for (const { timestampMs, item } of entries) push(timestampMs, item);
  }

  if (index.spanMs === null) index.spanMs = spanMs;
  else if (index.spanMs !== spanMs) spanAnew();

  return {
    push,
    drain(untilMs, take) {
      if (untilMs <= earliestMs) return;
      let taken = 0;
      while (index.parts.size > 0) {
        const span = firstSpan();
        if (span * spanMs >= untilMs) break;
        if (head?.span !== span) head = openHead(span);
        const { entries } = head;
        while (head.at < entries.length && entries[head.at]!.timestampMs < untilMs) {
          const { item, timestampMs } = entries[head.at++]!;
          taken += 1;
          take(item as T, timestampMs);
        }
        if ((span + 1) * spanMs > untilMs) break;
        drop(span);
        head = null;
      }
      if (taken > 0) {
        index.drainedBeforeMs = untilMs;
        putIndex(untilMs);
      }
      earliestMs = head !== null ? (head.entries[head.at]?.timestampMs ?? untilMs) : firstSpan() * spanMs;
    },
    get pending() {
      return lastMs() !== Number.NEGATIVE_INFINITY;
    },
    lastMs,
  };
}

/** After all that are not later; most come in order. */
function insert(entries: QueueEntry[], entry: QueueEntry): void {
  let at = entries.length;
  while (at > 0 && entries[at - 1]!.timestampMs > entry.timestampMs) at--;
  entries.splice(at, 0, entry);
}
