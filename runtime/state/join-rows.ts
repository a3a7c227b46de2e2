// The records of both sides of a stream join that may still meet others, several of one key and time too. A key's rows of
// a span of time are one entry of a window store, in parts once they are many, so that a look-up is a few gets and an
// expiry one range.
import type { JoinRow, JoinRows } from '../../dsl/compile/store-serdes.ts';
import type { JoinWindowSpec } from '../../dsl/plan.ts';
import type { WindowStore } from './store.ts';

export type Side = 'left' | 'right';

export interface Rows {
  add(side: Side, key: unknown, row: JoinRow): void;
  /** Appends to `found` the rows of a side from `fromMs` to `toMs` that `wanted` takes, in order of time, and marks them as matched. */
  match(
    side: Side,
    key: unknown,
    fromMs: number,
    toMs: number,
    wanted: (row: JoinRow) => boolean,
    found: JoinRow[],
  ): void;
  /** Rows of one time that met nothing, in the order in which they came. */
  unmatched(side: Side, key: unknown, timestampMs: number): JoinRow[];
  /** Forgets what is entirely before `untilMs`. */
  expireBefore(untilMs: number): void;
}

const rowsPerPart = 64;
const partsMax = 4096;

export function openJoinRows(
  store: WindowStore<unknown, JoinRows>,
  { beforeMs, afterMs }: Pick<JoinWindowSpec, 'beforeMs' | 'afterMs'>,
): Rows {
  const spanMs = Math.max(1, Math.ceil((beforeMs + afterMs) / 2));
  const spanOf = (timestampMs: number): number => Math.floor(timestampMs / spanMs);
  /** Where the store has a part: parts of one span are neighbours. */
  const placeOf = (span: number, part: number): number => span * partsMax + part;
  let expiredSpan = Number.NEGATIVE_INFINITY;

  return {
    add(side, key, row) {
      const { timestampMs } = row;
      const span = spanOf(timestampMs);
      const first = store.get(key, placeOf(span, 0));
      let at = first === undefined ? 0 : first.value.parts - 1;
      let stored = at === 0 ? first : store.get(key, placeOf(span, at));
      if (
        stored !== undefined &&
        stored.value.left.length + stored.value.right.length >= rowsPerPart &&
        at + 1 < partsMax
      ) {
        at += 1;
        stored = undefined;
        first!.value.parts = at + 1;
        store.put(key, placeOf(span, 0), first!.value, first!.timestampMs);
      }
      const rows = stored?.value ?? { parts: 1, left: [], right: [] };
      insert(rows[side], row);
      store.put(key, placeOf(span, at), rows, Math.max(timestampMs, stored?.timestampMs ?? 0));
    },
    match(side, key, fromMs, toMs, wanted, found) {
      for (let span = spanOf(fromMs); span <= spanOf(toMs); span++) {
        const foundBefore = found.length;
        const parts = store.get(key, placeOf(span, 0))?.value.parts ?? 0;
        for (let part = 0; part < parts; part++) {
          const stored = store.get(key, placeOf(span, part));
          if (stored === undefined) continue;
          let changed = false;
          for (const row of stored.value[side]) {
            if (row.timestampMs < fromMs || row.timestampMs > toMs || !wanted(row)) continue;
            changed ||= !row.matched;
            row.matched = true;
            found.push(row);
          }
          if (changed) store.put(key, placeOf(span, part), stored.value, stored.timestampMs);
        }
        if (parts > 1) inOrder(found, foundBefore);
      }
    },
    unmatched(side, key, timestampMs) {
      const span = spanOf(timestampMs);
      const found: JoinRow[] = [];
      const parts = store.get(key, placeOf(span, 0))?.value.parts ?? 0;
      for (let part = 0; part < parts; part++) {
        for (const row of store.get(key, placeOf(span, part))?.value[side] ?? []) {
          if (row.timestampMs === timestampMs && !row.matched) found.push(row);
        }
      }
      return found;
    },
    expireBefore(untilMs) {
      const span = spanOf(untilMs);
      if (span <= expiredSpan) return;
      expiredSpan = span;
      store.expireBefore(placeOf(span, 0));
    },
  };
}

/** After all that are not later; most come in order. */
function insert(rows: JoinRow[], row: JoinRow): void {
  let at = rows.length;
  while (at > 0 && rows[at - 1]!.timestampMs > row.timestampMs) at--;
  if (at === rows.length) rows.push(row);
  else rows.splice(at, 0, row);
}

function inOrder(rows: JoinRow[], from: number): void {
  const sorted = rows.slice(from).sort((a, b) => a.timestampMs - b.timestampMs);
  for (const [i, row] of sorted.entries()) rows[from + i] = row;
}
