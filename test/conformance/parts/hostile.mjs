// Hostile bytes at a node as its users start it: requests of every API and version, made by fast-check from our schemas
// (the part `schemas` holds those against Kafka's), and spoilt in one of the ways below. After each the next client is
// served as ever; in the end the node still runs, holds little more memory, and has met nothing that it calls a mistake.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as fc from 'fast-check';
import { startMillrace } from './millrace.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const requestsPerVersion = 2;
const memoryBytesMax = 200 << 20;
const frameBytesMax = 1 << 20;
const closedMsMax = 2_000;

/** What becomes of the bytes of a whole request, its length in front. `choose` gives a number below. */
const ways = {
  truncated: (bytes, choose) => withLength(bytes.subarray(0, 5 + choose(bytes.length - 5))),
  oversized: (bytes) => withLength(bytes, 0x7fff_ffff),
  negativeLength: (bytes, choose) => withLength(bytes, -1 - choose(1_000)),
  lengthInside: (bytes, choose) => written(bytes, 14 + choose(bytes.length), [0x7f, 0xff, 0xff, 0xff]),
  negativeInside: (bytes, choose) => written(bytes, 14 + choose(bytes.length), [0xff, 0xff, 0xff, 0xf0]),
  bitFlips(bytes, choose) {
    const copy = Buffer.from(bytes);
    for (let flips = 1 + choose(8); flips > 0; flips--) copy[4 + choose(copy.length - 4)] ^= 1 << choose(8);
    return copy;
  },
  wrongVersion: (bytes, choose) => written(bytes, 6, [choose(256), choose(256)]),
  halfFrame: (bytes, choose) => bytes.subarray(0, 1 + choose(bytes.length - 1)),
  slowDrip: (bytes) => bytes,
};

const withLength = (bytes, length = bytes.length - 4) => {
  const copy = Buffer.from(bytes);
  copy.writeInt32BE(length, 0);
  return copy;
};
const written = (bytes, at, values) => {
  const copy = Buffer.from(bytes);
  copy.set(values.slice(0, copy.length), Math.min(at, copy.length - values.length));
  return copy;
};

/** @returns a result `{ test, result, ms, note }` for each way */
export async function hostileBytes() {
  await import(pathToFileURL(join(root, 'runtime', 'cli', 'ensure-ready.mjs')).href);
  const built = (path) => import(pathToFileURL(join(root, 'dist', ...path)).href);
  const { apis } = await built(['core', 'protocol', 'api-table.js']);
  const { servedApis } = await built(['core', 'server', 'router.js']);
  const { anyValueOf } = await built(['test', 'wire', 'any-message.js']);
  const { rawClient, requestBytes } = await built(['test', 'support', 'raw-client.js']);
  const { BatchBuilder } = await built(['core', 'protocol', 'batch-builder.js']);
  const seed = Number(process.env.MILLRACE_SEED ?? Date.now() % 1_000_000);
  const node = await startMillrace({ 'socket.request.max.bytes': frameBytesMax });
  const port = Number(node.bootstrap.split(':')[1]);
  process.stdout.write(`  seed ${seed} (MILLRACE_SEED)\n`);
  try {
    await nextClient('before');
    const memoryBefore = memoryOf(node.pid());
    const results = [];
    for (const [way, spoil] of Object.entries(ways)) {
      const sinceMs = Date.now();
      const note = await sendAll(way, spoil, seed).then(
        () => '',
        (error) => error.message,
      );
      results.push({ test: way, result: note === '' ? 'passed' : 'failed', ms: Date.now() - sinceMs, note });
    }
    const grown = memoryOf(node.pid()) - memoryBefore;
    process.stdout.write(`  memory ${Math.round(grown / 2 ** 20)} MiB more than before\n`);
    const wrong = node.mistakes().slice(0, 8);
    if (grown > memoryBytesMax) wrong.unshift(`${grown} bytes more memory than before`);
    results.push({
      test: 'afterwards',
      result: wrong.length === 0 ? 'passed' : 'failed',
      ms: 0,
      note: wrong.join('\n'),
    });
    return results;
  } finally {
    await node.stop();
  }

  async function sendAll(way, spoil, startSeed) {
    for (const api of servedApis) {
      const [lowest, highest] = apis[api].request.versions;
      for (let version = lowest; version <= highest; version++) {
        const values = anyValueOf(apis[api].request.shape, version);
        const sample = fc.tuple(values, fc.array(fc.nat(), { minLength: 24, maxLength: 24 }));
        for (const [value, numbers] of fc.sample(sample, { seed: startSeed + version, numRuns: requestsPerVersion })) {
          let next = 0;
          const choose = (below) => (below <= 0 ? 0 : numbers[next++ % numbers.length] % below);
          const bytes = spoil(Buffer.from(requestBytes(api, version, value)), choose);
          await send(bytes, way === 'slowDrip', way === 'halfFrame');
        }
      }
      await nextClient(`${way} ${api}`);
    }
  }

  /** Some are answered, some wait for more, some end the connection: all are over when the client goes. */
  async function send(bytes, slowly, andGo) {
    const client = await rawClient(port);
    if (slowly) {
      const step = Math.max(1, Math.ceil(bytes.length / 12));
      for (let at = 0; at < bytes.length; at += step) {
        client.write(bytes.subarray(at, at + step));
        await sleep(1);
      }
    } else client.write(bytes);
    if (andGo) client.close();
    else client.socket.end();
    const gone = await Promise.race([client.closed.then(() => true), sleep(closedMsMax).then(() => false)]);
    client.close();
    // A member of a group waits for the others, and a fetch for records, as long as it says.
    if (!gone) await client.closed;
  }

  async function nextClient(after) {
    const client = await rawClient(port);
    try {
      const name = `works-${Math.random().toString(36).slice(2)}`;
      client.ask('createTopics', 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1 }], timeoutMs: 5_000 });
      await client.answer('createTopics', 7);
      const builder = new BatchBuilder();
      builder.append(Date.now(), null, Buffer.from(after));
      const records = [builder.build()];
      client.ask('produce', 9, { acks: -1, topicData: [{ name, partitionData: [{ index: 0, records }] }] });
      await client.answer('produce', 9);
      client.ask('fetch', 12, {
        maxBytes: 10_000,
        topics: [{ topic: name, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10_000 }] }],
      });
      const { response } = await client.answer('fetch', 12);
      const got = Buffer.concat(response.responses[0].partitions[0].records ?? []);
      if (!got.includes(after)) throw new Error('its record did not come back');
      client.ask('deleteTopics', 5, { topicNames: [name], timeoutMs: 5_000 });
      await client.answer('deleteTopics', 5);
    } catch (error) {
      throw new Error(`after ${after} the next client was not served: ${error.message}`);
    } finally {
      client.close();
    }
  }
}

/** Resident, where Linux says it; elsewhere nothing is measured. */
function memoryOf(pid) {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
  } catch {
    return 0;
  }
}
