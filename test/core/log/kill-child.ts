// Appends until it is killed, and says what was acknowledged. Run by kill.test.ts as a process of its own.
import { systemClock } from '../../../core/kernel/clock.ts';
import { logConfig } from '../../../core/log/log-config.ts';
import { createLogManager } from '../../../core/log/log-manager.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { batch, client } from './fixtures.ts';

const folder = process.argv[2]!;
let sequence = Number(process.argv[3]);
const manager = createLogManager({
  engine: createLevelEngine(folder, { writeBufferSize: 64 << 10 }),
  clock: systemClock,
});
const config = logConfig({ 'cleanup.policy': 'compact', 'segment.bytes': '4000', 'min.cleanable.dirty.ratio': '0.3' });
const log = await manager.open('t', 0, config);

async function append(): Promise<void> {
  const own = sequence++;
  const records = [{ key: `k${own % 50}`, value: `${own} ${'x'.repeat(own % 300)}`, timestampMs: systemClock.now() }];
  const bytes = batch(records, { producerId: 1, producerEpoch: 0, baseSequence: own });
  const { baseOffset } = await log.append([bytes], client);
  process.stdout.write(`${own} ${baseOffset}\n`);
}

async function clean(): Promise<never> {
  for (;;) {
    await manager.clean();
    await systemClock.sleep(5);
  }
}

void clean();
for (;;) await Promise.all(Array.from({ length: 1 + (sequence % 4) }, append));
