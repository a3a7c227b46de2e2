// An RxJS Observable as a source. An Observable pushes and can't be asked to wait, so values queue up to a bound; nor can
// it be asked to begin again in the middle, so what was not committed at a crash is gone and exactly-once refuses it.
import type { Observable, Subscription } from 'rxjs';
import { Fault } from '../../core/kernel/fault.ts';
import { createLatch } from '../../core/kernel/latch.ts';
import type { SourceConnector } from '../../dsl/connector.ts';

export interface FromObservableOptions {
  /** For `describe`; give one where a job has several. Default 'observable'. */
  readonly name?: string;
  /** The Observable completes, and with it the source. Default false: a source that completes just gives no more. */
  readonly bounded?: boolean;
  /** Values that may wait for the job. Default 10,000. */
  readonly capacity?: number;
  /** When they are more: the job fails, or the newest value is dropped and counted in a warning. Default 'fail'. */
  readonly onOverflow?: 'fail' | 'drop';
}

/** How many dropped values a warning covers at least, so that a flood does not flood the log. */
const dropsPerWarning = 10_000;

/**
 * A source of what an Observable emits after the job has subscribed to it. An error of the Observable fails the job.
 *
 * @param make called once each time the source is opened
 * @example
 * source(fromObservable(() => fromEvent(socket, 'message'), { name: 'socket' })).to(messages);
 */
export function fromObservable<V>(make: () => Observable<V>, options: FromObservableOptions = {}): SourceConnector<V> {
  const { name = 'observable', bounded = false, capacity = 10_000, onOverflow = 'fail' } = options;
  return {
    name,
    bounded,
    replayable: false,
    async open(_from, { clock, logger, signal }) {
      let queue: { value: V; timestampMs: number }[] = [];
      let failure: { readonly error: unknown } | null = null;
      let completed = false;
      let count = 0;
      let dropped = 0;
      let change = createLatch();
      const wake = () => change.resolve();

      function overflow(): void {
        if (onOverflow === 'fail') {
          failure = { error: new Fault('SOURCE_OVERFLOW', { source: name, capacity }) };
          subscription?.unsubscribe();
          return;
        }
        if (dropped++ % dropsPerWarning === 0)
          logger.warn({ source: name, dropped }, 'the job is too slow for its source: values are dropped');
      }

      let subscription: Subscription | null = null;
      subscription = make().subscribe({
        next(value) {
          if (failure !== null) return;
          if (queue.length >= capacity) overflow();
          else queue.push({ value, timestampMs: clock.now() });
          wake();
        },
        error(error: unknown) {
          failure ??= { error };
          wake();
        },
        complete() {
          completed = true;
          wake();
        },
      });
      // One that fails while it is being subscribed to.
      if (failure !== null) subscription.unsubscribe();
      signal.addEventListener('abort', wake);

      return {
        async poll(recordsMax) {
          for (;;) {
            if (queue.length > 0) {
              const taken = queue.slice(0, recordsMax);
              queue = queue.slice(recordsMax);
              return taken.map(({ value, timestampMs }) => ({ value, timestampMs, offset: { count: ++count } }));
            }
            if (failure !== null) throw failure.error;
            if (completed && bounded) return [];
            signal.throwIfAborted();
            await change.promise;
            change = createLatch();
          }
        },
        async close() {
          signal.removeEventListener('abort', wake);
          subscription.unsubscribe();
        },
      };
    },
  };
}
