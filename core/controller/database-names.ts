// Where a node keeps its metadata: alone in the one, in a cluster in the other, never in both.

export const catalogDatabase = '__catalog';
export const quorumDatabase = '__metadata';
