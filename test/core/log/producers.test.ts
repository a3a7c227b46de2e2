import { describe, expect, test } from 'vitest';
import { batch, bench, client, coordinator, marker, numbered, refusalOf } from './fixtures.ts';

const sequenceMax = 2 ** 31 - 1;
const from = (baseSequence: number, count = 1, producerEpoch = 0) =>
  numbered(count, { producerId: 9, producerEpoch, baseSequence });

describe('idempotent producers (Kafka’s ProducerStateManager)', () => {
  test('a repeated batch is answered with its first offsets, five batches back', async () => {
    const log = await bench().open();
    for (let i = 0; i < 7; i++) await log.append([from(2 * i, 2)], client);
    for (let i = 2; i < 7; i++)
      expect(await log.append([from(2 * i, 2)], client)).toEqual({
        baseOffset: 2 * i,
        lastOffset: 2 * i + 1,
        logAppendTimeMs: -1,
        duplicate: true,
      });
    expect(await refusalOf(log.append([from(2, 2)], client))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
    expect(log.logEndOffset).toBe(14);
  });

  test('a duplicate of a batch that is still being written waits for it', async () => {
    const log = await bench().open();
    const [first, second] = await Promise.all([log.append([from(0)], client), log.append([from(0)], client)]);
    expect([first.duplicate, second.duplicate, second.baseOffset]).toEqual([false, true, 0]);
    expect(log.logEndOffset).toBe(1);
  });

  test('a gap is refused, in flight as well', async () => {
    const log = await bench().open();
    const appends = [from(0, 3), from(4), from(3)].map((bytes) => refusalOf(log.append([bytes], client)));
    expect(await Promise.all(appends)).toEqual(['none', 'OUT_OF_ORDER_SEQUENCE_NUMBER', 'none']);
  });

  test('sequences go on at 0 after 2^31 - 1, inside a batch and between batches', async () => {
    const log = await bench().open();
    await log.append([from(sequenceMax - 3, 2)], client);
    await log.append([from(sequenceMax - 1, 2)], client);
    await log.append([from(0, 1)], client);
    const other = (baseSequence: number, count: number) =>
      numbered(count, { producerId: 10, producerEpoch: 0, baseSequence });
    await log.append([other(sequenceMax - 1, 4)], client);
    expect(await log.append([other(2, 1)], client)).toMatchObject({ duplicate: false });
    expect(await log.append([other(sequenceMax - 1, 4)], client)).toMatchObject({ duplicate: true, baseOffset: 5 });
  });

  test('an older epoch is fenced; a newer one begins at 0', async () => {
    const log = await bench().open();
    await log.append([from(0, 2, 3)], client);
    expect(await refusalOf(log.append([from(2, 1, 2)], client))).toBe('INVALID_PRODUCER_EPOCH');
    expect(await refusalOf(log.append([from(2, 1, 4)], client))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
    expect(await refusalOf(log.append([from(0, 1, 4)], client))).toBe('none');
    expect(await refusalOf(log.append([from(2, 1, 3)], client))).toBe('INVALID_PRODUCER_EPOCH');
  });

  test('a producer that isn’t known may begin anywhere (KIP-360)', async () => {
    expect(await refusalOf((await bench().open()).append([from(500)], client))).toBe('none');
  });

  test('a silent producer is forgotten after a day by the node’s clock, one at work on old events is not', async () => {
    const table = bench();
    const log = await table.open({ 'retention.ms': '-1' });
    const old = (baseSequence: number, producerId: number) =>
      batch([{ timestampMs: 5 }], { producerId, producerEpoch: 0, baseSequence });
    await log.append([old(0, 1)], client);
    await log.append([old(0, 2)], client);
    table.clock.advance(86_399_999);
    await log.append([old(1, 2)], client);
    await log.applyRetention();
    expect(log.producers().map(({ producerId }) => producerId)).toEqual([1, 2]);
    table.clock.advance(1);
    await log.applyRetention();
    expect(log.producers().map(({ producerId }) => producerId)).toEqual([2]);
  });

  test.each(['close', 'crash'])('sequences and duplicates are known after a %s', async (how) => {
    const table = bench();
    const { log, crash } = await table.openToCrash();
    for (let i = 0; i < 6; i++) await log.append([from(i)], client);
    await (how === 'close' ? log.close() : crash());
    const again = await table.open();
    expect(again.producers()).toMatchObject([{ producerId: 9, producerEpoch: 0, lastSequence: 5 }]);
    expect(await again.append([from(5)], client)).toMatchObject({ duplicate: true, baseOffset: 5 });
    expect(await refusalOf(again.append([from(7)], client))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
  });

  test('a coordinator’s batches have an epoch and no sequence', async () => {
    const log = await bench().open();
    const own = (producerEpoch: number) => numbered(1, { producerId: 3, producerEpoch, isTransactional: true });
    for (const epoch of [1, 1, 2]) expect(await refusalOf(log.append([own(epoch)], coordinator))).toBe('none');
    expect(await refusalOf(log.append([own(1)], coordinator))).toBe('INVALID_PRODUCER_EPOCH');
  });

  test('a marker of a coordinator that has been replaced is refused', async () => {
    const log = await bench().open();
    await log.append([marker(3, 0, true, 5)], coordinator);
    expect(await refusalOf(log.append([marker(3, 0, true, 4)], coordinator))).toBe('TRANSACTION_COORDINATOR_FENCED');
    expect(await refusalOf(log.append([marker(3, 0, true, 5)], coordinator))).toBe('none');
  });
});
