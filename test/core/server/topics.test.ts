// Topics and their settings, as administrators and clients see them.
import { expect, test } from 'vitest';
import { errors } from '../../../core/protocol/error-code.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { batchOf, createTopic, fetch, produce, startNode, valuesIn } from './rig.ts';

test('createTopics refuses by name what can not be, and makes the rest', async () => {
  await using rig = await startNode({ settings: { 'num.partitions': 3 } });
  await createTopic(rig, 'taken.name');
  const topic = (
    name: string,
    numPartitions = 1,
    replicationFactor = 1,
    configs: { name: string; value: string | null }[] = [],
  ) => ({
    name,
    numPartitions,
    replicationFactor,
    configs,
  });
  const { topics } = await rig.ask('createTopics', {
    topics: [
      topic('good', -1, -1),
      topic('taken.name'),
      topic('taken_name'),
      topic('no spaces'),
      topic('..'),
      topic('n'.repeat(250)),
      topic('none', 0),
      topic('three-copies', 1, 3),
      topic('misspelt', 1, 1, [{ name: 'retention', value: '1' }]),
      topic('negative', 1, 1, [{ name: 'max.message.bytes', value: '-5' }]),
      topic('nothing', 1, 1, [{ name: 'retention.ms', value: null }]),
      topic('__consumer_offsets'),
      topic('twice'),
      topic('twice', 2),
      {
        ...topic('assigned', -1, -1),
        assignments: [0, 1].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] })),
      },
      { ...topic('elsewhere', -1, -1), assignments: [{ partitionIndex: 0, brokerIds: [2] }] },
    ],
  });
  const outcomes = Object.fromEntries(topics.map(({ name, errorCode }) => [name.slice(0, 20), errorCode]));
  expect(outcomes).toEqual({
    good: 0,
    'taken.name': errors.TOPIC_ALREADY_EXISTS.code,
    taken_name: errors.INVALID_TOPIC_EXCEPTION.code,
    'no spaces': errors.INVALID_TOPIC_EXCEPTION.code,
    '..': errors.INVALID_TOPIC_EXCEPTION.code,
    nnnnnnnnnnnnnnnnnnnn: errors.INVALID_TOPIC_EXCEPTION.code,
    none: errors.INVALID_PARTITIONS.code,
    'three-copies': errors.INVALID_REPLICATION_FACTOR.code,
    misspelt: errors.INVALID_CONFIG.code,
    negative: errors.INVALID_CONFIG.code,
    nothing: errors.INVALID_CONFIG.code,
    __consumer_offsets: errors.INVALID_TOPIC_EXCEPTION.code,
    twice: errors.INVALID_REQUEST.code,
    assigned: 0,
    elsewhere: errors.INVALID_REPLICA_ASSIGNMENT.code,
  });
  expect(
    topics.filter(({ name }) => name === 'good' || name === 'assigned').map(({ numPartitions }) => numPartitions),
  ).toEqual([3, 2]);
  expect(topics.every(({ errorCode, errorMessage }) => (errorCode === 0) === (errorMessage === null))).toBe(true);
});

test('validateOnly says what would be made and makes nothing', async () => {
  await using rig = await startNode();
  const { topics } = await rig.ask('createTopics', {
    topics: [
      {
        name: 'orders',
        numPartitions: 2,
        replicationFactor: 1,
        configs: [{ name: 'cleanup.policy', value: 'compact' }],
      },
    ],
    validateOnly: true,
  });
  expect(topics[0]).toMatchObject({ errorCode: 0, numPartitions: 2, replicationFactor: 1 });
  expect(topics[0]!.configs!.find(({ name }) => name === 'cleanup.policy')).toMatchObject({
    value: 'compact',
    configSource: 1,
  });
  expect((await rig.ask('metadata', { topics: null })).topics).toEqual([]);
});

test('asking for metadata makes a topic unless either side forbids it', async () => {
  await using rig = await startNode({ settings: { 'num.partitions': 2 } });
  const ask = async (name: string, allowAutoTopicCreation: boolean) => {
    const { topics } = await rig.ask('metadata', { topics: [{ name }], allowAutoTopicCreation });
    return { errorCode: topics[0]!.errorCode, partitions: topics[0]!.partitions.length };
  };
  expect(await ask('orders', false)).toEqual({ errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION.code, partitions: 0 });
  expect(await ask('orders', true)).toEqual({ errorCode: 0, partitions: 2 });
  expect(await ask('bad name', true)).toEqual({ errorCode: errors.INVALID_TOPIC_EXCEPTION.code, partitions: 0 });
  await using strict = await startNode({ settings: { 'auto.create.topics.enable': false } });
  const { topics } = await strict.ask('metadata', { topics: [{ name: 'orders' }] });
  expect(topics[0]!.errorCode).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION.code);
  expect((await strict.ask('metadata', { topics: [] }, 0)).topics).toEqual([]);
});

test('a deleted topic is gone with its records and offsets, and one made anew under its name is another', async () => {
  const engine = createMemoryEngine();
  await using rig = await startNode({ engine });
  const before = await createTopic(rig, 'orders', 2);
  await produce(rig, 'orders', batchOf(['a']), { partition: 1 });
  const offsets = {
    groupId: 'readers',
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 1, committedOffset: 1, committedMetadata: '' }] }],
  };
  expect((await rig.ask('offsetCommit', offsets, 8)).topics[0]!.partitions[0]!.errorCode).toBe(0);

  const { responses } = await rig.ask('deleteTopics', {
    topics: [{ name: null, topicId: before }, { name: 'nothing' }],
  });
  expect(responses).toMatchObject([
    { name: 'orders', errorCode: 0 },
    { name: 'nothing', errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION.code },
  ]);
  expect((await engine.list()).filter((name) => name.startsWith('orders'))).toEqual([]);
  const after = await createTopic(rig, 'orders', 2);
  expect(after).not.toBe(before);
  expect(await fetch(rig, 'orders', { partition: 1 })).toMatchObject({ errorCode: 0, highWatermark: 0 });
  const { groups } = await rig.ask(
    'offsetFetch',
    { groups: [{ groupId: 'readers', topics: [{ name: 'orders', partitionIndexes: [1] }] }] },
    8,
  );
  expect(groups[0]!.topics[0]!.partitions[0]!.committedOffset).toBe(-1);
});

test('a deletion that a crash cut short is finished by the next start', async () => {
  const engine = createMemoryEngine();
  const stubborn = { ...engine, destroy: () => Promise.reject(new Error('the process died here')) };
  {
    await using rig = await startNode({ engine: stubborn });
    await createTopic(rig, 'orders');
    await produce(rig, 'orders', batchOf(['a']));
    await rig.ask('deleteTopics', { topicNames: ['orders'] }, 5);
  }
  expect(await engine.list()).toContain('orders-0');
  await using rig = await startNode({ engine });
  expect(await engine.list()).not.toContain('orders-0');
  expect((await rig.ask('metadata', { topics: null })).topics).toEqual([]);
});

test('a topic grows and never shrinks', async () => {
  await using rig = await startNode();
  await createTopic(rig, 'orders', 2);
  const grow = async (count: number, validateOnly = false) =>
    (await rig.ask('createPartitions', { topics: [{ name: 'orders', count, assignments: null }], validateOnly }))
      .results[0]!.errorCode;
  expect(await grow(2)).toBe(errors.INVALID_PARTITIONS.code);
  expect(await grow(3, true)).toBe(0);
  expect(await produce(rig, 'orders', batchOf(['a']), { partition: 2 })).toMatchObject({
    errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION.code,
  });
  expect(await grow(3)).toBe(0);
  expect(await produce(rig, 'orders', batchOf(['a']), { partition: 2 })).toMatchObject({ errorCode: 0 });
});

test('settings are set, added to, taken back, and hold for the open log at once', async () => {
  await using rig = await startNode({ settings: { topicDefaults: { 'retention.ms': '1000' } } });
  await createTopic(rig, 'orders');
  const set = 0;
  const remove = 1;
  const append = 2;
  const subtract = 3;
  const alter = async (...changes: [name: string, operation: number, value: string | null][]) => {
    const configs = changes.map(([name, configOperation, value]) => ({ name, configOperation, value }));
    const { responses } = await rig.ask('incrementalAlterConfigs', {
      resources: [{ resourceType: 2, resourceName: 'orders', configs }],
    });
    return responses[0]!.errorCode;
  };
  const shown = async (name: string) => {
    const { results } = await rig.ask('describeConfigs', {
      resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: [name] }],
      includeSynonyms: true,
      includeDocumentation: true,
    });
    const [{ value, configSource, synonyms, documentation }] = results[0]!.configs as [
      (typeof results)[0]['configs'][0],
    ];
    expect(documentation).not.toBe('');
    return [value, configSource, synonyms.map((synonym) => synonym.value)];
  };
  expect(await shown('max.message.bytes')).toEqual(['1048588', 5, ['1048588']]);
  expect(await shown('retention.ms')).toEqual(['1000', 4, ['1000', '604800000']]);
  expect(await alter(['max.message.bytes', set, '100'])).toBe(0);
  expect(await shown('max.message.bytes')).toEqual(['100', 1, ['100', '1048588']]);
  expect(await produce(rig, 'orders', batchOf(['x'.repeat(200)]))).toMatchObject({
    errorCode: errors.MESSAGE_TOO_LARGE.code,
  });
  expect(await alter(['max.message.bytes', remove, null])).toBe(0);
  expect(await produce(rig, 'orders', batchOf(['x'.repeat(200)]))).toMatchObject({ errorCode: 0 });

  expect(await alter(['cleanup.policy', append, 'compact'])).toBe(0);
  expect(await shown('cleanup.policy')).toEqual(['delete,compact', 1, ['delete,compact', 'delete']]);
  expect(await alter(['cleanup.policy', subtract, 'delete'])).toBe(0);
  expect(await shown('cleanup.policy')).toEqual(['compact', 1, ['compact', 'delete']]);

  expect(await alter(['retention.ms', append, '1'])).toBe(errors.INVALID_CONFIG.code);
  expect(await alter(['no.such', set, '1'])).toBe(errors.INVALID_CONFIG.code);
  expect(await alter(['segment.ms', set, '5'], ['retention.ms', set, 'soon'])).toBe(errors.INVALID_CONFIG.code);
  expect(await shown('segment.ms')).toEqual(['604800000', 5, ['604800000']]);
});

test('deleteRecords moves the log start, up to the high watermark', async () => {
  await using rig = await startNode();
  await createTopic(rig, 'orders');
  await createTopic(rig, 'latest', 1, { 'cleanup.policy': 'compact' });
  for (const value of ['a', 'b', 'c']) await produce(rig, 'orders', batchOf([value]));
  const cut = async (name: string, offset: number) => {
    const { topics } = await rig.ask('deleteRecords', {
      topics: [{ name, partitions: [{ partitionIndex: 0, offset }] }],
    });
    const { errorCode, lowWatermark } = topics[0]!.partitions[0]!;
    return { errorCode, lowWatermark };
  };
  expect(await cut('orders', 2)).toEqual({ errorCode: 0, lowWatermark: 2 });
  expect(await cut('orders', 9)).toEqual({ errorCode: errors.OFFSET_OUT_OF_RANGE.code, lowWatermark: -1 });
  expect(valuesIn((await fetch(rig, 'orders', { from: 2 })).records)).toEqual(['c']);
  expect(await fetch(rig, 'orders', { from: 0 })).toMatchObject({
    errorCode: errors.OFFSET_OUT_OF_RANGE.code,
    logStartOffset: 2,
  });
  expect(await cut('orders', -1)).toEqual({ errorCode: 0, lowWatermark: 3 });
  expect(await cut('latest', 0)).toEqual({ errorCode: errors.POLICY_VIOLATION.code, lowWatermark: -1 });
});

test('the node describes itself', async () => {
  await using rig = await startNode({ settings: { nodeId: 4, host: 'somewhere', port: 1234 } });
  const cluster = await rig.ask('describeCluster', {});
  expect(cluster).toMatchObject({
    errorCode: 0,
    controllerId: 4,
    brokers: [{ brokerId: 4, host: 'somewhere', port: 1234 }],
  });
  expect(cluster.clusterId).toMatch(/^[\w][\w-]{21}$/);
  const { apiKeys } = await rig.ask('apiVersions', {});
  expect(apiKeys.find(({ apiKey }) => apiKey === 0)).toEqual({ apiKey: 0, minVersion: 0, maxVersion: 13 });
  expect(apiKeys.map(({ apiKey }) => apiKey)).not.toContain(4);
  const { results } = await rig.ask('describeConfigs', {
    resources: [{ resourceType: 4, resourceName: '4', configurationKeys: ['num.partitions'] }],
  });
  expect(results[0]!.configs).toMatchObject([{ name: 'num.partitions', value: '1', readOnly: true }]);
});
