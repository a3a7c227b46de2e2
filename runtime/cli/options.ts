// Values of flags, checked as they are read: a wrong one is wrong usage, told in commander's own way.
import { InvalidArgumentError } from 'commander';

export const dataFolderDefault = '.millrace';

export function parsePositiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}

export function parseNonNegativeInteger(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('It must be a whole number from 0.');
  return value;
}

export const parseChoice =
  <T extends string>(...choices: readonly T[]) =>
  (text: string): T => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new InvalidArgumentError(`It must be ${choices.join(' or ')}.`);
    return found;
  };

/** `name=value`, repeatable. */
export function collectSettings(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be name=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** 'earliest', 'latest', an offset, or a time: ISO 8601 or milliseconds since the epoch with a leading '@'. */
export type Position =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'time'; readonly timestampMs: number };

export function parsePosition(text: string): Position {
  if (text === 'earliest' || text === 'latest') return { kind: text };
  if (/^\d+$/.test(text)) return { kind: 'offset', offset: Number(text) };
  const timestampMs = timeOf(text);
  if (!Number.isFinite(timestampMs))
    throw new InvalidArgumentError(
      'It must be earliest, latest, an offset, or a time such as 2026-01-31T12:00:00Z or @1769860800000.',
    );
  return { kind: 'time', timestampMs };
}

/** Date.parse alone takes '-5' for a day in May 2001, and Kafka a time below 0 for another question. */
function timeOf(text: string): number {
  if (/^@\d+$/.test(text)) return Number(text.slice(1));
  return /^\d{4}-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
}
