// Commands on a metadata log, one after another: each decides on the image that the one before has left, so no decision is made
// on a picture that another is about to change.
import { Fault } from '../kernel/fault.ts';
import type { CatalogRecord } from './catalog-record.ts';
import type { MetadataLog } from './metadata-log.ts';
import type { Decision, Outcome } from './outcome.ts';

export interface Command<T> {
  /** May be none. */
  readonly records: readonly CatalogRecord[];
  /** Called in the same turn in which the image has the records. */
  readonly after: () => T;
}

export interface CommandQueue {
  /** @throws Fault `NOT_CONTROLLER`, and what the log throws; then the command may hold or not */
  run<T>(decide: () => Command<T>): Promise<T>;
  /** Resolves when all commands so far have ended, well or not. */
  settled(): Promise<void>;
}

export function createCommandQueue(log: MetadataLog): CommandQueue {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(decide) {
      const turn = last.then(async () => {
        if (!log.isActive) throw new Fault('NOT_CONTROLLER', {});
        const { records, after } = decide();
        if (records.length > 0) await log.propose(records);
        return after();
      });
      last = turn.catch(() => {});
      return turn;
    },
    async settled() {
      await last;
    },
  };
}

/** A refusal writes nothing and is the answer. */
export const commandOf = <T>(outcome: Outcome<Decision<T>>): Command<Outcome<T>> =>
  outcome.ok
    ? { records: outcome.value.records, after: () => ({ ok: true, value: outcome.value.reply }) }
    : { records: [], after: () => outcome };
