// The deadlines of one shard, which come back as commands. A deadline that is moved later, as a session's is at each
// heartbeat, sets no new timer: the old one fires, sees that it is early and is set again.
import type { Clock, Timer } from '../kernel/clock.ts';

export interface ShardTimers<Command> {
  /** Runs `command` on the shard after `delayMs`; replaces a deadline of the same name. */
  schedule(name: string, delayMs: number, command: Command): void;
  cancel(name: string): void;
  /** Whether a deadline of that name is still to come. */
  has(name: string): boolean;
}

export interface ShardTimersControl<Command> extends ShardTimers<Command> {
  cancelAll(): void;
}

interface Deadline<Command> {
  dueMs: number;
  command: Command;
  armedUntilMs: number;
  timer: Timer;
}

export function createShardTimers<Command>({
  clock,
  run,
}: {
  clock: Clock;
  run: (command: Command) => void;
}): ShardTimersControl<Command> {
  const deadlines = new Map<string, Deadline<Command>>();

  function arm(name: string, dueMs: number): Timer {
    return clock.after(dueMs - clock.monotonicMs(), () => fire(name));
  }

  function fire(name: string): void {
    const deadline = deadlines.get(name);
    if (deadline === undefined) return;
    if (deadline.dueMs > clock.monotonicMs()) {
      deadline.armedUntilMs = deadline.dueMs;
      deadline.timer = arm(name, deadline.dueMs);
      return;
    }
    deadlines.delete(name);
    run(deadline.command);
  }

  return {
    schedule(name, delayMs, command) {
      const dueMs = clock.monotonicMs() + delayMs;
      const current = deadlines.get(name);
      if (current !== undefined && current.armedUntilMs <= dueMs) {
        current.dueMs = dueMs;
        current.command = command;
        return;
      }
      current?.timer.cancel();
      deadlines.set(name, { dueMs, command, armedUntilMs: dueMs, timer: arm(name, dueMs) });
    },
    cancel(name) {
      deadlines.get(name)?.timer.cancel();
      deadlines.delete(name);
    },
    has: (name) => deadlines.has(name),
    cancelAll() {
      for (const { timer } of deadlines.values()) timer.cancel();
      deadlines.clear();
    },
  };
}
