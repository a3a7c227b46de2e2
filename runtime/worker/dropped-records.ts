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

export function droppedOf(metrics: TaskMetrics): Record<string, number> {
  const counts = [...Object.entries(metrics.dropped), ...Object.entries(metrics.skipped)];
  const named = counts.filter(([, count]) => count > 0).map(([reason, count]) => [words[reason]!, count] as const);
  if (metrics.recordsDeadLettered > 0) named.push(['sent to a dead-letter topic', metrics.recordsDeadLettered]);
  return Object.fromEntries(named);
}
