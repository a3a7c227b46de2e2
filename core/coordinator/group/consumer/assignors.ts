// The assignors that members can ask for by name.
import type { Assignor } from './assignor.ts';
import { range } from './range-assignor.ts';
import { uniform } from './uniform-assignor.ts';

export const assignors = { uniform, range } as const satisfies Record<string, Assignor>;

export type AssignorName = keyof typeof assignors;

/** The first of group.consumer.assignors in Kafka. */
export const defaultAssignor: AssignorName = 'uniform';

export const isAssignor = (name: string): name is AssignorName => Object.hasOwn(assignors, name);
