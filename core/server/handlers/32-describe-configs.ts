// DescribeConfigs: 1-4. Of topics, of groups, of this node, and what was set for all nodes (name ''). Loggers and client
// metrics have none. Types and documentation from version 3.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { nodeNameObjection, resourceType } from '../config-changes.ts';
import { allNodesEntries, type ConfigEntry, groupEntries, nodeEntries, topicEntries } from '../config-entries.ts';
import { codeOf } from '../error-names.ts';
import type { Call, Handler } from '../handler.ts';
import { topicNameProblem } from '../topic-rules.ts';

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
  const { settings, catalog, nodeConfigs } = parts;
  if (asked.resourceType === resourceType.node) {
    const objection = nodeNameObjection(asked.resourceName, settings.nodeId);
    if (objection !== null) return objection;
    return asked.resourceName === '' ? allNodesEntries(nodeConfigs) : nodeEntries(settings, nodeConfigs);
  }
  if (asked.resourceType === resourceType.group) {
    return asked.resourceName === ''
      ? { error: 'INVALID_REQUEST', message: 'a group needs a name' }
      : groupEntries(settings);
  }
  if (asked.resourceType === resourceType.nodeLoggers || asked.resourceType === resourceType.clientMetrics) return [];
  if (asked.resourceType !== resourceType.topic) {
    return { error: 'INVALID_REQUEST', message: `there are no settings of resource type ${asked.resourceType}` };
  }
  const problem = topicNameProblem(asked.resourceName);
  if (problem !== null) return { error: 'INVALID_TOPIC_EXCEPTION', message: problem };
  const topic = catalog.image.topics.get(asked.resourceName);
  if (topic === undefined) return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `no topic '${asked.resourceName}'` };
  return topicEntries(topic.configs, nodeConfigs);
}
