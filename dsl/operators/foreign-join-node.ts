// The node that a foreign join is: shared by foreignJoin and leftForeignJoin, which are its types.
// biome-ignore-all lint/suspicious/noExplicitAny: the operators are its types
import { structured } from '../../core/schema/structured.ts';
import type { TableNode } from '../plan.ts';
import { type KTable, tableOf } from '../stage.ts';
import type { TableJoinOptions } from './join-node.ts';

interface Parts {
  readonly table: KTable<any, any, any>;
  readonly keyOf: (value: any, key: any) => unknown;
  readonly joiner: (left: any, right: any, context: any) => unknown;
  readonly options: TableJoinOptions<any> | undefined;
}

export function foreignJoinNode(join: 'inner' | 'left', { table, keyOf, joiner, options = {} }: Parts) {
  const { as = null, value = structured() } = options;
  return ({ node }: { readonly node: TableNode }) =>
    tableOf({ kind: 'joinForeign', parent: node, table: table.node, join, keyOf, joiner, as, value });
}
