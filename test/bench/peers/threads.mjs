// A job whose functions take most of the time, with one thread and with two, on a storage node in a process of its own: by
// `millrace run`, from the first record of a thread to the end of the process, when all is committed. Beside it threads
// that do the same arithmetic and nothing else: what two of them gain is what the machine's two cores are.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { run } from '../../conformance/parts/peers.mjs';

const bin = fileURLToPath(new URL('../../../runtime/cli/bin.mjs', import.meta.url));
const job = fileURLToPath(new URL('./threads-job.mjs', import.meta.url));
const partitions = 4;

async function arithmetic(records, threads) {
  const sinceMs = performance.now();
  const ended = Array.from({ length: threads }, () => {
    const thread = new Worker(new URL('./threads-arithmetic.mjs', import.meta.url), {
      workerData: { digests: records / threads },
    });
    return new Promise((resolve, reject) => thread.on('exit', resolve).on('error', reject));
  });
  await Promise.all(ended);
  return (records / (performance.now() - sinceMs)) * 1_000;
}

export function threadWorks({ patientNode, scale }) {
  const records = Math.round(300_000 * scale);
  let made = 0;
  async function withThreads(threads) {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-threads-'));
    const starts = join(folder, 'starts');
    const { bootstrap } = await patientNode();
    const args = [bin, 'run', job, '--bootstrap', bootstrap, '--data', folder, '--threads', threads, '--until', 'end'];
    const env = { BENCH_PARTITIONS: partitions, BENCH_JOB: `bench-threads-${made++}`, BENCH_STARTS: starts };
    try {
      await run(process.execPath, args.map(String), { env: { ...process.env, ...env } });
      const endMs = Date.now();
      const firstMs = Math.min(...(await readFile(starts, 'utf8')).trim().split('\n').map(Number));
      return (records / (endMs - firstMs)) * 1_000;
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
  return [
    {
      name: 'threads',
      title: `a job of 20 SHA-256 a record, ${records.toLocaleString('en-US')} records of 100 B, a storage node beside it`,
      unit: 'records/s',
      async prepare() {
        const { createClient, tcpNetwork } = await import('millrace/client');
        const client = createClient({ network: tcpNetwork({ bootstrap: (await patientNode()).bootstrap }) });
        await client.admin().createTopics([{ name: 'bench-threads', partitions, replicationFactor: 1 }]);
        const producer = client.producer();
        for (let i = 0; i < records; i++)
          if (!producer.write('bench-threads', i % partitions, Date.now(), null, Buffer.alloc(100, 'x')))
            await producer.ready();
        await producer.close();
        await client.close();
      },
      contenders: {
        'one thread': () => withThreads(1),
        'two threads': () => withThreads(2),
        'one thread of arithmetic': () => arithmetic(records, 1),
        'two threads of arithmetic': () => arithmetic(records, 2),
      },
      ratios: [
        { ours: 'two threads', theirs: 'one thread', reach: 1.6 },
        { ours: 'two threads of arithmetic', theirs: 'one thread of arithmetic' },
      ],
    },
  ];
}
