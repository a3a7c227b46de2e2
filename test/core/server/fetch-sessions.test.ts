// Fetch sessions as Kafka's clients use them (KIP-227), and where reader and log part (KIP-320).
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { apis, type RequestInit } from '../../../core/protocol/api-table.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { zeroUuid } from '../../../core/protocol/uuid.ts';
import { createFetchSessions, type PartitionAnswer } from '../../../core/server/fetch-sessions.ts';
import { type Asker, batchOf, createTopic, produce, startNode, valuesIn } from './rig.ts';

interface Session {
  readonly sessionId: number;
  readonly sessionEpoch: number;
}

type Offsets = Record<number, number>;

const partitionsOf = (offsets: Offsets) =>
  Object.entries(offsets).map(([partition, fetchOffset]) => ({
    partition: Number(partition),
    fetchOffset,
    partitionMaxBytes: 1 << 20,
  }));

async function ask(rig: Asker, session: Session, offsets: Offsets, rest: RequestInit<'fetch'> = {}, version = 12) {
  const topics = Object.keys(offsets).length === 0 ? [] : [{ topic: 't', partitions: partitionsOf(offsets) }];
  const response = await rig.ask('fetch', { maxBytes: 1 << 20, ...session, topics, ...rest }, version);
  const said = response.responses.flatMap(({ partitions }) => partitions);
  return { ...response, said, partitions: said.map(({ partitionIndex }) => partitionIndex) };
}

const begin: Session = { sessionId: 0, sessionEpoch: 0 };
const put = (rig: Asker, value: string, partition = 0) => produce(rig, 't', batchOf([value]), { partition });

test('an incremental answer has only what is news, and the request only what has changed', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't', 3);
  await put(rig, 'a', 1);
  const first = await ask(rig, begin, { 0: 0, 1: 0, 2: 0 });
  expect(first.sessionId).toBeGreaterThan(0);
  expect(first.partitions).toEqual([0, 1, 2]);
  const { sessionId } = first;

  const second = await ask(rig, { sessionId, sessionEpoch: 1 }, { 1: 1 });
  expect([second.errorCode, second.sessionId, second.partitions]).toEqual([0, sessionId, []]);

  await put(rig, 'b', 2);
  const third = await ask(rig, { sessionId, sessionEpoch: 2 }, {});
  expect(third.partitions).toEqual([2]);
  expect(valuesIn(third.said[0]!.records)).toEqual(['b']);

  // Not taken up yet, so it comes again; the others say nothing.
  expect((await ask(rig, { sessionId, sessionEpoch: 3 }, {})).partitions).toEqual([2]);
  const forgottenTopicsData = [{ topic: 't', partitions: [2] }];
  expect((await ask(rig, { sessionId, sessionEpoch: 4 }, {}, { forgottenTopicsData })).partitions).toEqual([]);
  await put(rig, 'c', 2);
  await put(rig, 'd', 0);
  expect((await ask(rig, { sessionId, sessionEpoch: 5 }, {})).partitions).toEqual([0]);
});

test('a log start that moves is news without records, and so is the end of an error', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't', 1);
  for (const value of ['a', 'b']) await put(rig, value);
  const { sessionId } = await ask(rig, begin, { 0: 2, 1: 0 });
  const deletion = { topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 1 }] }] };
  await rig.ask('deleteRecords', deletion);
  const moved = await ask(rig, { sessionId, sessionEpoch: 1 }, {});
  expect(moved.said.map(({ errorCode, logStartOffset }) => [errorCode, logStartOffset])).toEqual([
    [0, 1],
    [errors.UNKNOWN_TOPIC_OR_PARTITION.code, -1],
  ]);
  await rig.ask('createPartitions', { topics: [{ name: 't', count: 2, assignments: null }] });
  const healed = await ask(rig, { sessionId, sessionEpoch: 2 }, {});
  expect(healed.said).toMatchObject([{ partitionIndex: 1, errorCode: 0, highWatermark: 0 }]);
  expect((await ask(rig, { sessionId, sessionEpoch: 3 }, {})).said).toEqual([]);
});

test('a partition that had records goes behind the others, so that none starves', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't', 2);
  for (const partition of [0, 1]) await put(rig, 'x'.repeat(2_000), partition);
  const small = { maxBytes: 1_000 };
  const { sessionId, said } = await ask(rig, begin, { 0: 0, 1: 0 }, small);
  expect(said.map(({ records }) => records!.length > 0)).toEqual([true, false]);
  const second = await ask(rig, { sessionId, sessionEpoch: 1 }, {}, small);
  expect(second.said).toMatchObject([{ partitionIndex: 0 }]);
  const third = await ask(rig, { sessionId, sessionEpoch: 2 }, {}, small);
  expect(third.said).toMatchObject([{ partitionIndex: 1 }]);
  expect(third.said[0]!.records!.length).toBeGreaterThan(0);
});

test('what is wrong with a session is said of the whole request', async () => {
  await using rig = await startNode();
  const topicId = await createTopic(rig, 't');
  const errorOf = async (session: Session, version = 12, rest: RequestInit<'fetch'> = {}) =>
    (await ask(rig, session, {}, rest, version)).errorCode;
  const { sessionId } = await ask(rig, begin, { 0: 0 });
  expect(await errorOf({ sessionId: sessionId + 1, sessionEpoch: 1 })).toBe(errors.FETCH_SESSION_ID_NOT_FOUND.code);
  expect(await errorOf({ sessionId: 0, sessionEpoch: 1 })).toBe(errors.FETCH_SESSION_ID_NOT_FOUND.code);
  expect(await errorOf({ sessionId, sessionEpoch: 2 })).toBe(errors.INVALID_FETCH_SESSION_EPOCH.code);
  expect(await errorOf({ sessionId, sessionEpoch: 1 }, 13)).toBe(errors.FETCH_SESSION_TOPIC_ID_ERROR.code);
  expect(await errorOf({ sessionId, sessionEpoch: 1 })).toBe(0);
  expect(await errorOf({ sessionId, sessionEpoch: 1 })).toBe(errors.INVALID_FETCH_SESSION_EPOCH.code);
  const byId = { topics: [{ topic: '', topicId, partitions: partitionsOf({ 0: 0 }) }] };
  const other = await ask(rig, begin, {}, byId, 16);
  expect(other.sessionId).toBeGreaterThan(0);
  expect(await errorOf({ sessionId: other.sessionId, sessionEpoch: 1 })).toBe(errors.FETCH_SESSION_TOPIC_ID_ERROR.code);
});

test('a session ends with its last partition, with a full request of its id, and by name', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't');
  const gone = async (sessionId: number, sessionEpoch = 1) =>
    (await ask(rig, { sessionId, sessionEpoch }, {})).errorCode === errors.FETCH_SESSION_ID_NOT_FOUND.code;
  const one = await ask(rig, begin, { 0: 0 });
  const forgottenTopicsData = [{ topic: 't', partitions: [0] }];
  const last = await ask(rig, { sessionId: one.sessionId, sessionEpoch: 1 }, {}, { forgottenTopicsData });
  expect([last.errorCode, last.sessionId]).toEqual([0, 0]);
  expect(await gone(one.sessionId, 2)).toBe(true);
  const two = await ask(rig, begin, { 0: 0 });
  const three = await ask(rig, { sessionId: two.sessionId, sessionEpoch: 0 }, { 0: 0 });
  expect(three.sessionId).not.toBe(two.sessionId);
  expect(await gone(two.sessionId)).toBe(true);
  const closed = await ask(rig, { sessionId: three.sessionId, sessionEpoch: -1 }, { 0: 0 });
  expect([closed.sessionId, closed.partitions]).toEqual([0, [0]]);
  expect(await gone(three.sessionId)).toBe(true);
});

test('an answer to a request that was overtaken by the next is refused', async () => {
  const clock = createManualClock(10_000);
  await using rig = await startNode({ clock });
  await createTopic(rig, 't');
  const { sessionId } = await ask(rig, begin, { 0: 0 });
  const waiting = ask(rig, { sessionId, sessionEpoch: 1 }, {}, { maxWaitMs: 60_000, minBytes: 1 });
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect((await ask(rig, { sessionId, sessionEpoch: 2 }, {})).errorCode).toBe(0);
  await put(rig, 'a');
  expect((await waiting).errorCode).toBe(errors.INVALID_FETCH_SESSION_EPOCH.code);
});

const noAnswer: PartitionAnswer = apis.fetch.response.create({ responses: [{ partitions: [{}] }] }).responses[0]!
  .partitions[0]!;

function cache({ slots = 2, partitionsMax = 100 } = {}) {
  const clock = createManualClock();
  const sessions = createFetchSessions({ slots, clock, random: seededRandom(1), partitionsMax });
  const request = (session: Session, partitions: number[], forgotten: number[] = []) =>
    apis.fetch.request.create({
      ...session,
      topics: [{ topic: 't', partitions: partitions.map((partition) => ({ partition })) }],
      forgottenTopicsData: [{ topic: 't', partitions: forgotten }],
    });
  const call = (session: Session, partitions: number[], forgotten: number[] = [], isFollower = false) => {
    const context = sessions.begin(request(session, partitions, forgotten), false, isFollower);
    return typeof context === 'string' ? context : context.answer(context.partitions.map(() => noAnswer));
  };
  const open = (size: number, isFollower = false): number => {
    const answer = call(begin, [...Array(size).keys()], [], isFollower);
    return typeof answer === 'string' ? -1 : answer.sessionId;
  };
  const lives = (sessionId: number) => call({ sessionId, sessionEpoch: 1 }, []) !== 'FETCH_SESSION_ID_NOT_FOUND';
  return { clock, sessions, call, open, lives };
}

test('without room a client gets no session; old ones give way to larger ones, unused ones to any', () => {
  const { clock, sessions, open, lives } = cache();
  const [small, large] = [open(1), open(5)];
  expect(open(9)).toBe(0);
  clock.advance(120_001);
  expect(lives(large)).toBe(true); // touched just now
  expect(open(1)).toBeGreaterThan(0); // in place of the small one, which nobody used
  expect(lives(small)).toBe(false);
  expect(open(2)).toBe(0); // the large one is used and larger, the other one young
  expect(open(6)).toBeGreaterThan(0);
  expect(lives(large)).toBe(false);
  expect(sessions.count).toBe(2);
});

test('a follower gets the place of a consumer at once, and keeps its own', () => {
  const { clock, open, lives } = cache();
  const [small, large] = [open(2), open(5)];
  const follower = open(1, true);
  expect(follower).toBeGreaterThan(0);
  expect([lives(small), lives(large)]).toEqual([false, true]);
  const other = open(3, true);
  expect(lives(large)).toBe(false);
  expect(open(9)).toBe(0);
  expect(open(9, true)).toBe(0); // both are young
  clock.advance(120_000);
  expect([lives(follower), lives(other)]).toEqual([true, true]); // in use
  clock.advance(1);
  expect(open(9)).toBe(0); // of a consumer, however old they are
  expect(open(2, true)).toBeGreaterThan(0);
  expect(lives(follower)).toBe(false);
});

test('there are no sessions where there are no slots', () => {
  expect(cache({ slots: 0 }).open(1)).toBe(0);
});

test('what all sessions hold together is bounded', () => {
  const { sessions, call, open } = cache({ slots: 10, partitionsMax: 10 });
  const one = open(6);
  expect(open(5)).toBe(0);
  expect(open(4)).toBeGreaterThan(0);
  expect(call({ sessionId: one, sessionEpoch: 1 }, [6])).toBe('FETCH_SESSION_ID_NOT_FOUND');
  expect([sessions.count, sessions.partitionCount]).toEqual([1, 4]);
});

test('the cache counts what it holds, whatever is asked', () => {
  const some = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 5 });
  const step = fc.record({
    which: fc.nat(5),
    epoch: fc.constantFrom(-1, 0, 1, 2, 3),
    add: some,
    drop: some,
    ms: fc.nat(90_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { clock, sessions, call } = cache({ slots: 3, partitionsMax: 12 });
      const ids = [0];
      for (const { which, epoch, add, drop, ms } of steps) {
        clock.advance(ms);
        const answer = call({ sessionId: ids[which % ids.length]!, sessionEpoch: epoch }, add, drop);
        if (typeof answer !== 'string' && answer.sessionId !== 0) ids.push(answer.sessionId);
        expect(sessions.count).toBeLessThanOrEqual(3);
        expect(sessions.partitionCount).toBeLessThanOrEqual(12);
        expect(sessions.partitionCount).toBeGreaterThanOrEqual(sessions.count);
      }
      for (const sessionId of ids) call({ sessionId, sessionEpoch: -1 }, []);
      expect([sessions.count, sessions.partitionCount]).toEqual([0, 0]);
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('a reader whose log has parted from this one is told where', async () => {
  await using rig = await startNode();
  await createTopic(rig, 't');
  const at = async (fetchOffset: number, lastFetchedEpoch: number) => {
    const partitions = [{ partition: 0, fetchOffset, lastFetchedEpoch, partitionMaxBytes: 1 << 20 }];
    const request = { maxBytes: 1 << 20, topics: [{ topic: 't', topicId: zeroUuid, partitions }] };
    return (await rig.ask('fetch', { ...request, maxWaitMs: 60_000, minBytes: 1 }, 12)).responses[0]!.partitions[0]!;
  };
  const ends = { epoch: 0, endOffset: 0 };
  expect(await at(5, 0)).toMatchObject({ errorCode: 0, divergingEpoch: ends, records: [] });
  for (const value of ['a', 'b']) await put(rig, value);
  expect(await at(5, 0)).toMatchObject({ errorCode: 0, divergingEpoch: { epoch: 0, endOffset: 2 }, records: [] });
  const fits = await at(1, 0);
  expect(fits.divergingEpoch).toEqual({ epoch: -1, endOffset: -1 });
  expect(valuesIn(fits.records)).toEqual(['b']);
  expect((await at(1, 3)).errorCode).toBe(errors.OFFSET_OUT_OF_RANGE.code);
  const end = await rig.ask('offsetForLeaderEpoch', { topics: [{ topic: 't', partitions: [{ leaderEpoch: 0 }] }] });
  expect(end.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 2 });
});
