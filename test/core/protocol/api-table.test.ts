import { expect, test } from 'vitest';
import { apiNames, apiOfKey, apis, servedVersions, speaks } from '../../../core/protocol/api-table.ts';

// Measured: the ranges with which every client worked against a Kafka that was held to them.
const served = {
  produce: [0, 0, 13],
  fetch: [1, 4, 18],
  listOffsets: [2, 1, 11],
  metadata: [3, 0, 13],
  offsetCommit: [8, 2, 10],
  offsetFetch: [9, 1, 10],
  findCoordinator: [10, 0, 6],
  joinGroup: [11, 0, 9],
  heartbeat: [12, 0, 4],
  leaveGroup: [13, 0, 5],
  syncGroup: [14, 0, 5],
  describeGroups: [15, 0, 6],
  listGroups: [16, 0, 5],
  saslHandshake: [17, 0, 1],
  apiVersions: [18, 0, 4],
  createTopics: [19, 2, 7],
  deleteTopics: [20, 1, 6],
  deleteRecords: [21, 0, 2],
  initProducerId: [22, 0, 5],
  offsetForLeaderEpoch: [23, 2, 4],
  addPartitionsToTxn: [24, 0, 5],
  addOffsetsToTxn: [25, 0, 4],
  endTxn: [26, 0, 4],
  writeTxnMarkers: [27, 1, 2],
  txnOffsetCommit: [28, 0, 4],
  describeConfigs: [32, 1, 4],
  alterConfigs: [33, 0, 2],
  describeLogDirs: [35, 1, 4],
  saslAuthenticate: [36, 0, 2],
  createPartitions: [37, 0, 3],
  deleteGroups: [42, 0, 2],
  electLeaders: [43, 0, 2],
  incrementalAlterConfigs: [44, 0, 1],
  alterPartitionReassignments: [45, 0, 1],
  listPartitionReassignments: [46, 0, 0],
  offsetDelete: [47, 0, 0],
  describeQuorum: [55, 0, 2],
  describeCluster: [60, 0, 2],
  describeProducers: [61, 0, 0],
  describeTransactions: [65, 0, 0],
  listTransactions: [66, 0, 2],
  consumerGroupHeartbeat: [68, 0, 1],
  consumerGroupDescribe: [69, 0, 1],
  listConfigResources: [74, 0, 1],
  describeTopicPartitions: [75, 0, 0],
  addRaftVoter: [80, 0, 1],
  removeRaftVoter: [81, 0, 0],
  // Between nodes of ours only.
  nodeCall: [20_000, 0, 0],
};

test('names, keys and served ranges', () => {
  expect(Object.fromEntries(apiNames.map((name) => [name, [apis[name].key, ...apis[name].served]]))).toEqual(served);
});

test('an entry has the messages of its own API', () => {
  for (const name of apiNames) {
    const { key, request, response } = apis[name];
    const kafkaName = name[0]!.toUpperCase() + name.slice(1);
    expect([request.apiKey, request.name]).toEqual([key, `${kafkaName}Request`]);
    expect([response.apiKey, response.name]).toEqual([key, `${kafkaName}Response`]);
    expect(response.versions).toEqual(request.versions);
    expect(response.flexibleFrom).toBe(request.flexibleFrom);
  }
});

test('every served version can be decoded, but for the old ones of Produce', () => {
  const mute = apiNames.flatMap((name) => {
    const [lowest, highest] = apis[name].served;
    const versions = Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i);
    return versions.filter((version) => !speaks(name, version)).map((version) => `${name} ${version}`);
  });
  expect(mute).toEqual(['produce 0', 'produce 1', 'produce 2']);
  expect(speaks('produce', 14)).toBe(false);
});

test('an API is found by its key', () => {
  expect(apiOfKey(18)).toBe('apiVersions');
  expect(apiOfKey(7)).toBeUndefined();
  expect(apiOfKey(-1)).toBeUndefined();
});

test('the rows of an ApiVersions answer are by key, of what the node serves', () => {
  expect(servedVersions(['fetch', 'produce'])).toEqual([
    { apiKey: 0, minVersion: 0, maxVersion: 13 },
    { apiKey: 1, minVersion: 4, maxVersion: 18 },
  ]);
  expect(servedVersions()).toHaveLength(apiNames.length);
});
