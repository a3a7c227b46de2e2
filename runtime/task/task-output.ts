// Where a task's records go: a producer in a worker, a list in a test.
import type { RecordHeaders } from './record-cursor.ts';

export interface TaskOutput {
  /**
   * Takes one record; allocates no promise, and a full buffer refuses nothing: the worker watches it between batches.
   * The bytes may be views of an input batch, and are copied.
   *
   * @param value a text goes out as UTF-8, which is cheaper than encoding it first
   * @param partition null: by the key, as Kafka's default partitioner
   * @throws Fault `RECORD_TOO_LARGE`: the error policy decides
   */
  write(
    topic: string,
    partition: number | null,
    key: Uint8Array | null,
    value: Uint8Array | string | null,
    timestampMs: number,
    headers: RecordHeaders,
  ): void;
}
