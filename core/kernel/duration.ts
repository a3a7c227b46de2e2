// Durations as people write them: '5 minutes'. A wrong unit does not compile.
import { Fault } from './fault.ts';

const unitMs = {
  ms: 1,
  millisecond: 1,
  milliseconds: 1,
  second: 1_000,
  seconds: 1_000,
  minute: 60_000,
  minutes: 60_000,
  hour: 3_600_000,
  hours: 3_600_000,
  day: 86_400_000,
  days: 86_400_000,
} as const;

/** `'1 minute'`, `'500 ms'`, `'1.5 hours'`, or a number of milliseconds. */
export type Duration = `${number} ${keyof typeof unitMs}` | number;

/** @throws Fault `BAD_DURATION` for what is no finite, non-negative duration */
export function durationMs(duration: Duration): number {
  const [amount, unit] = typeof duration === 'number' ? [duration, 'ms'] : duration.split(' ');
  const ms = Number(amount) * (unitMs[unit as keyof typeof unitMs] ?? Number.NaN);
  if (!Number.isFinite(ms) || ms < 0) throw new Fault('BAD_DURATION', { given: String(duration) });
  return Math.round(ms);
}
