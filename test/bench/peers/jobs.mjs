// Jobs beside Kafka Streams: each by Kafka Streams on an Apache Kafka, by Millrace on the same, and by Millrace on its embedded
// log; one thread each, what is beside it on the machine said; and beside `@kafkats/flow`. The input is made once and read from its beginning each time.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installNode } from '../../conformance/clients.mjs';
import { run } from '../../conformance/parts/peers.mjs';
import { compileJava } from './java.mjs';
import { orderOf, orders } from './orders.mjs';

const flowJob = fileURLToPath(new URL('./flow-job.mjs', import.meta.url));
const job = fileURLToPath(new URL('./millrace-job.mjs', import.meta.url));
const partitions = 4;
const keys = 10_000;
const valueBytes = 100;
/** Event time: ten records a millisecond. */
const recordsPerMs = 10;

/** `held`: Kafka Streams holds back updates of a key until it commits; ours with every update, and with the latest as theirs. */
const modes = {
  stateless: { title: 'topic → mapValues → filter → topic', embedded: 5, kafka: 2.5 },
  count: { title: 'count over 10,000 keys', held: true, embedded: 6, kafka: 2.5 },
  'count exactly once': {
    mode: 'count',
    guarantee: true,
    title: 'the same, exactly once',
    held: true,
    embedded: 6,
    kafka: 2.5,
  },
  windowed: { title: 'tumbling windowed count', held: true, embedded: 6, kafka: 2.5 },
  tableJoin: { title: 'stream–table join', embedded: 4, kafka: 2.5 },
  streamJoin: { title: 'stream–stream join', embedded: 4, kafka: 2.5, share: 0.25 },
  json: {
    title: 'filter and aggregate, JSON (theirs: Jackson)',
    held: true,
    embedded: 1,
    kafka: 1,
    share: 0.5,
    bytes: 200,
  },
  avro: { title: 'filter and aggregate, Avro', held: true, embedded: 1, kafka: 1, share: 0.5, bytes: 200 },
};

/** What `@kafkats/flow` can do, over a part of the records: it waits for each one's acknowledgement. */
const flowModes = ['stateless', 'count'];
const flowRecords = 20_000;

const recordsPerSecond = (stdout) => {
  const { seconds, records } = JSON.parse(stdout.toString().trim().split('\n').at(-1));
  return records / seconds;
};

async function ours(mode, guarantee, place, updates = 'every') {
  const how = guarantee ? 'exactlyOnce' : 'atLeastOnce';
  return recordsPerSecond((await run(process.execPath, [job, mode, how, String(partitions), place, updates])).stdout);
}

async function theirs(mode, guarantee, bootstrap, records) {
  const how = guarantee ? 'exactly_once_v2' : 'at_least_once';
  const args = ['-Xmx1g', '-cp', await compileJava(), 'StreamsJobs', bootstrap, mode, how, partitions, records];
  return recordsPerSecond((await run('java', args.map(String))).stdout);
}

/** `@kafkats/flow` over a part of the records, in a Node process as ours. */
async function flows(mode, bootstrap, records, modules) {
  const args = [flowJob, mode, bootstrap, String(partitions), String(records), modules];
  return recordsPerSecond((await run(process.execPath, args)).stdout);
}

/** The same records wherever they go. */
async function fill(client, records) {
  const admin = client.admin();
  const there = new Set((await admin.listTopics()).map(({ name }) => name));
  const wanted = {
    'bench-in': records,
    'bench-flow': flowRecords,
    'bench-table': keys,
    'bench-left': records / 8,
    'bench-right': records / 8,
    'bench-json': records / 2,
    'bench-avro': records / 2,
  };
  const config = { 'retention.ms': '-1' };
  const startMs = Date.now() - 3_600_000;
  for (const [name, count] of Object.entries(wanted)) {
    if (there.has(name)) continue;
    await admin.createTopics([{ name, partitions, replicationFactor: 1, config }]);
    const producer = client.producer();
    for (let i = 0; i < count; i++) {
      const number = name === 'bench-table' ? i : (i * 7_919) % keys;
      const at = startMs + Math.floor(i / recordsPerMs);
      const bytes = bytesOf(name, i);
      // By the key alone, so that what is joined is in the same partitions.
      if (!producer.write(name, number % partitions, at, Buffer.from(`k${String(number).padStart(6, '0')}`), bytes))
        await producer.ready();
    }
    await producer.close();
  }
}

const text = 'abcdefghijklmnopqrstuvwxyz0123456789'.repeat(4);

function bytesOf(topic, i) {
  if (topic === 'bench-json') return orders.json.encode(orderOf(i, false));
  if (topic === 'bench-avro') return orders.avro.encode(orderOf(i, true));
  return text.slice(i % 36, (i % 36) + valueBytes);
}

/** @returns works `{ name, title, prepare, contenders, ratios }`; a contender resolves with records/s */
export function jobWorks({ kafka, embedded, scale }) {
  const records = Math.round(2_000_000 * scale);
  let modules;
  async function prepare() {
    const { createClient, tcpNetwork } = await import('millrace/client');
    const { connect } = await import('millrace/run');
    modules = await installNode();
    const client = createClient({ network: tcpNetwork({ bootstrap: await kafka() }) });
    await fill(client, records);
    await client.close();
    const connection = await connect({ data: embedded });
    await fill(connection.client, records);
    await connection[Symbol.asyncDispose]();
  }
  const besideStreams = Object.entries(modes).map(
    ([name, { title, mode = name, guarantee = false, held = false, share = 1, bytes = valueBytes, ...reach }]) => ({
      name,
      title: `${title}, ${(records * share).toLocaleString('en-US')} records of ${bytes} B`,
      unit: 'records/s',
      prepare,
      contenders: {
        'Kafka Streams on Apache Kafka': async () => theirs(mode, guarantee, await kafka(), records * share),
        'Millrace on the same': async () => ours(mode, guarantee, await kafka()),
        'Millrace, embedded log': () => ours(mode, guarantee, embedded),
        ...(held && {
          'Millrace on the same, latest updates': async () => ours(mode, guarantee, await kafka(), 'latest'),
          'Millrace, embedded log, latest updates': () => ours(mode, guarantee, embedded, 'latest'),
        }),
      },
      ratios: ['', ...(held ? [', latest updates'] : [])].flatMap((updates) => [
        { ours: `Millrace, embedded log${updates}`, theirs: 'Kafka Streams on Apache Kafka', reach: reach.embedded },
        { ours: `Millrace on the same${updates}`, theirs: 'Kafka Streams on Apache Kafka', reach: reach.kafka },
      ]),
    }),
  );
  const besideFlow = flowModes.map((mode) => ({
    name: `flow-${mode}`,
    title: `${modes[mode].title}, from Node; theirs over ${flowRecords.toLocaleString('en-US')} records of 100 B, ours over ${records.toLocaleString('en-US')}`,
    unit: 'records/s',
    rounds: 3,
    prepare,
    contenders: {
      '@kafkats/flow on Apache Kafka': async () => flows(mode, await kafka(), flowRecords, modules),
      'Millrace on the same': async () => ours(mode, false, await kafka()),
    },
    ratios: [{ ours: 'Millrace on the same', theirs: '@kafkats/flow on Apache Kafka', reach: 3 }],
  }));
  return [...besideStreams, ...besideFlow];
}

export const embeddedFolder = (folder) => join(folder, 'embedded');
