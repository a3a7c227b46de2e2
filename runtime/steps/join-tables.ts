// joinTables: a table of the rows of two. As Kafka Streams' KTableKTable(Inner, Left, Right, Outer)Join: a change on one
// side is joined with the other side's row as it is; the result's time is the later of both, of a deletion too; what was
// joined with nothing and is so again passes nothing on.
import type { KeyValueStore, Stamped } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { TableLookup } from '../task/table-lookup.ts';
import type { ForwardChange, StepOf, StepParts } from './step.ts';

export interface JoinTablesParts {
  readonly left: TableLookup;
  readonly right: TableLookup;
  readonly wantsOld: boolean;
}

/** @returns what takes the changes of the left and of the right side */
export function joinTablesStep(
  step: StepOf<'joinTables'>,
  parts: StepParts,
  { left, right, wantsOld }: JoinTablesParts,
  next: ForwardChange,
): readonly [left: ForwardChange, right: ForwardChange] {
  const { name, join, joiner } = step;
  const { record, errors, stores } = parts;
  const store = step.store === null ? null : (stores.store(step.store) as KeyValueStore);

  /**
   * @param alone whether rows of this side are kept without the other's
   * @param without whether rows of the other side are kept without this one's
   */
  function take(
    other: TableLookup,
    apply: (own: unknown, found: unknown) => unknown,
    alone: boolean,
    without: boolean,
  ): ForwardChange {
    const value = (own: unknown, found: Stamped<unknown> | undefined): unknown => {
      if (own === null ? !without || found === undefined : found === undefined && !alone) return null;
      return apply(own, found?.value ?? null) ?? null;
    };
    return (key, newValue, oldValue, timestampMs) => {
      let joined: unknown;
      let joinedBefore: unknown = null;
      let joinedMs = timestampMs;
      record.currentKey = key;
      record.timestampMs = timestampMs;
      try {
        const known = key === undecoded ? record.key : key;
        const found = other.get(known);
        if (found === undefined && (!alone || (newValue === null && oldValue === null))) return;
        if (found !== undefined && found.timestampMs > joinedMs) joinedMs = found.timestampMs;
        joined = value(newValue, found);
        if (wantsOld) joinedBefore = value(oldValue, found);
        if (store !== null) {
          if (joined === null) store.delete(known, joinedMs);
          else store.put(known, joined, joinedMs);
        }
      } catch (error) {
        errors.process(name, newValue, error);
        return;
      }
      next(key, joined, joinedBefore, joinedMs);
    };
  }

  return [
    take(right, (own, found) => joiner(own, found, record), join !== 'inner', join === 'outer'),
    take(left, (own, found) => joiner(found, own, record), join === 'outer', join !== 'inner'),
  ];
}
