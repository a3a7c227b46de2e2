// What a follower does with an answer that doesn't fit its log. How two logs come to agree is the simulation's.
import { expect, test } from 'vitest';
import { apis } from '../../../core/protocol/api-table.ts';
import { fitInto, takeAnswer } from '../../../core/replication/follower.ts';
import { bench, client, numbered } from '../log/fixtures.ts';

/** Three records of leader epoch 2. */
async function followedIn(leaderEpoch: number) {
  const log = await bench().open({}, { highWatermark: 'replicated' });
  await log.beginEpoch(2);
  for (let i = 0; i < 3; i++) await log.append([numbered(1)], client);
  return { topicId: 'an id', partition: 0, leaderEpoch, log };
}

function diverging(epoch: number, endOffset: number) {
  const partition = { partitionIndex: 0, divergingEpoch: { epoch, endOffset } };
  const answer = apis.fetch.response.create({ responses: [{ topic: 'orders', partitions: [partition] }] } as never);
  return answer.responses[0]!.partitions[0]!;
}

test('a log is cut to where a leader as late as its records ends, by offset or by epoch', async () => {
  const byOffset = await followedIn(2);
  await fitInto(byOffset, { start: 0, end: 1 });
  expect(byOffset.log.logEndOffset).toBe(1);
  const byEpoch = await followedIn(3);
  expect(await takeAnswer(byEpoch, diverging(1, 0))).toBe('taken');
  expect(byEpoch.log.logEndOffset).toBe(0);
});

test('nothing is cut for a leader earlier than its records: who sent it there hasn’t heard of the later one', async () => {
  const followed = await followedIn(1);
  await expect(fitInto(followed, { start: 0, end: 1 })).rejects.toThrow('leader epoch 2');
  await expect(takeAnswer(followed, diverging(1, 0))).rejects.toThrow('leader epoch 2');
  expect(followed.log.logEndOffset).toBe(3);
});

test('a log that begins behind where its leader ends, as after an unclean election, begins anew where the leader does', async () => {
  const followed = await followedIn(2);
  followed.log.advanceHighWatermark(3);
  await followed.log.deleteRecordsBefore(2);
  await fitInto(followed, { start: 0, end: 1 });
  expect([followed.log.logStartOffset, followed.log.logEndOffset]).toEqual([0, 0]);
});
