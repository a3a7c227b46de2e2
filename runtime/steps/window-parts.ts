// What the kinds of windows are built of: types alone.
import type { WindowSpec } from '../../dsl/plan.ts';
import type { WindowStore } from '../state/store.ts';
import type { StreamTime } from '../task/stream-time.ts';
import type { ForwardChange, StepOf, StepParts } from './step.ts';

export type WindowStep<Spec extends WindowSpec = WindowSpec> = StepOf<'aggregate'> & { readonly window: Spec };

/** What the kinds of windows build on. */
export interface WindowParts extends StepParts {
  readonly store: WindowStore;
  /** By which records are late. */
  readonly time: Readonly<StreamTime>;
  readonly wantsOld: boolean;
  /** Passes on a change, where updates are asked for. */
  readonly update: ForwardChange;
  readonly shown: (accumulator: unknown) => unknown;
  /** The value added to what was there, `undefined` for nothing. What the user's function throws is the caller's to handle. */
  readonly fold: (accumulator: unknown, key: unknown, value: unknown) => unknown;
}

/** Adds a record to its windows and says how many of them it was too late for. */
export type AddToWindows = (key: unknown, value: unknown, timestampMs: number) => number;
