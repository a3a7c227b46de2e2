// Promises of the runtime itself, over the smallest shard there is: a counter whose records are additions.
import { expect, test } from 'vitest';
import { createCoordinatorRuntime, javaHash } from '../../../core/coordinator/runtime.ts';
import type { CommandResult, CoordinatorRecord, Shard } from '../../../core/coordinator/shard.ts';
import { Fault, isFault } from '../../../core/kernel/fault.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { createMemoryShardLog } from './memory-shard-log.ts';

interface Counter extends Shard {
  total(): number;
  readonly unloads: string[];
}

const addition = (n: number): CoordinatorRecord => ({ key: Buffer.from('add'), value: Uint8Array.of(n) });
const add =
  (n: number) =>
  (shard: Counter): CommandResult<number> => ({ records: [addition(n)], reply: shard.total() + n });
const total = (shard: Counter): CommandResult<number> => ({ records: [], reply: shard.total() });

function counterRig(log = createMemoryShardLog()) {
  const clock = createManualClock();
  const unloads: string[] = [];
  let loads = 0;
  const runtime = createCoordinatorRuntime<Counter>({
    topic: 'counters',
    partitions: () => 4,
    makeShard: ({ timers }) => {
      let sum = 0;
      loads++;
      return {
        unloads,
        total: () => sum,
        replay: ({ value }) => void (sum += value![0]!),
        loaded: () => timers.schedule('tick', 100, add(1)),
        unloaded: () => void unloads.push(`at ${sum}`),
      };
    },
    openLog: async () => log,
    existing: async () => [0],
    clock,
    logger: silentLogger,
  });
  return { runtime, log, clock, unloads, loads: () => loads };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('the partition of an id is Kafka’s: Java’s hash of the string', () => {
  // Values of java.lang.String.hashCode(); the last is Integer.MIN_VALUE, whose absolute value Kafka takes for 0.
  expect(javaHash('')).toBe(0);
  expect(javaHash('my-group')).toBe(Math.abs(javaHashOf('my-group')));
  expect(javaHash('polygenelubricants')).toBe(0);
});

function javaHashOf(text: string): number {
  let hash = 0n;
  for (const char of text) hash = BigInt.asIntN(32, hash * 31n + BigInt(char.charCodeAt(0)));
  return Number(hash);
}

test('a command sees what those before it wrote, and nobody is answered before it is committed', async () => {
  const { runtime, log } = counterRig();
  await runtime.runOn(0, total);
  const release = log.hold();
  const answered: number[] = [];
  const note = (n: number) => void answered.push(n);
  const asked = [
    runtime.runOn(0, add(2)).then(note),
    runtime.runOn(0, add(3)).then(note),
    runtime.runOn(0, total).then(note),
  ];
  await turn();
  expect(answered).toEqual([]);
  release();
  await Promise.all(asked);
  expect(answered).toEqual([2, 5, 5]);
});

test('after a failed write everyone who saw it is refused, and the shard starts anew from its log', async () => {
  const { runtime, log, unloads, loads } = counterRig();
  await runtime.runOn(0, add(1));
  const settled: string[] = [];
  log.failNext(new Fault('STORAGE_FAILED', { path: 'disk', reason: 'full' }));
  const outcomes = await Promise.allSettled([
    runtime.runOn(0, (shard) => ({ ...add(5)(shard), settle: (outcome) => void settled.push(outcome) })),
    runtime.runOn(0, add(7)),
    runtime.runOn(0, total),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(outcomes.every((outcome) => outcome.status === 'rejected' && isFault(outcome.reason, 'STORAGE_FAILED'))).toBe(
    true,
  );
  expect(settled).toEqual(['failed']);
  expect(unloads).toEqual(['at 13']);
  // The second one's record reached the log: an answer that says it failed is allowed to be wrong in that direction only.
  expect(await runtime.runOn(0, total)).toBe(8);
  expect(loads()).toBe(2);
});

test('a deadline comes back as a command; none fires after a close', async () => {
  const { runtime, clock } = counterRig();
  expect(await runtime.runOn(0, total)).toBe(0);
  clock.advance(100);
  await turn();
  expect(await runtime.runOn(0, total)).toBe(1);
  await runtime.close();
  const refused = await runtime.runOn(0, total).catch((error: unknown) => error);
  expect(isFault(refused, 'CLOSED')).toBe(true);
});

test('of a write that the log refuses only its own writer is told why; the others look for the coordinator again', async () => {
  const { runtime, log } = counterRig();
  await runtime.runOn(0, add(1));
  const fenced = { partition: 'counters-0', error: 'INVALID_PRODUCER_EPOCH', why: 'another has written since' };
  log.failNext(new Fault('LOG_REFUSED', fenced));
  const asked = [add(5), total, add(7)].map((command) => runtime.runOn(0, command));
  const told = (await Promise.allSettled(asked)).map((one) => one.status === 'rejected' && one.reason.detail.error);
  expect(told).toEqual(['INVALID_PRODUCER_EPOCH', 'NOT_COORDINATOR', 'NOT_COORDINATOR']);
  expect(await runtime.runOn(0, total)).toBe(8);
});

test('a load that fails is tried again', async () => {
  const log = createMemoryShardLog();
  let failures = 1;
  const runtime = createCoordinatorRuntime<Counter>({
    topic: 'counters',
    partitions: () => 1,
    makeShard: () => ({ unloads: [], total: () => 42, replay: () => {} }),
    openLog: async () => {
      if (failures-- > 0) throw new Fault('STORAGE_FAILED', { path: 'disk', reason: 'gone' });
      return log;
    },
    existing: async () => [0],
    clock: createManualClock(),
    logger: silentLogger,
  });
  await expect(runtime.runOn(0, total)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  expect(await runtime.runOn(0, total)).toBe(42);
});

test('a shard that starts anew waits for the writes that were still under way', async () => {
  const { runtime, log } = counterRig();
  await runtime.runOn(0, add(1));
  log.failNext(new Fault('STORAGE_FAILED', { path: 'disk', reason: 'full' }));
  const failed = runtime.runOn(0, add(5)).catch(() => 'failed');
  let release = () => {};
  const late = runtime
    .runOn(0, (shard) => {
      release = log.hold();
      return add(7)(shard);
    })
    .catch(() => 'failed');
  expect(await failed).toBe('failed');
  const asked = runtime.runOn(0, total);
  await turn();
  release();
  expect(await late).toBe('failed');
  expect(await asked).toBe(8);
});
