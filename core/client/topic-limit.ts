// What a topic takes at most, for the sentence that a person reads when a record was too large for it.
import { apis } from '../protocol/api-table.ts';
import type { Cluster } from './cluster.ts';

/** `max.message.bytes` of the topic; -1 where it can't be learnt. */
export async function topicBytesMax(cluster: Cluster, topic: string): Promise<number> {
  const name = 'max.message.bytes';
  const request = apis.describeConfigs.request.create({
    resources: [{ resourceType: 2, resourceName: topic, configurationKeys: [name] }],
  });
  const answer = await cluster.call('any', 'describeConfigs', request).catch(() => null);
  return Number(answer?.results[0]?.configs.find((config) => config.name === name)?.value ?? -1);
}
