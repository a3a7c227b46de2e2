// ListGroups: 0-5. Filters by state from version 4, by type from 5 (KIP-848), without regard to case.
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

export const listGroups: Handler<'listGroups'> = async ({ statesFilter, typesFilter }, { parts }) => {
  const { response } = apis.listGroups;
  const lowered = (filter: readonly string[]) => new Set(filter.map((name) => name.toLowerCase()));
  const [states, types] = [lowered(statesFilter), lowered(typesFilter)];
  const passes = (filter: ReadonlySet<string>, value: string) => filter.size === 0 || filter.has(value.toLowerCase());
  const found = await parts.groups.runOnAll((shard) => shard.list()).catch(coordinatorErrorOf);
  if (typeof found === 'string') return response.create({ errorCode: codeOf(found) });
  const groups = found
    .flat()
    .filter(({ state, type }) => passes(states, state) && passes(types, type))
    .map(({ groupId, protocolType, state, type }) => ({ groupId, protocolType, groupState: state, groupType: type }));
  return response.create({ groups });
};
