// AlterConfigs: 0-2. Puts all settings of a resource in place of those it has: what isn't named goes back to its default.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import { changeConfigs, configTarget, twice } from '../config-changes.ts';
import { codeOf } from '../error-names.ts';
import type { Handler, NodeParts } from '../handler.ts';
import type { Refused } from '../topic-rules.ts';

type Resource = RequestOf<'alterConfigs'>['resources'][number];

export const alterConfigs: Handler<'alterConfigs'> = async (request, { parts }) => {
  const isTwice = twice(request.resources);
  return apis.alterConfigs.response.create({
    responses: await Promise.all(
      request.resources.map(async (resource) => {
        const refused = isTwice(resource) ?? (await replace(resource, request.validateOnly, parts));
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

async function replace(resource: Resource, validateOnly: boolean, parts: NodeParts): Promise<Refused | null> {
  const target = await configTarget(resource, parts);
  if ('error' in target) return target;
  const configs: Record<string, string> = {};
  for (const { name, value } of resource.configs) {
    const unknown = target.unknown(name);
    if (unknown !== null) return unknown;
    if (value === null) return { error: 'INVALID_REQUEST', message: `'${name}' has no value` };
    if (Object.hasOwn(configs, name)) return { error: 'INVALID_REQUEST', message: `'${name}' is given twice` };
    configs[name] = value;
  }
  return changeConfigs(target, resource, () => configs, validateOnly);
}
