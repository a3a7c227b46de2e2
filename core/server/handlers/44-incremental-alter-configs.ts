// IncrementalAlterConfigs: 0-1. Sets, takes back, and adds to or takes from lists. All changes of a topic hold, or none.
import type { TopicConfigs, TopicImage } from '../../controller/catalog.ts';
import { topicConfigs } from '../../log/log-config.ts';
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import { type Call, codeOf, errorNameOf, type Handler } from '../handler.ts';
import type { Refused } from '../topic-rules.ts';
import { configsObjection } from '../topics.ts';
import { resourceType } from './32-describe-configs.ts';

const operation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

type Resource = RequestOf<'incrementalAlterConfigs'>['resources'][number];
type Change = Resource['configs'][number];

export const incrementalAlterConfigs: Handler<'incrementalAlterConfigs'> = async (request, call) =>
  apis.incrementalAlterConfigs.response.create({
    responses: await Promise.all(
      request.resources.map(async (resource) => {
        const refused = await alter(resource, request.validateOnly, call);
        const { resourceType, resourceName } = resource;
        return {
          resourceType,
          resourceName,
          errorCode: codeOf(refused?.error ?? 'NONE'),
          errorMessage: refused?.message ?? null,
        };
      }),
    ),
  });

async function alter(resource: Resource, validateOnly: boolean, { parts }: Call): Promise<Refused | null> {
  const { resourceName, configs } = resource;
  if (resource.resourceType !== resourceType.topic) {
    return {
      error: 'INVALID_REQUEST',
      message: 'only settings of topics can be altered; those of a node are given at its start',
    };
  }
  const topic = parts.catalog.image.topics.get(resourceName);
  if (topic === undefined) return unknown(resourceName);
  const refused = objection(topic, configs, parts.settings.topicDefaults);
  if (refused !== null || validateOnly) return refused;
  try {
    const changed = await parts.topics.changeConfigs(topic, (current) =>
      altered(current, configs, parts.settings.topicDefaults),
    );
    return changed === null ? unknown(resourceName) : null;
  } catch (error) {
    return { error: errorNameOf(error), message: 'the change could not be written' };
  }
}

const unknown = (topic: string): Refused => ({ error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `no topic '${topic}'` });

function objection(topic: TopicImage, changes: readonly Change[], defaults: TopicConfigs): Refused | null {
  const names = new Set<string>();
  for (const { name, configOperation, value } of changes) {
    const definition = topicConfigs.find((config) => config.name === name);
    if (definition === undefined) return { error: 'INVALID_CONFIG', message: `there is no topic setting '${name}'` };
    if (names.has(name)) return { error: 'INVALID_REQUEST', message: `'${name}' is changed twice` };
    names.add(name);
    if (configOperation < operation.set || configOperation > operation.subtract) {
      return { error: 'INVALID_REQUEST', message: `there is no operation ${configOperation}` };
    }
    if (configOperation !== operation.delete && value === null)
      return { error: 'INVALID_REQUEST', message: `'${name}' has no value` };
    if (configOperation >= operation.append && definition.type !== 'list') {
      return { error: 'INVALID_CONFIG', message: `'${name}' is no list to add to or to take from` };
    }
  }
  return configsObjection(altered(topic.configs, changes, defaults));
}

function altered(configs: TopicConfigs, changes: readonly Change[], defaults: TopicConfigs): TopicConfigs {
  const result: Record<string, string> = { ...configs };
  for (const { name, configOperation, value } of changes) {
    if (configOperation === operation.delete) delete result[name];
    else if (configOperation === operation.set) result[name] = value ?? '';
    else {
      const current =
        result[name] ?? defaults[name] ?? topicConfigs.find((config) => config.name === name)?.defaultValue ?? '';
      const items = new Set(listOf(current));
      for (const item of listOf(value ?? ''))
        configOperation === operation.append ? items.add(item) : items.delete(item);
      result[name] = [...items].join(',');
    }
  }
  return result;
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
