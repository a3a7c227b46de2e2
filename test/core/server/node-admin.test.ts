// What administers a node rather than a topic: its settings, its folder, its replicas, its connections.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { apis, type RequestInit } from '../../../core/protocol/api-table.ts';
import { errorOf, errors } from '../../../core/protocol/error-code.ts';
import { openDataFolder } from '../../../core/server/data-folder.ts';
import { createNode } from '../../../core/server/node.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { strictTransport } from '../../support/strict-transport.ts';
import { type Asker, batchOf, createTopic, produce, startNode } from './rig.ts';

const [ofTopic, ofNode] = [2, 4];
const nameOf = (code: number) => errorOf(code).name;

async function set(rig: Asker, resourceType: number, resourceName: string, name: string, value: string | null) {
  const configs = [{ name, configOperation: value === null ? 1 : 0, value }];
  const { responses } = await rig.ask('incrementalAlterConfigs', {
    resources: [{ resourceType, resourceName, configs }],
  });
  return nameOf(responses[0]!.errorCode);
}

async function shown(rig: Asker, resourceType: number, resourceName: string, name: string) {
  const resources = [{ resourceType, resourceName, configurationKeys: [name] }];
  const { results } = await rig.ask('describeConfigs', { resources, includeSynonyms: true });
  const [found] = results[0]!.configs;
  return found && [found.value, found.configSource, found.synonyms.map((one) => [one.name, one.source])];
}

test('defaults of topics are changed while the node runs, hold at once and stay', async () => {
  const engine = createMemoryEngine();
  const large = batchOf(['x'.repeat(200)]);
  {
    await using rig = await startNode({ engine, settings: { nodeId: 1 } });
    await createTopic(rig, 't');
    await createTopic(rig, 'own', 1, { 'max.message.bytes': '100000' });
    expect(await produce(rig, 't', large.slice())).toMatchObject({ errorCode: 0 });
    expect(await set(rig, ofNode, '', 'message.max.bytes', '100')).toBe('NONE');
    expect(await produce(rig, 't', large.slice())).toMatchObject({ errorCode: errors.MESSAGE_TOO_LARGE.code });
    expect(await produce(rig, 'own', large.slice())).toMatchObject({ errorCode: 0 });
    expect(await shown(rig, ofTopic, 't', 'max.message.bytes')).toEqual([
      '100',
      3,
      [
        ['message.max.bytes', 3],
        ['message.max.bytes', 5],
      ],
    ]);
  }
  await using rig = await startNode({ engine, settings: { nodeId: 1 } });
  expect(await produce(rig, 't', large.slice())).toMatchObject({ errorCode: errors.MESSAGE_TOO_LARGE.code });
  expect(await set(rig, ofNode, '1', 'message.max.bytes', '5000')).toBe('NONE');
  expect(await produce(rig, 't', large.slice())).toMatchObject({ errorCode: 0 });
  expect(await shown(rig, ofNode, '1', 'message.max.bytes')).toEqual([
    '5000',
    2,
    [
      ['message.max.bytes', 2],
      ['message.max.bytes', 3],
      ['message.max.bytes', 5],
    ],
  ]);
  expect(await set(rig, ofNode, '1', 'message.max.bytes', null)).toBe('NONE');
  expect(await set(rig, ofNode, '', 'message.max.bytes', null)).toBe('NONE');
  expect(await shown(rig, ofNode, '', 'message.max.bytes')).toBeUndefined();
  expect(await shown(rig, ofNode, '1', 'message.max.bytes')).toEqual(['1048588', 5, expect.anything()]);
});

test('throttles are set on a topic and on a node, checked, shown and taken back', async () => {
  await using rig = await startNode({ settings: { nodeId: 1 } });
  await createTopic(rig, 't');
  const [replicas, rate] = ['leader.replication.throttled.replicas', 'leader.replication.throttled.rate'];
  const largest = '9223372036854775807';
  expect(await shown(rig, ofTopic, 't', replicas)).toEqual(['', 5, [[replicas, 5]]]);
  for (const value of ['*', '0:1', '0:1, 1:2', '']) expect(await set(rig, ofTopic, 't', replicas, value)).toBe('NONE');
  for (const value of ['*,0:1', '0', 'none', '0:1,']) {
    expect(await set(rig, ofTopic, 't', replicas, value)).toBe('INVALID_CONFIG');
  }
  expect(await set(rig, ofTopic, 't', replicas, '0:1')).toBe('NONE');
  expect((await shown(rig, ofTopic, 't', replicas))?.[0]).toBe('0:1');
  expect(await set(rig, ofTopic, 't', replicas, null)).toBe('NONE');
  expect((await shown(rig, ofTopic, 't', replicas))?.[0]).toBe('');
  // Whose partitions it names is no node's.
  expect(await set(rig, ofNode, '1', replicas, '*')).toBe('INVALID_CONFIG');
  expect(await set(rig, ofNode, '1', rate, '-1')).toBe('INVALID_CONFIG');
  expect(await set(rig, ofNode, '1', rate, '1000')).toBe('NONE');
  expect(await set(rig, ofNode, '', rate, '2000')).toBe('NONE');
  const everything = [
    [rate, 2],
    [rate, 3],
    [rate, 5],
  ];
  expect(await shown(rig, ofNode, '1', rate)).toEqual(['1000', 2, everything]);
  expect((await shown(rig, ofNode, '', rate))?.[0]).toBe('2000');
  for (const node of ['1', '']) expect(await set(rig, ofNode, node, rate, null)).toBe('NONE');
  expect(await shown(rig, ofNode, '1', rate)).toEqual([largest, 5, [[rate, 5]]]);
});

test('what a node was started with stays as it is', async () => {
  await using rig = await startNode({ settings: { nodeId: 1, topicDefaults: { 'retention.ms': '1000' } } });
  expect(await set(rig, ofNode, '1', 'num.partitions', '3')).toBe('INVALID_REQUEST');
  expect(await set(rig, ofNode, '1', 'no.such', '3')).toBe('INVALID_CONFIG');
  expect(await set(rig, ofNode, '1', 'leader.replication.throttled.rate', null)).toBe('NONE');
  expect(await set(rig, ofNode, '2', 'message.max.bytes', '3')).toBe('INVALID_REQUEST');
  expect(await set(rig, ofNode, '1', 'message.max.bytes', 'many')).toBe('INVALID_CONFIG');
  expect(await set(rig, 77, '1', 'message.max.bytes', '1')).toBe('INVALID_REQUEST');
  expect(await shown(rig, ofNode, '1', 'num.partitions')).toEqual(['1', 5, expect.anything()]);
  expect(await shown(rig, ofNode, '1', 'log.retention.ms')).toEqual(['1000', 4, expect.anything()]);
  expect(await shown(rig, ofNode, '1', 'node.id')).toEqual(['1', 4, expect.anything()]);
  const addressed = ['PLAINTEXT://127.0.0.1:9092', 4, [['advertised.listeners', 4]]];
  expect(await shown(rig, ofNode, '1', 'advertised.listeners')).toEqual(addressed);
});

test('groups show the settings that hold for them; loggers and client metrics have none', async () => {
  await using rig = await startNode({ settings: { 'group.consumer.session.timeout.ms': 20_000 } });
  expect(await shown(rig, 32, 'g', 'consumer.session.timeout.ms')).toEqual([
    '20000',
    4,
    [['group.consumer.session.timeout.ms', 4]],
  ]);
  expect(await set(rig, 32, 'g', 'consumer.session.timeout.ms', '1')).toBe('INVALID_REQUEST');
  for (const type of [8, 16]) expect(await shown(rig, type, '1', 'x')).toBeUndefined();
});

test('alterConfigs replaces all that a topic has set, or nothing', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't', 1, { 'retention.ms': '5', 'segment.ms': '6' });
  const replace = async (configs: RequestInit<'alterConfigs'>['resources'], validateOnly = false) => {
    const { responses } = await rig.ask('alterConfigs', { resources: configs!, validateOnly });
    return responses.map(({ errorCode }) => nameOf(errorCode));
  };
  const one = (...configs: { name: string; value: string | null }[]) => [
    { resourceType: ofTopic, resourceName: 't', configs },
  ];
  const ms = async () => [await shown(rig, ofTopic, 't', 'retention.ms'), await shown(rig, ofTopic, 't', 'segment.ms')];
  expect(await replace(one({ name: 'retention.ms', value: '7' }), true)).toEqual(['NONE']);
  expect(await replace(one({ name: 'retention.ms', value: null }))).toEqual(['INVALID_REQUEST']);
  expect(await replace(one({ name: 'retention.ms', value: 'soon' }))).toEqual(['INVALID_CONFIG']);
  expect(await replace(one({ name: 'no.such', value: '7' }))).toEqual(['INVALID_CONFIG']);
  expect(await replace([...one(), ...one()])).toEqual(['INVALID_REQUEST', 'INVALID_REQUEST']);
  expect(await ms()).toEqual([
    ['5', 1, expect.anything()],
    ['6', 1, expect.anything()],
  ]);
  expect(await replace(one({ name: 'retention.ms', value: '7' }))).toEqual(['NONE']);
  expect(await ms()).toEqual([
    ['7', 1, expect.anything()],
    ['604800000', 5, expect.anything()],
  ]);
  expect(await replace([{ resourceType: ofTopic, resourceName: 'gone', configs: [] }])).toEqual([
    'UNKNOWN_TOPIC_OR_PARTITION',
  ]);
});

test('log dirs show what partitions take, without making databases for those that take nothing', async () => {
  const path = await mkdtemp(join(tmpdir(), 'millrace-log-dirs-'));
  const folder = await openDataFolder(path);
  const engine = createLevelEngine(folder.enginePath);
  const node = await createNode({ engine, folder, clock, random: seededRandom(1), logger });
  try {
    const transport = strictTransport(node);
    const rig: Asker = {
      ask: (api, request, version = apis[api].served[1]) =>
        transport.call(api, version, apis[api].request.create(request as never) as never),
    };
    await createTopic(rig, 't', 2);
    const batch = batchOf(['a', 'b']);
    await produce(rig, 't', batch, { partition: 1 });
    const { results } = await rig.ask('describeLogDirs', { topics: null });
    expect(results).toMatchObject([
      {
        errorCode: 0,
        logDir: path,
        topics: [
          {
            name: 't',
            partitions: [
              { partitionIndex: 0, partitionSize: 0, offsetLag: 0, isFutureKey: false },
              { partitionIndex: 1, partitionSize: batch.length },
            ],
          },
        ],
      },
    ]);
    expect(results[0]!.totalBytes).toBeGreaterThan(results[0]!.usableBytes);
    const some = await rig.ask('describeLogDirs', {
      topics: [
        { topic: 't', partitions: [1, 9] },
        { topic: 'x', partitions: [0] },
      ],
    });
    expect(some.results[0]!.topics).toMatchObject([{ partitions: [{ partitionIndex: 1 }] }]);
    expect(await engine.list()).not.toContain('t-0');
  } finally {
    await node.close();
    await rm(path, { recursive: true });
  }
});

test('on one node there is nothing to elect and nowhere to move to', async () => {
  await using rig = await startNode({ settings: { nodeId: 3 } });
  await createTopic(rig, 't');
  const elect = async (init: RequestInit<'electLeaders'>) => {
    const { errorCode, replicaElectionResults } = await rig.ask('electLeaders', init);
    const results = replicaElectionResults.flatMap(({ partitionResult }) => partitionResult);
    return [nameOf(errorCode), ...results.map((one) => nameOf(one.errorCode))];
  };
  const topicPartitions = [{ topic: 't', partitions: [0, 1] }];
  expect(await elect({ topicPartitions })).toEqual(['NONE', 'ELECTION_NOT_NEEDED', 'UNKNOWN_TOPIC_OR_PARTITION']);
  expect(await elect({ topicPartitions: null, electionType: 1 })).toEqual(['NONE']);
  expect((await elect({ topicPartitions, electionType: 9 }))[0]).toBe('INVALID_REQUEST');

  const move = async (replicas: number[] | null, partitionIndex = 0) => {
    const topics = [{ name: 't', partitions: [{ partitionIndex, replicas }] }];
    const { responses } = await rig.ask('alterPartitionReassignments', { topics });
    return nameOf(responses[0]!.partitions[0]!.errorCode);
  };
  expect(await move([3])).toBe('NONE');
  expect(await move([3, 4])).toBe('INVALID_REPLICA_ASSIGNMENT');
  expect(await move([])).toBe('INVALID_REPLICA_ASSIGNMENT');
  expect(await move(null)).toBe('NO_REASSIGNMENT_IN_PROGRESS');
  expect(await move([3], 1)).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  expect(await rig.ask('listPartitionReassignments', { topics: null })).toMatchObject({ errorCode: 0, topics: [] });
});

test('nobody can log in where there is nothing to log in with', async () => {
  await using rig = await startNode();
  for (const version of [0, 1]) {
    const { errorCode, mechanisms } = await rig.ask('saslHandshake', { mechanism: 'PLAIN' }, version);
    expect([nameOf(errorCode), mechanisms]).toEqual(['ILLEGAL_SASL_STATE', []]);
  }
  expect(nameOf((await rig.ask('saslAuthenticate', {})).errorCode)).toBe('ILLEGAL_SASL_STATE');
});

test('resources with settings are listed by type', async () => {
  await using rig = await startNode({ settings: { nodeId: 3 } });
  await createTopic(rig, 't');
  const list = async (resourceTypes: number[], version = 1) =>
    (await rig.ask('listConfigResources', { resourceTypes }, version)).configResources.map(
      ({ resourceName, resourceType }) => `${resourceType}:${resourceName}`,
    );
  expect(await list([])).toEqual(['2:t', '4:3']);
  expect(await list([2])).toEqual(['2:t']);
  expect(await list([16, 32])).toEqual([]);
  expect(await list([], 0)).toEqual([]);
  expect(nameOf((await rig.ask('listConfigResources', { resourceTypes: [99] })).errorCode)).toBe('UNSUPPORTED_VERSION');
});

test('topics are described by pages, whatever the size of a page', async () => {
  await using rig = await startNode();
  for (const [name, partitions] of [
    ['b', 3],
    ['a', 2],
    ['c', 1],
  ] as const)
    await createTopic(rig, name, partitions);
  const all = ['a0', 'a1', 'b0', 'b1', 'b2', 'c0'];
  for (const responsePartitionLimit of [1, 2, 3, 4, 5, 6, 100]) {
    const seen: string[] = [];
    let cursor: { topicName: string; partitionIndex: number } | null = null;
    do {
      const answer: Awaited<ReturnType<typeof page>> = await page(cursor);
      const partitions = answer.topics.flatMap((topic) =>
        topic.partitions.map(({ partitionIndex }) => `${topic.name}${partitionIndex}`),
      );
      expect(partitions.length).toBeLessThanOrEqual(responsePartitionLimit);
      seen.push(...partitions);
      cursor = answer.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(all);

    function page(from: typeof cursor) {
      return rig.ask('describeTopicPartitions', { topics: [], responsePartitionLimit, cursor: from });
    }
  }
  const asked = await rig.ask('describeTopicPartitions', { topics: [{ name: 'c' }, { name: 'no' }, { name: 'c' }] });
  expect(asked.topics.map(({ name, errorCode }) => [name, nameOf(errorCode)])).toEqual([
    ['c', 'NONE'],
    ['no', 'UNKNOWN_TOPIC_OR_PARTITION'],
  ]);
  const lost = { topics: [{ name: 'c' }], cursor: { topicName: 'a', partitionIndex: 0 } };
  expect((await rig.ask('describeTopicPartitions', lost)).topics.map(({ errorCode }) => nameOf(errorCode))).toEqual([
    'INVALID_REQUEST',
  ]);
});

test('what a caller may do is said when asked: everything', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't');
  const topics = [{ name: 't' }];
  const [asked, not] = [
    await rig.ask('metadata', { topics, includeTopicAuthorizedOperations: true }),
    await rig.ask('metadata', { topics }),
  ];
  expect([asked.topics[0]!.topicAuthorizedOperations, not.topics[0]!.topicAuthorizedOperations]).toEqual([
    0b1101_1111_1000,
    -(2 ** 31),
  ]);
});
