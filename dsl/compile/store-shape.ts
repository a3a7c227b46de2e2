// What of a store decides how its bytes are read: kept beside it, and compared when a task opens it, because a program that
// has changed would otherwise misread what is there (a count as a float, one window as another) without a word. What may
// change freely is not in it: grace, how long windows are kept, the functions.
import { match } from 'ts-pattern';
import type { WindowSpec } from '../plan.ts';
import type { StoreSpec } from './topology.ts';

/** Facts by name, as they stand in a sentence after 'kept'. */
export type Shape = Readonly<Record<string, string>>;

export function shapeOf(spec: StoreSpec): Shape {
  const { kind, key, value, window, within, buffer, ownChangelog } = spec;
  // What others write to a topic is as the program says it is, here and there.
  const serdes = ownChangelog
    ? { keys: `with keys of ${canonical(key.name)}`, values: `with values of ${canonical(value.name)}` }
    : { values: 'with the values of its topic' };
  return {
    kind: kindFact(kind),
    ...(buffer === true ? { use: 'as a buffer' } : {}),
    ...(within !== undefined
      ? { windows: `for a join from ${within.beforeMs} ms before to ${within.afterMs} ms after` }
      : window === null
        ? {}
        : { windows: `by ${windowsOf(window)}` }),
    ...serdes,
  };
}

export const kindFact = (kind: StoreSpec['kind']): string =>
  `as a ${kind === 'keyValue' ? 'key-value' : 'window'} store`;

/** The first fact in which two shapes differ; one that either doesn't know is not compared. */
export function differenceOf(found: Shape, wanted: Shape): { readonly found: string; readonly wanted: string } | null {
  for (const [fact, want] of Object.entries(wanted)) {
    const had = found[fact];
    if (had !== undefined && had !== want) return { found: had, wanted: want };
  }
  return null;
}

/** Two names of one encoding. */
const canonical = (serde: string): string => serde.replace(/\bsafeInt64\b/g, 'int64');

function windowsOf(window: WindowSpec): string {
  return match(window)
    .with({ kind: 'tumbling' }, ({ sizeMs, originMs = 0 }) => `tumbling windows of ${sizeMs} ms${from(originMs)}`)
    .with(
      { kind: 'hopping' },
      ({ sizeMs, advanceMs, originMs = 0 }) => `hopping windows of ${sizeMs} ms every ${advanceMs} ms${from(originMs)}`,
    )
    .with({ kind: 'sliding' }, ({ differenceMs }) => `sliding windows of ${differenceMs} ms`)
    .with({ kind: 'session' }, () => 'sessions')
    .with({ kind: 'calendar' }, ({ unit, timeZone }) => `calendar windows of a ${unit} in ${timeZone}`)
    .with({ kind: 'custom' }, ({ name }) => `windows of its own, '${name}'`)
    .exhaustive();
}

const from = (originMs: number): string => (originMs === 0 ? '' : ` from ${originMs} ms`);
