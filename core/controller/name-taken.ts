// What the topics that there are have against another's name. What a name may be by itself needs no image, and is not here.
import type { CatalogImage } from './catalog-record.ts';
import { type Refusal, refused } from './outcome.ts';

/** Kafka's metrics write '.' and '_' alike, so it doesn't let two topics differ only in those. */
export function nameTaken(name: string, { topics }: Pick<CatalogImage, 'topics'>): Refusal | null {
  if (topics.has(name)) return refused('TOPIC_ALREADY_EXISTS', `there is a topic '${name}' already`);
  const flat = name.replaceAll('.', '_');
  for (const other of topics.keys())
    if (other.replaceAll('.', '_') === flat)
      return refused('INVALID_TOPIC_EXCEPTION', `'${name}' is too like '${other}', which exists`);
  return null;
}
