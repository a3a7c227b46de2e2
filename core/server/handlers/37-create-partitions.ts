// CreatePartitions: 0-3. A topic can only grow. Keys go to other partitions from then on: that is the caller's to know.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { Call, Handler } from '../handler.ts';
import { isInternal, type Refused } from '../topic-rules.ts';
import { partitionsMax } from '../topics.ts';

type AskedTopic = RequestOf<'createPartitions'>['topics'][number];

export const createPartitions: Handler<'createPartitions'> = async ({ topics, validateOnly }, call) =>
  apis.createPartitions.response.create({
    results: await Promise.all(
      topics.map(async (asked) => {
        const refused = await grow(asked, validateOnly, call);
        return {
          name: asked.name,
          errorCode: codeOf(refused?.error ?? 'NONE'),
          errorMessage: refused?.message ?? null,
        };
      }),
    ),
  });

async function grow(
  { name, count, assignments }: AskedTopic,
  validateOnly: boolean,
  { parts }: Call,
): Promise<Refused | null> {
  const topic = await parts.topics.find(name);
  if ('error' in topic) return topic;
  if (isInternal(name)) return { error: 'INVALID_TOPIC_EXCEPTION', message: `'${name}' is the node's own` };
  if (count <= topic.partitions) {
    return {
      error: 'INVALID_PARTITIONS',
      message: `'${name}' has ${topic.partitions} partitions and can only get more, not ${count}`,
    };
  }
  if (count > partitionsMax) {
    return { error: 'INVALID_PARTITIONS', message: `a topic has at most ${partitionsMax} partitions, not ${count}` };
  }
  const { nodeId } = parts.settings;
  const isOne = assignments?.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === nodeId) ?? true;
  const fits = isOne || parts.cluster !== null;
  if (!fits || (assignments !== null && assignments.length !== count - topic.partitions)) {
    return {
      error: 'INVALID_REPLICA_ASSIGNMENT',
      message: `the only node is ${nodeId}; name it once for each new partition`,
    };
  }
  if (validateOnly) return null;
  try {
    const grown = await parts.topics.addPartitions(
      topic,
      count,
      assignments?.map(({ brokerIds }) => brokerIds) ?? null,
    );
    if (grown !== null && 'error' in grown) return grown;
    return grown === null ? { error: 'INVALID_PARTITIONS', message: `'${name}' has been changed meanwhile` } : null;
  } catch (error) {
    return { error: errorNameOf(error), message: 'the change could not be written' };
  }
}
