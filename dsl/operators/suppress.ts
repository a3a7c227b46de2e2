// suppress: holds the changes of a table back, so that fewer of them go on.
import { type Duration, durationMs } from '../../core/kernel/duration.ts';
import { Fault } from '../../core/kernel/fault.ts';
import { structured } from '../../core/schema/structured.ts';
import type { Suppression } from '../plan.ts';
import type { KTable, Op } from '../stage.ts';
import { tableOf } from '../stage.ts';
import type { NeedsWindow } from '../type-error.ts';

interface BufferOptions {
  /** Name of the buffer's store and changelog. Needed where the job requires names. */
  readonly as?: string;
  /** Most keys that wait. Default: no bound. */
  readonly recordsMax?: number;
  /** Most bytes that keys and values take which wait, as they are encoded. Default: no bound. */
  readonly bytesMax?: number;
}

/** Options of `suppress('windowCloses')`. A buffer that is full stops the job, since a result that isn't final would be wrong. */
export interface FinalOptions extends BufferOptions {
  /** As of `window()`: after so long without a change stream time goes on with the wall clock. Default: off. */
  readonly idle?: Duration;
}

/** Options of `suppress({ until })`. */
export interface HoldOptions extends BufferOptions {
  /** How long, in stream time, from the first change of a key that is held back. */
  readonly until: Duration;
  /** 'emitEarly': the change that has waited longest goes on before its time. 'fail': the job stops. Needed with a bound. */
  readonly whenFull?: 'emitEarly' | 'fail';
}

/**
 * `suppress('windowCloses')` passes on the last change of each window when the window is closed, and nothing before; a
 * window whose result was deleted gives nothing. `window(spec, { emit: 'windowCloses' })` does the same without a buffer;
 * this is for where the updates are wanted too, or where rows are filtered or mapped between.
 *
 * `suppress({ until: '1 minute' })` passes on the newest change of each key once stream time is that far past the first
 * one that was held back; deletions too.
 *
 * Stream time is the highest time of the changes that have come here. Changes go on in the order of their time (of the
 * window's end; of the first change), then of the bytes of the key. What waits is state: in memory, in a store, in a
 * changelog; written by `structured()`. When a job of bounded sources ends all of it goes on.
 *
 * @throws Fault `BAD_OPERATOR` for a bound without `whenFull` or of nothing. While it runs: `BUFFER_FULL`
 * @example
 * topic('orders', json<{ amount: number }>()).pipe(
 *   groupByKey(),
 *   window(tumbling('1 minute', { grace: '10 seconds' })),
 *   count({ as: 'orders-per-minute' }),
 *   suppress('windowCloses', { as: 'final-orders' }),
 * );
 */
export function suppress<K, V, C>(
  until: 'windowCloses',
  options?: FinalOptions,
): Op<KTable<K, V, C> & NeedsWindow<K, 'suppress'>, KTable<K, V, Exclude<C, null>>>;
export function suppress<K, V, C>(options: HoldOptions): Op<KTable<K, V, C>, KTable<K, V, C>>;
export function suppress<K, V, C>(
  given: 'windowCloses' | HoldOptions,
  final: FinalOptions = {},
): Op<KTable<K, V, C>, KTable<K, V, C>> {
  const { as } = given === 'windowCloses' ? final : given;
  const suppression = given === 'windowCloses' ? finalResults(final) : heldBack(given);
  return ({ node }) =>
    tableOf({
      kind: 'suppress',
      parent: node,
      ...suppression,
      store: { as: as ?? null, value: structured() },
    });
}

function finalResults({ recordsMax, bytesMax, idle }: FinalOptions): Suppression {
  return {
    until: 'windowCloses',
    ...bounds({ recordsMax, bytesMax }),
    whenFull: 'fail',
    idleMs: idle === undefined ? null : durationMs(idle),
  };
}

function heldBack({ until, recordsMax, bytesMax, whenFull }: HoldOptions): Suppression {
  if (whenFull === undefined && (recordsMax !== undefined || bytesMax !== undefined)) {
    const reason = "say what happens when the buffer is full, { whenFull: 'emitEarly' } or { whenFull: 'fail' }";
    throw new Fault('BAD_OPERATOR', { operator: 'suppress', reason });
  }
  return {
    until: durationMs(until),
    ...bounds({ recordsMax, bytesMax }),
    whenFull: whenFull ?? 'fail',
    idleMs: null,
  };
}

function bounds(given: { readonly recordsMax: number | undefined; readonly bytesMax: number | undefined }) {
  for (const [name, bound] of Object.entries(given)) {
    if (bound === undefined || (Number.isSafeInteger(bound) && bound > 0)) continue;
    throw new Fault('BAD_OPERATOR', { operator: 'suppress', reason: `${name} must be a number above 0, not ${bound}` });
  }
  return { recordsMax: given.recordsMax ?? null, bytesMax: given.bytesMax ?? null };
}
