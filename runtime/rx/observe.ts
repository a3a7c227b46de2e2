// A topic as an Observable. An AbortSignal ends it and not `from(asyncIterable)`, which sees an unsubscribe only when the
// next record comes: an idle topic would hold its fetch for ever (rxjs 7.8, innerFrom).
import { Observable } from 'rxjs';
import type { Client } from '../../core/client/index.ts';
import type { Viewable } from '../../dsl/topic.ts';
import { type ConsumedRecord, type ConsumeOptions, consumeLists } from './consume.ts';

/**
 * The records of a topic as a cold Observable: each subscription reads the topic anew, with a fetcher of its own.
 *
 * In order within a partition. Never completes, unless `until: 'end'`. Errors are `Fault`s, as those of `consume`. There
 * is no back-pressure in RxJS: where the subscriber waits for something a record, use `consume`.
 *
 * @example
 * observe(client, orders, { from: 'latest' }).pipe(map(({ value }) => value), bufferTime(1_000)).subscribe(draw);
 */
export function observe<K, V>(
  client: Client,
  topic: Viewable<K, V>,
  { signal, ...options }: ConsumeOptions = {},
): Observable<ConsumedRecord<K, Exclude<V, null>>> {
  return new Observable((subscriber) => {
    const stopping = new AbortController();
    const either = signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal]);
    const pump = async () => {
      for await (const records of consumeLists(client, topic, { ...options, signal: either })) {
        for (const record of records) subscriber.next(record);
      }
      subscriber.complete();
    };
    pump().catch((error: unknown) => {
      if (!stopping.signal.aborted) subscriber.error(error);
    });
    return () => stopping.abort();
  });
}
