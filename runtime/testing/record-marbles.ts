// Records on a line: event time as a picture, for tests. The grammar is RxJS's (a letter is a record, '-' is time that
// passes, '( )' is one moment, '5s' between blanks is a longer wait) with one difference: a moment takes one frame however
// many letters it has, because counting them makes pictures lie.
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../../core/kernel/fault.ts';

export interface MarbleOptions {
  /** Event time of the first frame, in milliseconds. Default 0. */
  readonly startMs?: number;
  /** Event time that one character takes, in milliseconds. Default 1. */
  readonly frameMs?: number;
}

export interface Marble {
  readonly symbol: string;
  readonly timestampMs: number;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** More dashes than anybody would count. */
const gapFramesMax = 1_000;
const wait = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/**
 * The records of a picture, in order.
 *
 * @throws Fault `BAD_MARBLES`
 * @example
 * parseMarbles('a-(bc) 5s d', { frameMs: 10 }); // a at 0, b and c at 20, d at 5,030
 */
export function parseMarbles(picture: string, { startMs = 0, frameMs = 1 }: MarbleOptions = {}): Marble[] {
  const marbles: Marble[] = [];
  let atMs = startMs;
  let inMoment = false;
  const bad = (reason: string) => new Fault('BAD_MARBLES', { picture, reason });
  const words = picture
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '');
  for (const word of words) {
    const waited = words.length > 1 ? wait.exec(word) : null;
    if (waited !== null && !inMoment) {
      atMs += Number(waited[1]) * unitMs[waited[2]!]!;
      continue;
    }
    for (const symbol of word) {
      if (symbol === '(' ? inMoment : symbol === ')' ? !inMoment : symbol === '-' && inMoment) {
        throw bad(`'${symbol}' doesn't belong there`);
      }
      if (symbol === '(') inMoment = true;
      else if (symbol === ')') inMoment = false;
      else if (/[|#^!]/.test(symbol)) throw bad(`a stream of records has no '${symbol}'`);
      else if (symbol !== '-') marbles.push({ symbol, timestampMs: atMs });
      if (!inMoment) atMs += frameMs;
    }
  }
  if (inMoment) throw bad("a '(' is not closed");
  return marbles;
}

export interface Drawn {
  readonly key: unknown;
  readonly value: unknown;
  readonly timestampMs: number;
}

/**
 * The picture of some records, by event time; records of one time stand in their order.
 *
 * @param legend what each letter stands for, as `[key, value]`; a record that is not in it is drawn '?'
 * @throws Fault `BAD_MARBLES` where a record is between two frames
 */
export function drawMarbles(
  records: readonly Drawn[],
  legend: Readonly<Record<string, readonly [key: unknown, value: unknown]>>,
  { startMs = 0, frameMs = 1 }: MarbleOptions = {},
): string {
  const frames = new Map<number, string[]>();
  for (const { key, value, timestampMs } of records) {
    const frame = (timestampMs - startMs) / frameMs;
    if (!Number.isInteger(frame) || frame < 0) {
      throw new Fault('BAD_MARBLES', {
        picture: `${records.length} records`,
        reason: `time ${timestampMs} is on no frame of ${frameMs} ms from ${startMs} on`,
      });
    }
    const symbol = Object.keys(legend).find((letter) => isDeepStrictEqual(legend[letter], [key, value])) ?? '?';
    frames.set(frame, [...(frames.get(frame) ?? []), symbol]);
  }
  let picture = '';
  let at = 0;
  for (const [frame, symbols] of [...frames].sort(([a], [b]) => a - b)) {
    if (frame - at > gapFramesMax) {
      const reason = `${frame - at} frames pass without a record; choose a larger frameMs, or a startMs near the records`;
      throw new Fault('BAD_MARBLES', { picture: `${records.length} records`, reason });
    }
    picture += '-'.repeat(frame - at) + (symbols.length === 1 ? symbols[0] : `(${symbols.join('')})`);
    at = frame + 1;
  }
  return picture;
}
