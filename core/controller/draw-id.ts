// Ids of clusters and topics. Kafka's tools take a text form with '-' first for an option, so none begins so.
import { type Random, randomUuid } from '../kernel/random.ts';

const base64Of = (uuid: string): string => Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');

/** As Kafka's Uuid.toString, which cluster ids are: 16 bytes in base64 for URLs, without padding. */
export const drawClusterId = (random: Random): string => base64Of(drawTopicId(random));

/** A UUID as text. */
export function drawTopicId(random: Random): string {
  for (;;) {
    const id = randomUuid(random);
    if (!base64Of(id).startsWith('-')) return id;
  }
}
