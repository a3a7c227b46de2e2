// What was let go of, by reason, in the words of a report.
import type { TaskMetrics } from '../task/task-metrics.ts';

const words: Readonly<Record<string, string>> = {
  nullKey: 'without a key',
  nullValue: 'without a value',
  late: 'late for their window',
  negativeTimestamp: 'with a negative timestamp',
  decode: 'skipped: could not be decoded',
  process: 'skipped: a function failed on them',
  produce: 'skipped: could not be written',
};

export function droppedOf(tasks: Iterable<TaskMetrics>): Record<string, number> {
  const sums: Record<string, number> = {};
  const add = (reason: string, count: number) => {
    if (count > 0) sums[reason] = (sums[reason] ?? 0) + count;
  };
  for (const { dropped, skipped, recordsDeadLettered } of tasks) {
    for (const [reason, count] of [...Object.entries(dropped), ...Object.entries(skipped)]) add(words[reason]!, count);
    add('sent to a dead-letter topic', recordsDeadLettered);
  }
  return sums;
}
