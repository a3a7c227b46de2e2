// The store of a global table: like that of a table, with its topic for a changelog, but of all partitions.
import type { StoreSpec } from '../../dsl/compile/topology.ts';
import type { TopicSpec } from '../../dsl/plan.ts';

export const globalStoreSpec = ({ name, key, value }: TopicSpec): StoreSpec => ({
  name,
  kind: 'keyValue',
  key,
  value,
  window: null,
  changelog: name,
  ownChangelog: false,
  result: null,
});
