// Starts a process over and over and kills it with SIGKILL at a random moment of its life, until it ends by itself.
import { type Random, seededRandom } from '../../core/kernel/random.ts';
import type { Finished, Running } from '../support/millrace.ts';

/** MILLRACE_CRASH_SEED repeats the moments of an earlier run; the machine's own timing can't be repeated. */
export function crashRandom(what: string): Random {
  const given = process.env['MILLRACE_CRASH_SEED'];
  const seed = given === undefined ? Math.floor(performance.timeOrigin + performance.now()) % 1_000_000 : Number(given);
  process.stderr.write(`${what}: seed ${seed}\n`);
  return seededRandom(seed);
}

/** MILLRACE_CRASH_SCALE multiplies how much is killed, for a long night. */
export const scaled = (count: number): number => Math.ceil(count * Number(process.env['MILLRACE_CRASH_SCALE'] ?? 1));

export interface KillLoop {
  readonly kills: number;
  /** Of the run that was left to end. */
  readonly last: Finished;
}

/**
 * @param start starts the process
 * @param delayMs when the next kill is, from the start of the process; null lets it run to its end
 */
export async function killUntilDone(start: () => Running, delayMs: () => number | null): Promise<KillLoop> {
  let kills = 0;
  for (;;) {
    const running = start();
    const delay = delayMs();
    const timer = delay === null ? null : setTimeout(() => running.kill('SIGKILL'), delay);
    const last = await running.finished;
    if (timer !== null) clearTimeout(timer);
    if (last.signal === 'SIGKILL') {
      kills += 1;
      if (/error|fault|Error/.test(last.stderr)) throw new Error(`before it was killed it said: ${last.stderr}`);
      continue;
    }
    if (last.code !== 0) throw new Error(`it failed with ${last.code} after ${kills} kills: ${last.stderr}`);
    return { kills, last };
  }
}

/** Between two moments of a run, in milliseconds. */
export const between = (random: Random, fromMs: number, toMs: number): number => fromMs + random.integer(toMs - fromMs);
