// Produces over an embedded node until it is killed, and says what is acknowledged as soon as it is: by a write that is
// done before the call returns, so that a kill can't take back a word.
import { writeSync } from 'node:fs';
import { createClient, inProcess } from '../../../core/client/index.ts';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { systemRandom as random } from '../../../core/kernel/random.ts';
import { createNode, openDataFolder } from '../../../core/server/index.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';

const [data, topic, life] = process.argv.slice(2);
const inFlight = 300;

const folder = await openDataFolder(data!);
const node = await createNode({ folder, engine: createLevelEngine(folder.enginePath), clock, random, logger });
const client = createClient({ network: inProcess(node), clientId: 'crash', clock, random, logger });
const producer = client.producer({ lingerMs: 1 });
await producer.partitionsOf(topic!);

let next = 0;
async function sendOn(): Promise<never> {
  for (;;) {
    const value = `${life}-${next++}`;
    const { partition, offset } = await producer.send({
      topic: topic!,
      key: Buffer.from(String(next % 64)),
      value: Buffer.from(value.padEnd(100)),
    });
    writeSync(1, `${value} ${partition} ${offset}\n`);
  }
}
await Promise.all(Array.from({ length: inFlight }, sendOn));
