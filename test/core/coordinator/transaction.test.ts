// The transaction coordinator over a log in memory that outlives it, with a clock moved by hand.
import { afterEach, describe, expect, test } from 'vitest';
import type { CoordinatorRecord, ShardLog, TransactionMarker } from '../../../core/coordinator/shard.ts';
import {
  createTransactionCoordinator,
  type TransactionCoordinator,
} from '../../../core/coordinator/transaction/coordinator.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';

const clock = createManualClock(1_000_000);
const partitions = 3;

interface Disk {
  readonly logs: Map<number, CoordinatorRecord[]>;
  readonly markers: string[];
  /** Of the coordinators that wrote them. */
  readonly markerEpochs: number[];
  /** Of whoever opens a log next. */
  epoch: number;
  /** Called before a marker is written; throws to fail it. */
  beforeMarker: () => void;
  nextProducerId: number;
}

const newDisk = (): Disk => ({
  logs: new Map(),
  markers: [],
  markerEpochs: [],
  epoch: 0,
  beforeMarker: () => {},
  nextProducerId: 7,
});
const opened: TransactionCoordinator[] = [];

function coordinatorOn(disk: Disk): TransactionCoordinator {
  const logOf = (partition: number): ShardLog => {
    const records = disk.logs.get(partition) ?? [];
    disk.logs.set(partition, records);
    return {
      epoch: disk.epoch,
      assertCurrent() {},
      append: async (added) => void records.push(...added),
      appendMarker: async () => {},
      replay: async (target) => {
        for (const record of records) target.record(record, null);
      },
    };
  };
  const coordinator = createTransactionCoordinator({
    topic: '__transaction_state',
    partitions: () => partitions,
    openLog: async (_topic, partition) => logOf(partition),
    existing: async () => [...disk.logs.keys()],
    writeMarker: async (topic, partition, marker: TransactionMarker) => {
      disk.beforeMarker();
      disk.markerEpochs.push(marker.coordinatorEpoch);
      disk.markers.push(
        `${topic}-${partition} ${marker.producerId}/${marker.producerEpoch} ${marker.commit ? 'commit' : 'abort'}`,
      );
    },
    allocateProducerId: async () => disk.nextProducerId++,
    settings: { timeoutMsMax: 900_000, expirationMs: 604_800_000 },
    clock,
    random: seededRandom(1),
    logger: silentLogger,
  });
  opened.push(coordinator);
  return coordinator;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((coordinator) => coordinator.close()));
});

async function begun(coordinator: TransactionCoordinator, transactionalId = 'transfer') {
  const reply = await coordinator.begin({ transactionalId, timeoutMs: 60_000, expected: null });
  if (reply.error !== 'NONE') throw new Error(reply.error);
  return { producerId: reply.producerId, producerEpoch: reply.producerEpoch };
}

const orders = [{ topic: 'orders', partitions: [0, 2] }];

describe('a transaction', () => {
  test('that commits writes a marker to each of its partitions and can be followed by another', async () => {
    const disk = newDisk();
    const coordinator = coordinatorOn(disk);
    const producer = await begun(coordinator);
    expect(producer).toEqual({ producerId: 7, producerEpoch: 0 });
    expect(await coordinator.addPartitions('transfer', producer, orders)).toEqual({ error: 'NONE' });
    expect(await coordinator.end('transfer', producer, true)).toEqual({ error: 'NONE' });
    expect(disk.markers).toEqual(['orders-0 7/0 commit', 'orders-2 7/0 commit']);
    expect(await coordinator.addPartitions('transfer', producer, [{ topic: 'audit', partitions: [1] }])).toEqual({
      error: 'NONE',
    });
    expect(await coordinator.end('transfer', producer, false)).toEqual({ error: 'NONE' });
    expect(disk.markers[2]).toBe('audit-1 7/0 abort');
  });

  test('can be ended again with the same answer, as after a lost one, and not with the other', async () => {
    const coordinator = coordinatorOn(newDisk());
    const producer = await begun(coordinator);
    await coordinator.addPartitions('transfer', producer, orders);
    await coordinator.end('transfer', producer, true);
    expect(await coordinator.end('transfer', producer, true)).toEqual({ error: 'NONE' });
    expect(await coordinator.end('transfer', producer, false)).toEqual({ error: 'INVALID_TXN_STATE' });
  });

  test('that takes longer than its timeout is aborted, and its producer is shut out', async () => {
    const disk = newDisk();
    const coordinator = coordinatorOn(disk);
    const producer = await begun(coordinator);
    await coordinator.addPartitions('transfer', producer, orders);
    clock.advance(60_000);
    await expect.poll(() => disk.markers).toEqual(['orders-0 7/1 abort', 'orders-2 7/1 abort']);
    expect(await coordinator.end('transfer', producer, true)).toEqual({ error: 'PRODUCER_FENCED' });
  });

  test('whose coordinator is replaced while it writes the end is ended by the next one alone, under its epoch', async () => {
    const disk = newDisk();
    const old = coordinatorOn(disk);
    const producer = await begun(old);
    await old.addPartitions('transfer', producer, orders);
    disk.beforeMarker = () => {
      throw new Error('not reachable');
    };
    const ended = old.end('transfer', producer, true);
    await expect.poll(() => disk.logs.get(old.partitionFor('transfer'))?.length).toBe(3);
    old.unload(old.partitionFor('transfer'));
    await expect(ended).rejects.toMatchObject({ code: 'CLOSED' });

    disk.beforeMarker = () => {};
    disk.epoch = 1;
    const next = coordinatorOn(disk);
    await next.load(next.partitionFor('transfer'));
    await expect.poll(() => disk.markers.length).toBe(2);
    expect(disk.markerEpochs).toEqual([1, 1]);
    await expect.poll(async () => (await next.describe('transfer'))?.state).toBe('completeCommit');
    // What the old one was about to try again would end the producer's next transaction, whose epoch is the same.
    await next.addPartitions('transfer', producer, orders);
    clock.advance(30_000);
    expect((await next.describe('transfer'))?.state).toBe('ongoing');
    expect(disk.markers).toHaveLength(2);
  });

  test('left open by one producer is aborted when the next begins, which asks again', async () => {
    const disk = newDisk();
    const coordinator = coordinatorOn(disk);
    const old = await begun(coordinator);
    await coordinator.addPartitions('transfer', old, orders);
    expect(await coordinator.begin({ transactionalId: 'transfer', timeoutMs: 60_000, expected: null })).toEqual({
      error: 'CONCURRENT_TRANSACTIONS',
    });
    await expect.poll(() => disk.markers).toEqual(['orders-0 7/1 abort', 'orders-2 7/1 abort']);
    await expect.poll(async () => (await coordinator.describe('transfer'))?.state).toBe('completeAbort');
    expect(await begun(coordinator)).toEqual({ producerId: 7, producerEpoch: 2 });
    expect(await coordinator.addPartitions('transfer', old, orders)).toEqual({ error: 'PRODUCER_FENCED' });
  });

  test('that was decided before a crash is carried out after it', async () => {
    const disk = newDisk();
    const first = coordinatorOn(disk);
    const producer = await begun(first);
    await first.addPartitions('transfer', producer, orders);
    disk.beforeMarker = () => {
      throw new Error('the disk is gone');
    };
    const lost = first.end('transfer', producer, true).catch((error: unknown) => error);
    await expect.poll(async () => (await first.describe('transfer'))?.state).toBe('prepareCommit');
    await first.close();
    expect(await lost).toBeInstanceOf(Error);
    disk.beforeMarker = () => {};
    const second = coordinatorOn(disk);
    await expect.poll(async () => (await second.describe('transfer'))?.state).toBe('completeCommit');
    expect(disk.markers).toEqual(['orders-0 7/0 commit', 'orders-2 7/0 commit']);
  });

  test('that is open at a crash keeps its timeout', async () => {
    const disk = newDisk();
    const first = coordinatorOn(disk);
    const producer = await begun(first);
    await first.addPartitions('transfer', producer, orders);
    await first.close();
    clock.advance(59_000);
    const second = coordinatorOn(disk);
    expect((await second.describe('transfer'))?.state).toBe('ongoing');
    clock.advance(1_000);
    await expect.poll(() => disk.markers).toEqual(['orders-0 7/1 abort', 'orders-2 7/1 abort']);
  });
});

test('what a producer may not do is refused', async () => {
  const coordinator = coordinatorOn(newDisk());
  const producer = await begun(coordinator);
  expect(await coordinator.begin({ transactionalId: 'x', timeoutMs: 900_001, expected: null })).toEqual({
    error: 'INVALID_TRANSACTION_TIMEOUT',
  });
  expect(await coordinator.end('transfer', producer, true)).toEqual({ error: 'INVALID_TXN_STATE' });
  expect(await coordinator.addPartitions('unheard of', producer, orders)).toEqual({
    error: 'INVALID_PRODUCER_ID_MAPPING',
  });
  expect(await coordinator.addPartitions('transfer', { ...producer, producerId: 99 }, orders)).toEqual({
    error: 'INVALID_PRODUCER_ID_MAPPING',
  });
  expect(
    await coordinator.begin({
      transactionalId: 'transfer',
      timeoutMs: 60_000,
      expected: { ...producer, producerEpoch: 5 },
    }),
  ).toEqual({ error: 'PRODUCER_FENCED' });
});

test('a producer that asks again to have its epoch raised gets the same answer, one that was shut out does not', async () => {
  const coordinator = coordinatorOn(newDisk());
  const first = await begun(coordinator);
  const raise = () => coordinator.begin({ transactionalId: 'transfer', timeoutMs: 60_000, expected: first });
  const raised = { error: 'NONE', producerId: 7, producerEpoch: 1 };
  expect(await raise()).toEqual(raised);
  expect(await raise()).toEqual(raised);
  expect(await begun(coordinator)).toEqual({ producerId: 7, producerEpoch: 2 });
  expect(await raise()).toEqual({ error: 'PRODUCER_FENCED' });
});

test('an id that nobody uses is forgotten in time', async () => {
  const coordinator = coordinatorOn(newDisk());
  const producer = await begun(coordinator, 'old');
  await coordinator.addPartitions('old', producer, orders);
  await coordinator.end('old', producer, true);
  clock.advance(604_800_000);
  await coordinator.expire();
  expect(await coordinator.list()).toHaveLength(1);
  clock.advance(1);
  await coordinator.expire();
  expect(await coordinator.list()).toEqual([]);
});

test.each(Array.from({ length: 30 }, (_, seed) => seed))(
  'whatever fails and whoever crashes, every partition of a transaction gets its one outcome, seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    const disk = newDisk();
    let coordinator = coordinatorOn(disk);
    const decided = new Map<string, 'commit' | 'abort'>();
    disk.beforeMarker = () => {
      if (random.next() < 0.3) throw new Error('a marker could not be written');
    };
    for (let round = 0; round < 20; round++) {
      const id = `id-${random.integer(2)}`;
      const reply = await coordinator.begin({ transactionalId: id, timeoutMs: 60_000, expected: null });
      if (reply.error !== 'NONE') {
        clock.advance(6_000);
        await clock.nextTurn();
        continue;
      }
      const topic = `round-${round}`;
      await coordinator.addPartitions(id, reply, [{ topic, partitions: [0, 1, 2] }]);
      const commit = random.next() < 0.5;
      const ended = coordinator.end(id, reply, commit).then(
        () => {},
        () => {},
      );
      await expect.poll(async () => (await coordinator.describe(id))?.state).not.toBe('ongoing');
      for (const partition of [0, 1, 2]) decided.set(`${topic}-${partition}`, commit ? 'commit' : 'abort');
      if (random.next() < 0.4) {
        await coordinator.close();
        coordinator = coordinatorOn(disk);
        await coordinator.list();
      }
      for (let i = 0; i < 50 && (await coordinator.describe(id))?.state.startsWith('prepare'); i++) {
        clock.advance(6_000);
        await clock.nextTurn();
      }
      await ended;
    }
    expect(decided.size).toBeGreaterThan(0);
    const written = new Map<string, Set<string>>();
    for (const line of disk.markers) {
      const [partition, , outcome] = line.split(' ');
      written.set(partition!, (written.get(partition!) ?? new Set()).add(outcome!));
    }
    for (const [partition, outcome] of decided) expect(written.get(partition), partition).toEqual(new Set([outcome]));
  },
);
