// The real thing: a process that appends and compacts is killed, over and over, on one LevelDB.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { systemClock } from '../../../core/kernel/clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { logConfig } from '../../../core/log/log-config.ts';
import { createLogManager } from '../../../core/log/log-manager.ts';
import { readBatchHeader } from '../../../core/protocol/record-batch.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { batch, client, type ReadRecord, recordsOf, refusalOf, uncommitted } from './fixtures.ts';

/** @returns the acknowledged appends, as sequence → offset */
async function runAndKill(
  folder: string,
  firstSequence: number,
  acknowledgedMax: number,
): Promise<Map<number, number>> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'test/core/log/kill-child.ts', folder, String(firstSequence)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const acknowledged = new Map<number, number>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [sequence, offset] = line.split(' ').map(Number);
    if (offset !== undefined) acknowledged.set(sequence!, offset);
    if (acknowledged.size >= acknowledgedMax) child.kill('SIGKILL');
  }
  return acknowledged;
}

test('what was acknowledged before kill -9 is there, and the producer goes on where the log is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kill-'));
  try {
    const random = seededRandom(5);
    const acknowledged = new Map<number, number>();
    let next = 0;
    let isCompacted = false;
    for (let life = 0; life < 4; life++) {
      for (const [sequence, offset] of await runAndKill(folder, next, 100 + random.integer(900)))
        acknowledged.set(sequence, offset);
      const manager = createLogManager({ engine: createLevelEngine(folder), clock: systemClock });
      const log = await manager.open('t', 0, logConfig({ 'cleanup.policy': 'compact' }));
      // One record an append, so that sequences and offsets go together.
      const found: ReadRecord[] = [];
      for (let from = 0; from < log.highWatermark; ) {
        const { records } = await log.read({ from, ...uncommitted });
        found.push(...recordsOf(records));
        from = readBatchHeader(records.at(-1)!).lastOffset + 1;
      }
      for (const { offset, value } of found) expect(value).toMatch(new RegExp(`^${offset} `));
      const newest = new Map(found.map(({ key, offset }) => [key, offset]));
      for (const [sequence, offset] of acknowledged) {
        expect(offset).toBe(sequence);
        expect(newest.get(`k${sequence % 50}`)).toBeGreaterThanOrEqual(offset);
      }
      next = log.logEndOffset;
      isCompacted ||= found.length < next;
      const from = (baseSequence: number) =>
        batch([{ key: 'check' }], { producerId: 1, producerEpoch: 0, baseSequence });
      expect(await refusalOf(log.append([from(next + 1)], client))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
      expect(await log.append([from(next - 1)], client)).toMatchObject({ duplicate: true, baseOffset: next - 1 });
      await manager.close();
    }
    expect(acknowledged.size).toBeGreaterThan(400);
    expect(isCompacted).toBe(true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
