// What a topic may be called, and which topics are the node's own.
import type { ErrorName } from '../protocol/error-code.ts';

export const offsetsTopic = '__consumer_offsets';
export const transactionsTopic = '__transaction_state';

/** Kept by the coordinators; nobody else writes into them. */
export const isInternal = (topic: string): boolean => topic === offsetsTopic || topic === transactionsTopic;

const nameMax = 249; // Kafka's, so that '<topic>-<partition>' fits into a file name

/** Null for a name that is allowed. */
export function topicNameProblem(name: string): string | null {
  if (name === '') return 'a topic needs a name';
  if (name === '.' || name === '..') return `a topic can't be called '${name}'`;
  if (name.length > nameMax) return `a topic's name has at most ${nameMax} characters, not ${name.length}`;
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return `'${name}' may hold only letters, digits, '.', '_' and '-'`;
  return null;
}

export interface Refused {
  readonly error: ErrorName;
  readonly message: string;
}
