// What a task needs of its stores; the rest of TaskStores (draining, committing, restoring) is its worker's.
import type { TaskStores } from '../state/store.ts';

export type TaskState = Pick<TaskStores, 'store' | 'query' | 'streamTimeMs' | 'setStreamTimeMs'>;
