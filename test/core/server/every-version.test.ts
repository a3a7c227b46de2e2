// Every API in every version with requests that find something, each encoded and decoded: a handler that fills in what
// an old version can't say closes the connection of somebody's client.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { type Logger, silentLogger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { type ApiName, apis, type RequestInit, type ResponseOf } from '../../../core/protocol/api-table.ts';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import type { Transport } from '../../../core/protocol/transport.ts';
import { createNode, type StorageNode } from '../../../core/server/node.ts';
import { servedApis } from '../../../core/server/router.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { fittingRequests, type Known } from '../../support/fitting-request.ts';
import { strictTransport } from '../../support/strict-transport.ts';

/** A handler that throws is answered all the same; here is what it threw. */
const thrown: unknown[] = [];
const logger: Logger = { ...silentLogger, error: (fields) => void thrown.push(fields) };

let node: StorageNode;
let transport: Transport;
let known: Known;

const ask = <N extends ApiName>(api: N, version: number, init: RequestInit<N>): Promise<ResponseOf<N>> =>
  transport.call(api, version, apis[api].request.create(init as never) as never);

beforeAll(async () => {
  const settings = { 'group.initial.rebalance.delay.ms': 0 };
  node = await createNode({ engine: createMemoryEngine(), clock, random: seededRandom(1), logger, settings });
  transport = strictTransport(node);
  known = await fill();
});

afterAll(() => node.close());

/** A topic with a record, a group with a member and an offset, an open transaction. */
async function fill(): Promise<Known> {
  const topic = 't';
  const groupId = 'g';
  const transactionalId = 'x';
  const created = await ask('createTopics', 7, { topics: [{ name: topic, numPartitions: 2, replicationFactor: 1 }] });
  const builder = new BatchBuilder();
  builder.append(5, null, new Uint8Array(3));
  const batch = builder.build();
  await ask('produce', 9, { acks: 1, topicData: [{ name: topic, partitionData: [{ index: 0, records: [batch] }] }] });
  const { producerId, producerEpoch } = await ask('initProducerId', 4, {
    transactionalId,
    transactionTimeoutMs: 60_000,
  });
  await ask('addPartitionsToTxn', 3, {
    v3AndBelowTransactionalId: transactionalId,
    v3AndBelowProducerId: producerId,
    v3AndBelowProducerEpoch: producerEpoch,
    v3AndBelowTopics: [{ name: topic, partitions: [1] }],
  });
  const join = (id: string) =>
    ask('joinGroup', 5, {
      groupId,
      memberId: id,
      sessionTimeoutMs: 60_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: new Uint8Array(4) }],
    });
  const { memberId } = await join('');
  const { generationId } = await join(memberId);
  const assignments = [{ memberId, assignment: new Uint8Array(4) }];
  await ask('syncGroup', 5, {
    groupId,
    memberId,
    generationId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments,
  });
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: 0, committedMetadata: 'm' }];
  await ask('offsetCommit', 8, {
    groupId,
    memberId,
    generationIdOrMemberEpoch: generationId,
    topics: [{ name: topic, partitions }],
  });
  const topicId = created.topics[0]!.topicId;
  return { topic, topicId, groupId, memberId, generationId, transactionalId, producerId, producerEpoch, batch };
}

test('what the requests are about is there', async () => {
  const offsets = await ask('offsetFetch', 7, { groupId: 'g', topics: null });
  expect(offsets.topics[0]!.partitions[0]).toMatchObject({ committedOffset: 1, metadata: 'm' });
  expect((await ask('describeGroups', 5, { groups: ['g'] })).groups[0]).toMatchObject({ groupState: 'Stable' });
  const [found] = (await ask('describeTransactions', 0, { transactionalIds: ['x'] })).transactionStates;
  expect(found).toMatchObject({ transactionState: 'Ongoing' });
});

/** These take away what the others need, or make thousands of databases; they are asked about elsewhere. */
const destructive: readonly ApiName[] = [
  'createTopics',
  'createPartitions',
  'deleteTopics',
  'deleteGroups',
  'deleteRecords',
];
/** May wait for others. */
const waiting: readonly ApiName[] = ['joinGroup', 'syncGroup'];
const last: readonly ApiName[] = ['leaveGroup', 'endTxn', 'initProducerId', ...waiting];

const inOrder = [...servedApis.filter((api) => !last.includes(api)), ...last].filter(
  (api) => !destructive.includes(api),
);

function answers(api: ApiName, faults: Set<string>): Promise<unknown>[] {
  const [lowest, highest] = apis[api].request.versions;
  const versions = Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i);
  return versions.flatMap((version) =>
    fittingRequests(api, version, known).map((request) =>
      transport
        .call(api, version, request as never)
        .catch((error: Error) => faults.add(`${api} v${version}: ${error.message}`)),
    ),
  );
}

test.each(inOrder.filter((api) => !waiting.includes(api)))(
  '%s answers in every version what that version can say',
  async (api) => {
    const faults = new Set<string>();
    await Promise.all(answers(api, faults));
    expect([...faults, ...thrown]).toEqual([]);
  },
);

test('so do those that wait, when the node closes', async () => {
  const faults = new Set<string>();
  const waits = waiting.flatMap((api) => answers(api, faults));
  await clock.nextTurn();
  await node.close();
  await Promise.all(waits);
  expect([...faults, ...thrown]).toEqual([]);
});
