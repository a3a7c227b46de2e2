// CreateTopics: 2-7. -1 partitions or replicas mean the defaults (KIP-464). A node alone holds one replica of everything, so
// a factor above 1 is refused; in a cluster the controller places them. From version 5 the answer shows what was made (KIP-525), from 7 its id.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { zeroUuid } from '../../protocol/uuid.ts';
import { topicEntries } from '../config-entries.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { Call, Handler, NodeParts } from '../handler.ts';
import { isInternal, type Refused } from '../topic-rules.ts';
import type { NewTopic } from '../topics.ts';

type AskedTopic = RequestOf<'createTopics'>['topics'][number];

export const createTopics: Handler<'createTopics'> = async ({ topics, validateOnly }, call) => {
  const byName = new Map<string, AskedTopic | null>();
  for (const topic of topics) byName.set(topic.name, byName.has(topic.name) ? null : topic);
  const results = [...byName].map(([name, asked]) =>
    asked === null
      ? refused(name, { error: 'INVALID_REQUEST', message: `'${name}' is asked for twice` })
      : create(asked, validateOnly, call),
  );
  return apis.createTopics.response.create({ topics: await Promise.all(results) });
};

async function create(asked: AskedTopic, validateOnly: boolean, { parts }: Call) {
  const { name } = asked;
  if (isInternal(name)) {
    return refused(name, { error: 'INVALID_TOPIC_EXCEPTION', message: `'${name}' is made by the node itself` });
  }
  const problem = replicasObjection(asked, parts) ?? nullObjection(asked);
  const { replicationFactor } = asked;
  if (problem !== null) return refused(name, problem);
  const configs = Object.fromEntries(asked.configs.map((config) => [config.name, config.value ?? '']));
  const partitions = asked.assignments.length > 0 ? asked.assignments.length : asked.numPartitions;
  const assignments =
    asked.assignments.length === 0
      ? null
      : [...asked.assignments].sort((a, b) => a.partitionIndex - b.partitionIndex).map(({ brokerIds }) => brokerIds);
  const topic: NewTopic = { name, partitions, configs, replicationFactor, assignments };
  try {
    if (validateOnly) {
      const objection = parts.topics.objection(topic);
      return objection === null ? made(topic, zeroUuid, parts) : refused(name, objection);
    }
    const created = await parts.topics.create(topic);
    return 'error' in created
      ? refused(name, created)
      : made(created, created.id, parts, created.places?.[0]?.replicas.length);
  } catch (error) {
    return refused(name, { error: errorNameOf(error), message: 'the topic could not be written' });
  }
}

function replicasObjection(
  { numPartitions, replicationFactor, assignments }: AskedTopic,
  { settings, cluster }: NodeParts,
): Refused | null {
  if (assignments.length > 0) {
    if (numPartitions !== -1 || replicationFactor !== -1) {
      return { error: 'INVALID_REQUEST', message: 'give either an assignment or numbers of partitions and replicas' };
    }
    const indexes = assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b);
    const counts = indexes.every((index, i) => index === i);
    if (cluster !== null)
      return counts ? null : { error: 'INVALID_REPLICA_ASSIGNMENT', message: 'partitions count from 0, without a gap' };
    const fits =
      counts && assignments.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === settings.nodeId);
    return fits
      ? null
      : {
          error: 'INVALID_REPLICA_ASSIGNMENT',
          message: `the only node is ${settings.nodeId}; partitions count from 0`,
        };
  }
  if (replicationFactor === -1 || replicationFactor === 1 || cluster !== null) return null;
  const why = replicationFactor > 1 ? 'there is one node' : 'it must be 1 or more';
  return { error: 'INVALID_REPLICATION_FACTOR', message: `replication factor ${replicationFactor}: ${why}` };
}

function nullObjection({ configs }: AskedTopic): Refused | null {
  const empty = configs.find(({ value }) => value === null);
  return empty === undefined ? null : { error: 'INVALID_CONFIG', message: `'${empty.name}' has no value` };
}

const made = (
  { name, partitions, configs }: Pick<NewTopic, 'name' | 'partitions' | 'configs'>,
  topicId: string,
  { settings, nodeConfigs }: NodeParts,
  replicationFactor = 1,
) => ({
  name,
  topicId,
  errorCode: 0,
  errorMessage: null,
  numPartitions: partitions === -1 ? settings['num.partitions'] : partitions,
  replicationFactor,
  configs: topicEntries(configs, nodeConfigs).map(({ name, value, readOnly, configSource, isSensitive }) => ({
    name,
    value,
    readOnly,
    configSource,
    isSensitive,
  })),
});

const refused = (name: string, { error, message }: { error: ErrorName; message: string }) => ({
  name,
  errorCode: codeOf(error),
  errorMessage: message,
  configs: null,
});
