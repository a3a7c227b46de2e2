// Names of stores and internal topics. A name is given, or derived from the place: the source, the operator, and its
// ordinal among that operator's uses under that source. There is no global counter, because an operator added anywhere
// would then orphan the state of all that follow (KAFKA-9072).
import type { Repartition } from './graph.ts';
import { placeOf } from './graph.ts';
import type { TopologyIssue } from './topology.ts';

/** Kafka's rule for topic names, which are also names of folders. */
const legal = /^[a-zA-Z0-9._-]+$/;
const lengthMax = 249;

/** What is wrong with a name, or null. */
export function nameFault(name: string): string | null {
  if (name === '') return 'is empty';
  if (name === '.' || name === '..') return "may not be '.' or '..'";
  if (!legal.test(name)) return "may have letters, digits, '.', '_' and '-' only";
  return name.length > lengthMax ? `has ${name.length} characters, at most ${lengthMax} are taken` : null;
}

export interface PlaceNames {
  /** The next name for `operator` under `source`: 'orders-count', then 'orders-count-2'. */
  derive(source: string, operator: string): string;
}

export function createPlaceNames(): PlaceNames {
  const uses = new Map<string, number>();
  return {
    derive(source, operator) {
      const place = `${sanitised(source)}-${operator}`;
      const ordinal = (uses.get(place) ?? 0) + 1;
      uses.set(place, ordinal);
      return ordinal === 1 ? place : `${place}-${ordinal}`;
    },
  };
}

/** A connector's name may have any character. */
const sanitised = (name: string): string => name.replace(/[^a-zA-Z0-9._-]+/g, '-').replace(/^-+|-+$/g, '');

export const repartitionTopic = (job: string, name: string): string => `${job}-${name}-repartition`;
export const changelogTopic = (job: string, store: string): string => `${job}-${store}-changelog`;
export const sourceOffsetsTopic = (job: string): string => `${job}-source-offsets`;

/**
 * Gives each repartition topic its name: the one given at selectKey() or groupBy(), else that of the first named store
 * that needs it, else derived from where the key was chosen. Further streams behind one selectKey() are '.2', '.3'.
 */
export function settleRepartitionNames(repartitions: readonly Repartition[]): readonly TopologyIssue[] {
  const issues: TopologyIssue[] = [];
  const taken = new Map<string, Repartition>();
  for (const repartition of repartitions) {
    const { rekeyedBy, given, storeNames, producer } = repartition;
    const derived = rekeyedBy.repartitionName ?? rekeyedBy.store?.name ?? rekeyedBy.source;
    const name = given ?? storeNames[0] ?? derived;
    const before = [...taken.values()].filter((r) => r.rekeyedBy === rekeyedBy && r.base === name).length;
    repartition.base = name;
    repartition.name = before === 0 ? name : `${name}.${before + 1}`;
    const other = taken.get(repartition.name);
    taken.set(repartition.name, repartition);
    if (other === undefined) continue;
    const message = `'${repartition.name}' names the repartition topic of ${placeOf(other.producer.place)} too; choose another name`;
    issues.push({ code: 'DUPLICATE_STORE', place: placeOf(producer.place), message });
  }
  return issues;
}
