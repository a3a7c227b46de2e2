// What a caller may do, as answers show it to those who ask: a bit for each of Kafka's AclOperations. Without authorisation
// that is everything which can be done to such a resource (Kafka's AclEntry.supportedOperations).
const operation = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const;

const bits = (...names: readonly (keyof typeof operation)[]): number =>
  names.reduce((sum, name) => sum | (1 << operation[name]), 0);

export const everyOperation = {
  topic: bits('read', 'write', 'create', 'delete', 'alter', 'describe', 'describeConfigs', 'alterConfigs'),
  group: bits('read', 'delete', 'describe', 'describeConfigs', 'alterConfigs'),
  cluster: bits('create', 'clusterAction', 'describe', 'describeConfigs', 'alter', 'alterConfigs', 'idempotentWrite'),
} as const;

/** Integer.MIN_VALUE: they weren't asked for. */
export const operationsNotAsked = -0x8000_0000;
