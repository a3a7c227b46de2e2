// DescribeConfigs: 1-4. Topics, and the node's own settings, which are read-only. Types and documentation from version 3.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { type ConfigEntry, nodeEntries, topicEntries } from '../config-entries.ts';
import { type Call, codeOf, type Handler } from '../handler.ts';
import { topicNameProblem } from '../topic-rules.ts';

/** Kafka's ConfigResource.Type. */
export const resourceType = { topic: 2, node: 4 } as const;

type Resource = RequestOf<'describeConfigs'>['resources'][number];

export const describeConfigs: Handler<'describeConfigs'> = async (request, call) =>
  apis.describeConfigs.response.create({
    results: request.resources.map((resource) => {
      const { resourceType, resourceName, configurationKeys } = resource;
      const found = entriesOf(resource, call);
      if (!Array.isArray(found)) {
        const { error, message } = found;
        return { errorCode: codeOf(error), errorMessage: message, resourceType, resourceName, configs: [] };
      }
      const wanted = found.filter(({ name }) => configurationKeys === null || configurationKeys.includes(name));
      const configs = wanted.map(({ synonyms, documentation, ...entry }) => ({
        ...entry,
        synonyms: request.includeSynonyms ? [...synonyms] : [],
        documentation: request.includeDocumentation ? documentation : null,
      }));
      return { errorCode: 0, errorMessage: null, resourceType, resourceName, configs };
    }),
  });

function entriesOf(asked: Resource, { parts }: Call): ConfigEntry[] | { error: ErrorName; message: string } {
  const { settings, catalog } = parts;
  if (asked.resourceType === resourceType.node) {
    if (asked.resourceName === '' || asked.resourceName === String(settings.nodeId)) return nodeEntries(settings);
    return { error: 'INVALID_REQUEST', message: `this is node ${settings.nodeId}, not '${asked.resourceName}'` };
  }
  if (asked.resourceType !== resourceType.topic) {
    return { error: 'INVALID_REQUEST', message: `there are no settings of resource type ${asked.resourceType}` };
  }
  const problem = topicNameProblem(asked.resourceName);
  if (problem !== null) return { error: 'INVALID_TOPIC_EXCEPTION', message: problem };
  const topic = catalog.image.topics.get(asked.resourceName);
  if (topic === undefined) return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `no topic '${asked.resourceName}'` };
  return topicEntries(topic.configs, settings);
}
