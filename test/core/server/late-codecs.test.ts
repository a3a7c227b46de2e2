// A node is ready before the codecs are loaded: whatever may meet a compressed batch waits for them, in the order it came.
import { expect, test, vi } from 'vitest';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { Asker } from './rig.ts';

const engine = createMemoryEngine();
/** As a process that has just begun: nothing is loaded. */
const fresh = async () => {
  vi.resetModules();
  return await import('./rig.ts');
};

test('the first batches that are to be compressed', async () => {
  const { batchOf, createTopic, fetch, produce, startNode } = await fresh();
  const { readBatchHeader } = await import('../../../core/protocol/record-batch.ts');
  await using rig = await startNode({ engine });
  await createTopic(rig, 'packed', 1, { 'compression.type': 'lz4' });
  const sent = ['a', 'b', 'c'].map((value, i) => produce(rig, 'packed', batchOf([value], { timestampMs: 1_000 + i })));
  expect(await Promise.all(sent)).toMatchObject([0, 1, 2].map((baseOffset) => ({ errorCode: 0, baseOffset })));
  const { records } = await fetch(rig, 'packed');
  expect(readBatchHeader(Buffer.concat(records ?? []))).toMatchObject({ compression: 'lz4', recordCount: 1 });
});

const commitOffset = async (rig: Asker, committedOffset: number) => {
  const partitions = [{ partitionIndex: 0, committedOffset }];
  const { topics } = await rig.ask('offsetCommit', { groupId: 'g', topics: [{ name: 'packed', partitions }] }, 8);
  return topics[0]!.partitions[0]!.errorCode;
};

test('what a group writes and reads, where its topic is compressed', async () => {
  {
    const { startNode } = await fresh();
    await using rig = await startNode({ engine });
    expect(await commitOffset(rig, 1)).toBe(0);
    const configs = [{ name: 'compression.type', configOperation: 0, value: 'lz4' }];
    const { responses } = await rig.ask('incrementalAlterConfigs', {
      resources: [{ resourceType: 2, resourceName: '__consumer_offsets', configs }],
    });
    expect(responses).toMatchObject([{ errorCode: 0 }]);
  }
  {
    const { startNode } = await fresh();
    await using rig = await startNode({ engine });
    expect(await commitOffset(rig, 7)).toBe(0);
  }
  const { startNode } = await fresh();
  await using rig = await startNode({ engine });
  const topics = [{ name: 'packed', partitionIndexes: [0] }];
  const { groups } = await rig.ask('offsetFetch', { groups: [{ groupId: 'g', topics }] }, 8);
  expect(groups[0]!.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, committedOffset: 7 });
});

test('the first search by time in what is compressed', async () => {
  const { startNode } = await fresh();
  await using rig = await startNode({ engine });
  const partitions = [{ partitionIndex: 0, timestamp: 1_001 }];
  const { topics } = await rig.ask('listOffsets', { topics: [{ name: 'packed', partitions }] }, 7);
  expect(topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, offset: 1 });
});
