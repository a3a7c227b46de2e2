// `npm run bench:restart`: what a kill costs a job with much state. A count with `--keys` keys (5 million) is built by Millrace
// under exactly-once and by Kafka Streams under exactly_once_v2, on the same Apache Kafka of one node; each is killed (-9)
// while it counts, and started again: seconds from the start of the process until a record that was written before it
// comes out, counted. By turns, `--runs` times each (3).
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startKafka } from '../../conformance/parts/kafka.mjs';
import { compileJava } from './java.mjs';

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '5000000' },
    runs: { type: 'string', default: '3' },
    partitions: { type: 'string', default: '4' },
  },
});
const [keys, runs, partitions] = [Number(values.keys), Number(values.runs), Number(values.partitions)];
const bin = fileURLToPath(new URL('../../../runtime/cli/bin.mjs', import.meta.url));
const job = fileURLToPath(new URL('./restart-job.mjs', import.meta.url));
const builtMsMax = 30 * 60_000;
const say = (line) => process.stdout.write(`${line}\n`);
const seconds = (ms) => (ms / 1_000).toFixed(1);

const { createClient, tcpNetwork } = await import('millrace/client');
const classPath = await compileJava();
const kafka = await startKafka(1);
const folder = await mkdtemp(join(tmpdir(), 'millrace-restart-'));
const client = createClient({ network: tcpNetwork({ bootstrap: kafka.bootstrap }) });
const producer = client.producer();
let markers = 0;

const sides = {
  millrace: {
    title: 'Millrace, exactlyOnce',
    output: 'restart-out-millrace',
    start: () =>
      spawn(
        process.execPath,
        [
          ...[bin, 'run', job, '--bootstrap', kafka.bootstrap, '--data', join(folder, 'millrace')],
          ...['--until', 'stopped', '--session-timeout', '6000'],
        ],
        { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, RESTART_PARTITIONS: values.partitions } },
      ),
  },
  streams: {
    title: 'Kafka Streams, exactly_once_v2',
    output: 'restart-out-streams',
    start: () =>
      spawn(
        'java',
        [
          ...['-Xmx1g', '-cp', classPath, 'StreamsCount', kafka.bootstrap, 'restart-in', 'restart-out-streams'],
          join(folder, 'streams'),
        ],
        { stdio: ['ignore', 'ignore', 'ignore'] },
      ),
  },
};

const keyOf = (i) => Buffer.from(`key-${String(i).padStart(9, '0')}`);
const value = Buffer.from('x');

async function write(from, to) {
  for (let i = from; i < to; i++) {
    if (!producer.write('restart-in', i % partitions, Date.now(), keyOf(i), value)) await producer.ready();
  }
  await producer.flush();
}

/** Writes a record of a key of its own; resolves with the moment at which it came out. */
async function marker(output, deadlineMs) {
  const key = `marker-${++markers}`;
  await producer.send({ topic: 'restart-in', key: Buffer.from(key), value });
  return async () => {
    const fetcher = client.fetcher({ isolation: 'readCommitted', from: 'earliest' });
    fetcher.assign(Array.from({ length: partitions }, (_, partition) => ({ topic: output, partition, offset: 0 })));
    try {
      for (const endMs = Date.now() + deadlineMs; Date.now() < endMs; ) {
        for (const { batches } of await fetcher.poll(200))
          if (batches.some((batch) => Buffer.from(batch.buffer, batch.byteOffset, batch.length).includes(key)))
            return Date.now();
      }
    } finally {
      fetcher.close();
    }
    throw new Error(`${key} did not come out`);
  };
}

async function end(child) {
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.kill('SIGKILL');
  await ended;
}

const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1];

try {
  const config = { 'retention.ms': '-1' };
  const topics = ['restart-in', ...Object.values(sides).map(({ output }) => output)];
  await client.admin().createTopics(topics.map((name) => ({ name, partitions, replicationFactor: 1, config })));
  await write(0, keys);
  say(`${keys} records of ${keys} keys in ${partitions} partitions, ${kafka.name}, load ${loadavg()[0].toFixed(1)}`);
  for (const side of Object.values(sides)) {
    const sinceMs = Date.now();
    const out = await marker(side.output, builtMsMax);
    side.child = side.start();
    await out();
    say(`${side.title}: state built in ${seconds(Date.now() - sinceMs)} s`);
    await end(side.child);
  }
  const took = { millrace: [], streams: [] };
  for (let run = 0; run < runs; run++) {
    for (const [name, side] of Object.entries(sides)) {
      side.child = side.start();
      const warm = await marker(side.output, builtMsMax);
      await warm();
      // Killed in the middle of counting.
      const counting = write(0, Math.min(keys, 200_000));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await end(side.child);
      await counting;
      const out = await marker(side.output, builtMsMax);
      const sinceMs = Date.now();
      side.child = side.start();
      took[name].push((await out()) - sinceMs);
      await end(side.child);
      say(`run ${run + 1}, ${side.title}: ${seconds(took[name].at(-1))} s, load ${loadavg()[0].toFixed(1)}`);
    }
  }
  const [ours, theirs] = [median(took.millrace), median(took.streams)];
  say(
    `restart after kill -9 with ${keys} keys: ${seconds(ours)} s against ${seconds(theirs)} s, ratio ${(ours / theirs).toFixed(2)}`,
  );
} finally {
  for (const { child } of Object.values(sides)) child?.kill('SIGKILL');
  await client.close();
  await kafka.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
