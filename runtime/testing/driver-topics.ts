// The driver's log: topics as lists, of which every record goes straight to the tasks that read it, as a wire batch of
// one. It keeps what it is given for as long as the driver lives, which a test can afford and nothing else.
import { utf8 } from '../../core/schema/primitive.ts';
import { BatchBuilder, type RecordHeaders } from '../task/record-cursor.ts';
import type { Task } from '../task/task.ts';
import type { TaskOutput } from '../task/task-output.ts';

export interface WrittenRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
  readonly headers: RecordHeaders;
}

export interface DriverTopics {
  readonly output: TaskOutput;
  /** That task takes what comes to the topic from then on. */
  read(topic: string, task: Task, input: number): void;
  /** That listener gets what comes to the topic from then on. */
  follow(topic: string, listener: (record: WrittenRecord) => void): void;
  write(topic: string, record: WrittenRecord): void;
  /** Everything written so far, a list that grows. */
  written(topic: string): readonly WrittenRecord[];
}

/** A Buffer's slice() would be a view. */
const copy = (bytes: Uint8Array | null) => (bytes === null ? null : new Uint8Array(bytes));

export function createDriverTopics(): DriverTopics {
  const records = new Map<string, WrittenRecord[]>();
  const readers = new Map<string, { readonly task: Task; readonly input: number }[]>();
  const followers = new Map<string, ((record: WrittenRecord) => void)[]>();
  const builder = new BatchBuilder();

  const written = (topic: string): WrittenRecord[] => {
    const list = records.get(topic) ?? [];
    records.set(topic, list);
    return list;
  };

  function write(topic: string, { key, value, timestampMs, headers }: WrittenRecord): void {
    const list = written(topic);
    const offset = list.length;
    // The bytes may be views of a batch or of an encoder's buffer.
    const record = { key: copy(key), value: copy(value), timestampMs, headers };
    list.push(record);
    for (const listener of followers.get(topic) ?? []) listener(record);
    const reading = readers.get(topic) ?? [];
    if (reading.length === 0) return;
    builder.reset();
    builder.append(timestampMs, key, value, headers);
    const batch = builder.build({ baseOffset: offset });
    for (const { task, input } of reading) {
      task.enqueue(input, { fetchOffset: offset, batches: [batch], nextOffset: offset + 1 });
      task.setEnd(input, offset + 1);
    }
  }

  return {
    output: {
      write: (topic, _partition, key, value, timestampMs, headers) =>
        write(topic, { key, value: typeof value === 'string' ? utf8.encode(value) : value, timestampMs, headers }),
    },
    read(topic, task, input) {
      readers.set(topic, [...(readers.get(topic) ?? []), { task, input }]);
      task.enqueue(input, { fetchOffset: 0, batches: [], nextOffset: 0 });
      task.setEnd(input, 0);
    },
    follow(topic, listener) {
      followers.set(topic, [...(followers.get(topic) ?? []), listener]);
    },
    write,
    written,
  };
}
