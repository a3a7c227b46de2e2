import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { errors } from '../../../core/protocol/error-code.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { batchOf, createTopic, fetch, produce, startNode, valuesIn } from './rig.ts';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-node-'));
  folders.push(folder);
  return folder;
}

const engines = {
  memory: async () => createMemoryEngine(),
  LevelDB: async () => createLevelEngine(await temporaryFolder()),
};

describe.each(Object.entries(engines))('a node on %s', (_name, makeEngine) => {
  test('what is produced is fetched, and its offsets are listed', async () => {
    await using rig = await startNode({ engine: await makeEngine() });
    await createTopic(rig, 'orders', 2);
    expect(await produce(rig, 'orders', batchOf(['a', 'b']))).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
      logStartOffset: 0,
    });
    expect(await produce(rig, 'orders', batchOf(['c'], { timestampMs: 5_000 }), { acks: 1 })).toMatchObject({
      errorCode: 0,
      baseOffset: 2,
    });
    expect(await produce(rig, 'orders', batchOf(['d']), { partition: 1, acks: 0 })).toMatchObject({ errorCode: 0 });

    const fetched = await fetch(rig, 'orders');
    expect(fetched).toMatchObject({ errorCode: 0, highWatermark: 3, lastStableOffset: 3, logStartOffset: 0 });
    expect(valuesIn(fetched.records)).toEqual(['a', 'b', 'c']);
    expect(valuesIn((await fetch(rig, 'orders', { partition: 1 })).records)).toEqual(['d']);

    const offsetAt = async (timestamp: number) => {
      const { topics } = await rig.ask('listOffsets', {
        topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp }] }],
      });
      const { errorCode, offset, timestamp: at } = topics[0]!.partitions[0]!;
      return { errorCode, offset, at };
    };
    expect(await offsetAt(-2)).toEqual({ errorCode: 0, offset: 0, at: -1 });
    expect(await offsetAt(-1)).toEqual({ errorCode: 0, offset: 3, at: -1 });
    expect(await offsetAt(-3)).toEqual({ errorCode: 0, offset: 2, at: 5_000 });
    expect(await offsetAt(1_001)).toEqual({ errorCode: 0, offset: 1, at: 1_001 });
    expect(await offsetAt(9_000)).toEqual({ errorCode: 0, offset: -1, at: -1 });
    expect(await offsetAt(-9)).toMatchObject({ errorCode: errors.UNSUPPORTED_VERSION.code });
  });

  test('a restart keeps topics, records and the cluster id, and gives out no producer id twice', async () => {
    const engine = await makeEngine();
    let before: { clusterId: string; topicId: string; producerId: number };
    {
      await using rig = await startNode({ engine });
      const topicId = await createTopic(rig, 'orders', 3, { 'retention.ms': '-1' });
      await produce(rig, 'orders', batchOf(['a']), { partition: 2 });
      const { producerId } = await rig.ask('initProducerId', { transactionalId: null });
      before = { clusterId: rig.node.clusterId, topicId, producerId };
    }
    await using rig = await startNode({ engine, seed: 2 });
    const { topics, clusterId } = await rig.ask('metadata', { topics: null });
    expect(clusterId).toBe(before.clusterId);
    expect(topics).toMatchObject([{ name: 'orders', topicId: before.topicId, errorCode: 0 }]);
    expect(topics[0]!.partitions.map(({ partitionIndex }) => partitionIndex)).toEqual([0, 1, 2]);
    expect(valuesIn((await fetch(rig, 'orders', { partition: 2 })).records)).toEqual(['a']);
    const { producerId, producerEpoch } = await rig.ask('initProducerId', { transactionalId: null });
    expect({ producerId, producerEpoch }).toEqual({ producerId: 1_000, producerEpoch: 0 });
    expect(before.producerId).toBe(0);
  });
});
