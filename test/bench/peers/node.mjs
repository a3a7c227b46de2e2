// A storage node beside Apache Kafka, each a process on this machine that Java's own tools for it write to and read from: records/s,
// the 99th percentile of the time to an acknowledgement, the node's processor seconds for a gigabyte, and how soon it answers.
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { installJava, javaFlags } from '../../conformance/parts/java.mjs';
import { startKafka } from '../../conformance/parts/kafka.mjs';
import { startMillrace } from '../../conformance/parts/millrace.mjs';
import { run } from '../../conformance/parts/peers.mjs';
import { compileJava } from './java.mjs';

const ticksPerSecond = 100; // of /proc, on every Linux
const ours = 'Millrace node';
const theirs = 'Apache Kafka';
const each = (of) => ({ ours, theirs, ...of });

const shapes = [100, 1_024].flatMap((bytes) =>
  [1, 6].flatMap((partitions) => ['none', 'lz4'].map((compression) => ({ bytes, partitions, compression }))),
);

async function java(...args) {
  const classPath = await installJava();
  // The tools' own flags are for short programs; these run long enough to be compiled.
  const flags = javaFlags.filter((flag) => !flag.startsWith('-XX:TieredStopAtLevel'));
  return (await run('java', [...flags, '-cp', classPath, ...args.map(String)])).stdout.toString();
}

async function processorSeconds(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function residentMiB(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]) / 1_024;
}

let made = 0;

/** Runs `work` with a topic of its own. */
async function withTopic({ bootstrap }, partitions, work, replicationFactor = 1) {
  const { createClient, tcpNetwork } = await import('millrace/client');
  const name = `perf-${process.pid}-${made++}`;
  const client = createClient({ network: tcpNetwork({ bootstrap }) });
  const config = { 'retention.ms': '-1' };
  await client.admin().createTopics([{ name, partitions, replicationFactor, config }]);
  try {
    return await work(name);
  } finally {
    await client.admin().deleteTopics([name]);
    await client.close();
  }
}

async function produce(node, topic, { records, bytes, compression }) {
  const out = await java(
    ...['org.apache.kafka.tools.ProducerPerformance', '--bootstrap-server', node.bootstrap, '--topic', topic],
    ...['--num-records', records, '--record-size', bytes, '--throughput', -1],
    ...['--command-property', 'acks=all', `compression.type=${compression}`],
  );
  const [, rate] = /([\d.]+) records\/sec \([^)]*\), [^\n]*ms 50th/.exec(out) ?? fail(out);
  return { rate: Number(rate), p99: Number(/(\d+) ms 99th/.exec(out)[1]) };
}

async function consume(node, topic, records) {
  const out = await java(
    ...['org.apache.kafka.tools.ConsumerPerformance', '--bootstrap-server', node.bootstrap, '--topic', topic],
    ...['--num-records', records, '--timeout', 60_000],
  );
  const [head, row] = out
    .trim()
    .split('\n')
    .slice(-2)
    .map((line) => line.split(',').map((cell) => cell.trim()));
  return Number(row[head.indexOf('fetch.nMsg.sec')]);
}

const fail = (out) => {
  throw new Error(`the tool says nothing of a rate:\n${out.slice(-1_000)}`);
};

export function nodeWorks({ kafkaNode, millraceNode, kafkaCluster, millraceCluster, scale }) {
  const nodes = { [ours]: millraceNode, [theirs]: kafkaNode };
  const both = (work) =>
    Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, async () => work(await node(), name)]));

  const produced = shapes.map((shape) => {
    const { bytes, partitions, compression } = shape;
    const records = Math.round((bytes === 100 ? 2_000_000 : 300_000) * scale);
    return {
      name: `produce-${bytes}-${partitions}-${compression}`,
      title: `Java's ProducerPerformance, acks=all, ${records.toLocaleString('en-US')} × ${bytes} B, ${partitions} partitions, ${compression}`,
      unit: 'records/s',
      units: { p99: 'ms' },
      contenders: both((node) => withTopic(node, partitions, (topic) => produce(node, topic, { ...shape, records }))),
      ratios: [each({ reach: 1 }), each({ figure: 'p99', reach: 1, lower: true })],
    };
  });

  const perGigabyte = {
    name: 'produce-cpu',
    title: "node's processor for 1 GB by ProducerPerformance, 1 KiB, 6 partitions, acks=all",
    unit: 's',
    contenders: both((node) =>
      withTopic(node, 6, async (topic) => {
        const records = Math.round(300_000 * scale);
        const before = await processorSeconds(node.pid());
        await produce(node, topic, { records, bytes: 1_024, compression: 'none' });
        return ((await processorSeconds(node.pid())) - before) / ((records * 1_024) / 1e9);
      }),
    ),
    ratios: [each({ reach: 1.5, lower: true })],
  };

  const written = Math.round(2_000_000 * scale);
  const ofWritten = `${written.toLocaleString('en-US')} × 100 B, 6 partitions`;
  const consumed = {
    name: 'consume',
    title: `Java's ConsumerPerformance, ${ofWritten}, what was just written`,
    unit: 'records/s',
    contenders: both((node) =>
      withTopic(node, 6, async (topic) => {
        await produce(node, topic, { records: written, bytes: 100, compression: 'none' });
        return consume(node, topic, written);
      }),
    ),
    ratios: [each({ reach: 1 })],
  };

  const consumedFromDisk = {
    name: 'consume-disk',
    title: `the same, after a restart of the node and with the system's page cache emptied (takes root), ${ofWritten}`,
    unit: 'records/s',
    contenders: both((node) =>
      withTopic(node, 6, async (topic) => {
        await produce(node, topic, { records: written, bytes: 100, compression: 'none' });
        await node.kill(1);
        await node.restart(1);
        await run('sync', []);
        await writeFile('/proc/sys/vm/drop_caches', '3');
        return consume(node, topic, written);
      }),
    ),
    ratios: [each({ reach: 1 })],
  };

  const consumedAtTail = {
    name: 'consume-tail',
    title: `ProducerPerformance and ConsumerPerformance at once, ${ofWritten}: records through both`,
    unit: 'records/s',
    contenders: both((node) =>
      withTopic(node, 6, async (topic) => {
        const sinceMs = performance.now();
        await Promise.all([
          produce(node, topic, { records: written, bytes: 100, compression: 'none' }),
          consume(node, topic, written),
        ]);
        return (written / (performance.now() - sinceMs)) * 1_000;
      }),
    ),
    ratios: [each({ reach: 1 })],
  };

  const latency = {
    name: 'latency',
    title: 'one record at a time from a Java producer, acks=all, to a Java consumer, 100 B, 5,000 of them',
    unit: 'µs',
    units: { p99: 'µs' },
    contenders: both((node) =>
      withTopic(node, 1, async (topic) => {
        const args = ['-Xmx512m', '-cp', await compileJava(), 'EndToEnd', node.bootstrap, topic, '5000'];
        return JSON.parse((await run('java', args)).stdout.toString().trim().split('\n').at(-1));
      }),
    ),
    ratios: [each({ figure: 'p50', reach: 0.7, lower: true }), each({ figure: 'p99', reach: 0.7, lower: true })],
  };

  const replicated = [100, 1_024].map((bytes) => {
    const records = Math.round((bytes === 100 ? 1_000_000 : 150_000) * scale);
    const clusters = { 'Millrace, three nodes': millraceCluster, 'Apache Kafka, three nodes': kafkaCluster };
    const [first, second] = Object.keys(clusters);
    return {
      name: `replicated-${bytes}`,
      title: `the same on three nodes, three copies, min.insync.replicas=2, ${records.toLocaleString('en-US')} × ${bytes} B, 6 partitions`,
      unit: 'records/s',
      contenders: Object.fromEntries(
        Object.entries(clusters).map(([name, cluster]) => [
          name,
          async () =>
            withTopic(
              await cluster(),
              6,
              async (topic) => (await produce(await cluster(), topic, { records, bytes, compression: 'none' })).rate,
              3,
            ),
        ]),
      ),
      ratios: [{ ours: first, theirs: second, reach: 1 }],
    };
  });

  const memory = {
    name: 'memory',
    title: 'resident memory after the works above it, idle',
    unit: 'MiB',
    contenders: both(async (node) => residentMiB(node.pid())),
    ratios: [each({ reach: 0.3, lower: true })],
  };

  const idleMs = 5_000;
  const empty = (make) => async () => {
    const node = await make();
    try {
      await node.end(1);
      const sinceMs = performance.now();
      await node.restart(1);
      const ready = (performance.now() - sinceMs) / 1_000;
      await sleep(idleMs);
      return { ready, resident: await residentMiB(node.pid()) };
    } finally {
      await node.stop();
    }
  };
  const startEmpty = {
    name: 'start-empty',
    title: `the start of a node that has nothing, to its first answer; what it holds ${idleMs / 1_000} s later`,
    unit: 's',
    units: { resident: 'MiB' },
    contenders: { [ours]: empty(() => startMillrace()), [theirs]: empty(() => startKafka(1)) },
    ratios: [
      each({ figure: 'ready', reach: 0.15, lower: true }),
      each({ figure: 'resident', reach: 0.3, lower: true }),
    ],
  };

  const answers = (goes) => async (node) => {
    await node[goes](1);
    const sinceMs = performance.now();
    await node.restart(1);
    return (performance.now() - sinceMs) / 1_000;
  };
  const start = {
    name: 'start',
    title: 'kill -9 of a node with what the works above have left, to its first answer',
    unit: 's',
    contenders: both(answers('kill')),
    ratios: [each({ reach: 0.15, lower: true })],
  };

  const bulk = Math.round(10_000_000 * scale);
  const startWithMuch = {
    name: 'start-10gb',
    title: `a stop in good order with ${bulk.toLocaleString('en-US')} × 1 KiB more, in 100 partitions, then from the start to the first answer`,
    unit: 's',
    async prepare() {
      for (const node of Object.values(nodes)) await fill(await node(), bulk);
    },
    contenders: both(answers('end')),
    ratios: [each({ reach: 0.15, lower: true })],
  };
  return [
    startEmpty,
    ...produced,
    perGigabyte,
    consumed,
    consumedFromDisk,
    consumedAtTail,
    latency,
    memory,
    start,
    startWithMuch,
    ...replicated,
  ];
}

/** Left there until the node is stopped. */
async function fill({ bootstrap }, records) {
  const { createClient, tcpNetwork } = await import('millrace/client');
  const client = createClient({ network: tcpNetwork({ bootstrap }) });
  const [name, partitions] = ['bench-bulk', 100];
  const config = { 'retention.ms': '-1' };
  await client.admin().createTopics([{ name, partitions, replicationFactor: 1, config }]);
  const producer = client.producer();
  const value = randomBytes(1_024);
  for (let i = 0; i < records; i++)
    if (!producer.write(name, Math.floor(i / 256) % partitions, Date.now(), null, value)) await producer.ready();
  await producer.close();
  await client.close();
}
