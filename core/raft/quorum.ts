// Majorities. A group of one is its own majority.

export const majorityOf = (count: number): number => Math.floor(count / 2) + 1;

export const isMajority = (voters: readonly number[], having: ReadonlySet<number>): boolean =>
  voters.filter((id) => having.has(id)).length >= majorityOf(voters.length);

/** The highest value that a majority has or exceeds. */
export function majorityValue(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => b - a);
  return sorted[majorityOf(sorted.length) - 1] ?? 0;
}
