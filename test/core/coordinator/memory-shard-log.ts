// A shard's log in memory, which outlives the coordinator that writes it. Writes can be held up and made to fail.
import type {
  CoordinatorRecord,
  ShardLog,
  TransactionMarker,
  TransactionOwner,
} from '../../../core/coordinator/shard.ts';

type Entry =
  | { readonly kind: 'record'; readonly record: CoordinatorRecord; readonly transaction: TransactionOwner | null }
  | { readonly kind: 'marker'; readonly marker: TransactionMarker };

export interface MemoryShardLog extends ShardLog {
  readonly entries: readonly Entry[];
  /** Appends wait until the returned function is called. */
  hold(): () => void;
  /** The next append is lost with that error. */
  failNext(error: Error): void;
}

export function createMemoryShardLog(): MemoryShardLog {
  const entries: Entry[] = [];
  let held: Promise<void> = Promise.resolve();
  let failure: Error | null = null;

  async function append(added: readonly Entry[]): Promise<void> {
    const failed = failure;
    failure = null;
    await held;
    if (failed !== null) throw failed;
    entries.push(...added);
  }

  return {
    epoch: 0,
    assertCurrent() {},
    entries,
    hold() {
      let release = () => {};
      held = new Promise((resolve) => (release = resolve));
      return release;
    },
    failNext(error) {
      failure = error;
    },
    append: (records, transaction) =>
      append(records.map((record) => ({ kind: 'record', record, transaction: transaction ?? null }))),
    appendMarker: (marker) => append([{ kind: 'marker', marker }]),
    async replay(target) {
      for (const entry of entries) {
        if (entry.kind === 'record') target.record(entry.record, entry.transaction);
        else target.marker(entry.marker);
      }
    },
  };
}
