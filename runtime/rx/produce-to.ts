// An Observable into a topic. RxJS can't be slowed down, so what is not acknowledged has a bound, and a source that
// outruns it is an error and not a growing heap (rxjs #2342).
import { Observable, type OperatorFunction, takeWhile } from 'rxjs';
import type { Client, SentRecord } from '../../core/client/index.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { Destination } from '../../dsl/stage.ts';
import type { RecordHeaders } from '../task/record-cursor.ts';

export interface RecordToProduce<K, V> {
  readonly key: K | null;
  /** Null is a tombstone. */
  readonly value: V;
  /** Event time, milliseconds since the epoch. Default: the client's clock. */
  readonly timestampMs?: number;
  /** Default: by the key. */
  readonly partition?: number;
  readonly headers?: RecordHeaders;
}

export interface ProduceToOptions {
  /** Records that may be on their way at once; one more is Fault `RX_OVERFLOW`. Default 10,000. */
  readonly inFlightMax?: number;
}

/**
 * Writes each record to a topic and emits its acknowledgement, in the order of the records. A producer a subscription,
 * idempotent; it ends with the source, once everything is acknowledged.
 *
 * Errors: `RX_OVERFLOW`, what the serdes throw, and the `Fault`s of a producer. After one nothing more is written;
 * records before it may have been.
 *
 * @example
 * clicks$.pipe(map((click) => ({ key: click.page, value: click })), produceTo(client, clicks, { inFlightMax: 1_000 })).subscribe();
 */
export function produceTo<K, V>(
  client: Client,
  { topic }: Destination<K, V>,
  { inFlightMax = 10_000 }: ProduceToOptions = {},
): OperatorFunction<RecordToProduce<K, V>, SentRecord> {
  return (source) =>
    new Observable((subscriber) => {
      const producer = client.producer();
      let inFlight = 0;
      let order = Promise.resolve();
      let ended = false;

      const close = () => void producer.close().catch(() => {}); // What failed was said by the record that failed.
      function failWith(error: unknown): void {
        if (ended) return;
        ended = true;
        subscriber.error(error);
      }
      function send({ key, value, ...rest }: RecordToProduce<K, V>): Promise<SentRecord> {
        return producer.send({
          topic: topic.name,
          key: key === null ? null : topic.key.encode(key),
          value: value === null ? null : topic.value.encode(value),
          ...rest,
        });
      }
      /** Acknowledgements come in the order of records within a partition; the queue makes it the order of all. */
      function acknowledge(sent: Promise<SentRecord>): void {
        sent.catch(() => {});
        order = order.then(async () => {
          const acknowledged = await sent;
          inFlight -= 1;
          if (!ended) subscriber.next(acknowledged);
        });
        order = order.catch(failWith);
      }

      subscriber.add(
        // A source that gives all it has while it is subscribed can be stopped from inside alone.
        source.pipe(takeWhile(() => !ended)).subscribe({
          next(record) {
            if (inFlight >= inFlightMax) return failWith(new Fault('RX_OVERFLOW', { topic: topic.name, inFlightMax }));
            try {
              inFlight += 1;
              acknowledge(send(record));
            } catch (error) {
              failWith(error);
            }
          },
          error: (error) => failWith(error),
          complete: () => {
            void order.then(() => {
              if (!ended) subscriber.complete();
            });
          },
        }),
      );
      return () => {
        ended = true;
        close();
      };
    });
}
