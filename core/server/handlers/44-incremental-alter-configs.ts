// IncrementalAlterConfigs: 0-1. Sets, takes back, and adds to or takes from lists. All changes of a resource hold, or none.
import type { TopicConfigs } from '../../controller/catalog.ts';
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import { type ConfigTarget, changeConfigs, configTarget, twice } from '../config-changes.ts';
import { codeOf } from '../error-names.ts';
import type { Handler, NodeParts } from '../handler.ts';
import type { Refused } from '../topic-rules.ts';

const operation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

type Resource = RequestOf<'incrementalAlterConfigs'>['resources'][number];
type Change = Resource['configs'][number];

export const incrementalAlterConfigs: Handler<'incrementalAlterConfigs'> = async (request, { parts }) => {
  const isTwice = twice(request.resources);
  return apis.incrementalAlterConfigs.response.create({
    responses: await Promise.all(
      request.resources.map(async (resource) => {
        const refused = isTwice(resource) ?? (await alter(resource, request.validateOnly, parts));
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
};

async function alter(resource: Resource, validateOnly: boolean, parts: NodeParts): Promise<Refused | null> {
  const target = await configTarget(resource, parts);
  if ('error' in target) return target;
  const { configs } = resource;
  return (
    objection(target, configs) ??
    changeConfigs(target, resource, (current) => altered(current, configs, target), validateOnly)
  );
}

function objection(target: ConfigTarget, changes: readonly Change[]): Refused | null {
  const names = new Set<string>();
  for (const { name, configOperation, value } of changes) {
    // Taking back what can't have been set changes nothing; Kafka's tools do it for settings of their own.
    const unknown = configOperation === operation.delete ? null : target.unknown(name);
    if (unknown !== null) return unknown;
    if (names.has(name)) return { error: 'INVALID_REQUEST', message: `'${name}' is changed twice` };
    names.add(name);
    if (configOperation < operation.set || configOperation > operation.subtract) {
      return { error: 'INVALID_REQUEST', message: `there is no operation ${configOperation}` };
    }
    if (configOperation !== operation.delete && value === null)
      return { error: 'INVALID_REQUEST', message: `'${name}' has no value` };
    if (configOperation >= operation.append && target.definition(name)?.type !== 'list') {
      return { error: 'INVALID_CONFIG', message: `'${name}' is no list to add to or to take from` };
    }
  }
  return null;
}

function altered(configs: TopicConfigs, changes: readonly Change[], { defaultOf }: ConfigTarget): TopicConfigs {
  const result: Record<string, string> = { ...configs };
  for (const { name, configOperation, value } of changes) {
    if (configOperation === operation.delete) delete result[name];
    else if (configOperation === operation.set) result[name] = value ?? '';
    else {
      const items = new Set(listOf(result[name] ?? defaultOf(name)));
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
