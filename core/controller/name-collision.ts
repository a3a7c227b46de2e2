// Whether a topic's name is too like another's. Nothing else about names is here: what one may be called needs no image.

/** Kafka's metrics write '.' and '_' alike, so it doesn't let two topics differ only in those. */
export function nameCollision(name: string, existing: Iterable<string>): string | null {
  const flat = name.replaceAll('.', '_');
  for (const other of existing) if (other !== name && other.replaceAll('.', '_') === flat) return other;
  return null;
}
