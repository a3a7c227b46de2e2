// How often a task's state goes to its database, on stores that count their writes; the producer only says where the log ends.
import { expect, test } from 'vitest';
import type { Offsets, Producer } from '../../../core/client/index.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { createAtLeastOnce, createExactlyOnce } from '../../../runtime/delivery/delivery.ts';
import type { KeyValueStore } from '../../../runtime/state/store.ts';
import { openTaskStores } from '../../../runtime/state/task-stores.ts';
import { createFaultyEngine } from '../../support/faulty-storage.ts';
import { keyValueSpec } from '../../support/store-specs.ts';

const noGeneration = { generationId: -1, memberId: '', groupInstanceId: null };

async function rig(guarantee: 'atLeastOnce' | 'exactlyOnce') {
  const clock = createManualClock();
  const engine = createFaultyEngine();
  const spec = keyValueSpec('s');
  const stores = await openTaskStores({ storage: await engine.open('task'), specs: [spec] });
  const store = stores.store('s') as KeyValueStore;
  let end = 0;
  const producer = {
    begin() {},
    write: () => ++end > 0,
    flush: async () => {},
    sendOffsets: async () => {},
    commit: async () => {},
    lastOffset: () => end - 1,
  } as unknown as Producer;
  const shared = { producer, clock, groupId: 'g', limits: new Map(), onAged() {} };
  const offsets = { commit: async () => {} } as unknown as Offsets;
  const delivery =
    guarantee === 'exactlyOnce'
      ? createExactlyOnce({ ...shared, renew: async () => producer })
      : createAtLeastOnce({ ...shared, offsets });
  /** @returns how many writes the database has had by then, and the offset its state reaches */
  async function commit(value: unknown) {
    store.put('k', value, 1);
    const work = { stores, partition: 0, changelogs: [spec.changelog], inputPositions: new Map() };
    await delivery.commit({
      offsets: [{ topic: 'in', partition: 0, offset: end }],
      generation: noGeneration,
      stores: [work],
    });
    return { writes: engine.writes - opened, reaches: stores.checkpoint(spec.changelog) };
  }
  const opened = engine.writes;
  return { clock, commit };
}

test.each(['atLeastOnce', 'exactlyOnce'] as const)(
  'state is written by a commit a second after the last, %s',
  async (guarantee) => {
    const { clock, commit } = await rig(guarantee);
    expect(await commit(0)).toEqual({ writes: 1, reaches: 1 });
    for (let i = 1; i < 10; i++) {
      clock.advance(100);
      expect(await commit(i)).toEqual({ writes: 1, reaches: 1 });
    }
    clock.advance(100);
    expect(await commit(10)).toEqual({ writes: 2, reaches: 11 });
  },
);

test('state of which much waits is written at once', async () => {
  const { commit } = await rig('exactlyOnce');
  await commit('small');
  expect((await commit('small')).writes).toBe(1);
  await commit('x'.repeat(10 << 20)); // what it weighs is known once it is sealed
  expect((await commit('small again')).writes).toBeGreaterThan(1);
});
