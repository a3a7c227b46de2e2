// What somebody meant who wrote a name that there isn't.

/** The name that takes the fewest letters changed; undefined where none is like it. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const measured = known.map((name) => ({ name, distance: distance(given, name) }));
  measured.sort((a, b) => a.distance - b.distance);
  const [best] = measured;
  return best !== undefined && best.distance <= Math.max(2, given.length / 3) ? best.name : undefined;
}

/** Levenshtein's. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
