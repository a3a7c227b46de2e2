// The one error of compile(): everything that is wrong with a program, at once.
import type { TopologyIssue } from './topology.ts';

/** What `compile` throws. Its message lists the issues, each with its place and what to do. */
export class TopologyError extends Error {
  override readonly name = 'TopologyError';
  readonly code = 'TOPOLOGY';
  readonly job: string;
  readonly issues: readonly TopologyIssue[];

  constructor(job: string, issues: readonly TopologyIssue[]) {
    const count = issues.length === 1 ? 'one thing' : `${issues.length} things`;
    super([`job '${job}' can't run; ${count} to correct:`, ...issues.map(line)].join('\n'));
    this.job = job;
    this.issues = issues;
  }
}

const line = ({ code, place, message }: TopologyIssue): string =>
  `  ${code}${place === '' ? '' : ` at ${place}`}: ${message}`;
