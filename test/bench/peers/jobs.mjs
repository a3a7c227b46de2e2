// Jobs beside Kafka Streams: each by Kafka Streams on an Apache Kafka, by Millrace on the same, and by Millrace on its embedded
// log; one thread each, what is beside it on the machine said. The input is made once and read from its beginning each time.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../conformance/parts/peers.mjs';
import { compileJava } from './java.mjs';

const job = fileURLToPath(new URL('./millrace-job.mjs', import.meta.url));
const partitions = 4;
const keys = 10_000;
const valueBytes = 100;
/** Event time: ten records a millisecond. */
const recordsPerMs = 10;

const modes = {
  stateless: { title: 'topic → mapValues → filter → topic', embedded: 5, kafka: 2.5 },
  count: { title: 'count over 10,000 keys', embedded: 6, kafka: 2.5 },
  'count exactly once': { mode: 'count', guarantee: true, title: 'the same, exactly once', embedded: 6, kafka: 2.5 },
  windowed: { title: 'tumbling windowed count', embedded: 6, kafka: 2.5 },
  tableJoin: { title: 'stream–table join', embedded: 4, kafka: 2.5 },
  streamJoin: { title: 'stream–stream join', embedded: 4, kafka: 2.5, share: 0.25 },
};

const recordsPerSecond = (stdout) => {
  const { seconds, records } = JSON.parse(stdout.toString().trim().split('\n').at(-1));
  return records / seconds;
};

async function ours(mode, guarantee, place) {
  const how = guarantee ? 'exactlyOnce' : 'atLeastOnce';
  return recordsPerSecond((await run(process.execPath, [job, mode, how, String(partitions), place])).stdout);
}

async function theirs(mode, guarantee, bootstrap, records) {
  const how = guarantee ? 'exactly_once_v2' : 'at_least_once';
  const args = ['-Xmx1g', '-cp', await compileJava(), 'StreamsJobs', bootstrap, mode, how, partitions, records];
  return recordsPerSecond((await run('java', args.map(String))).stdout);
}

/** The same records wherever they go. */
async function fill(client, records) {
  const admin = client.admin();
  const there = new Set((await admin.listTopics()).map(({ name }) => name));
  const wanted = { 'bench-in': records, 'bench-table': keys, 'bench-left': records / 8, 'bench-right': records / 8 };
  const config = { 'retention.ms': '-1' };
  const value = 'abcdefghijklmnopqrstuvwxyz0123456789'.repeat(4);
  const startMs = Date.now() - 3_600_000;
  for (const [name, count] of Object.entries(wanted)) {
    if (there.has(name)) continue;
    await admin.createTopics([{ name, partitions, replicationFactor: 1, config }]);
    const producer = client.producer();
    for (let i = 0; i < count; i++) {
      const number = name === 'bench-table' ? i : (i * 7_919) % keys;
      const at = startMs + Math.floor(i / recordsPerMs);
      const bytes = value.slice(i % 36, (i % 36) + valueBytes);
      // By the key alone, so that what is joined is in the same partitions.
      if (!producer.write(name, number % partitions, at, Buffer.from(`k${String(number).padStart(6, '0')}`), bytes))
        await producer.ready();
    }
    await producer.close();
  }
}

/** @returns works `{ name, title, prepare, contenders, ratios }`; a contender's `measure` resolves with records/s */
export function jobWorks({ kafka, embedded, scale }) {
  const records = Math.round(2_000_000 * scale);
  return Object.entries(modes).map(([name, { title, mode = name, guarantee = false, share = 1, ...reach }]) => ({
    name,
    title: `${title}, ${(records * share).toLocaleString('en-US')} records of 100 B`,
    unit: 'records/s',
    async prepare() {
      const { createClient, tcpNetwork } = await import('millrace/client');
      const { connect } = await import('millrace/run');
      const client = createClient({ network: tcpNetwork({ bootstrap: await kafka() }) });
      await fill(client, records);
      await client.close();
      const connection = await connect({ data: embedded });
      await fill(connection.client, records);
      await connection[Symbol.asyncDispose]();
    },
    contenders: {
      'Kafka Streams on Apache Kafka': async () => theirs(mode, guarantee, await kafka(), records * share),
      'Millrace on the same': async () => ours(mode, guarantee, await kafka()),
      'Millrace, embedded log': () => ours(mode, guarantee, embedded),
    },
    ratios: [
      { ours: 'Millrace, embedded log', theirs: 'Kafka Streams on Apache Kafka', reach: reach.embedded },
      { ours: 'Millrace on the same', theirs: 'Kafka Streams on Apache Kafka', reach: reach.kafka },
    ],
  }));
}

export const embeddedFolder = (folder) => join(folder, 'embedded');
