// Jobs on an Apache Kafka of three brokers: operators' vectors, random programs with and without kills, and the bank while
// brokers are killed; then other people's tools on what a job has there: Kafka's own command describes and resets its group,
// Java's consumer reads the topics it writes, and a topic of a Java producer's is joined with one of ours.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { classPath, javaFlags } from './java.mjs';
import { startKafka } from './kafka.mjs';
import { run } from './peers.mjs';

const inProject = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const bin = inProject('runtime/cli/bin.mjs');
const waitMsMax = 60_000;
/** MILLRACE_JOBS=long: every vector, the bank for ten minutes and at least once as well. */
const isLong = process.env.MILLRACE_JOBS === 'long';
const bankSeconds = isLong ? 600 : 20;
const brokerGoneMs = 4_000;

/** @returns results `{ test, result, ms, note }` */
export async function jobsOnKafka() {
  await run(process.execPath, [bin, '--version']); // builds what is run from the build
  const kafka = await startKafka(3);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-jobs-'));
  const results = [];
  const show = async (test, work) => {
    const sinceMs = Date.now();
    const failure = await work().then(
      () => null,
      (error) => error,
    );
    const result = failure === null ? 'passed' : 'failed';
    results.push({ test, result, ms: Date.now() - sinceMs, note: failure?.message ?? '' });
  };
  const at = ['--bootstrap', kafka.bootstrap];
  const suite = (name, ...args) => ownSuite(`dist/test/${name}/main.js`, [...at, ...args]);
  try {
    if (isLong) await show('vectors', () => suite('vectors'));
    else await show('vectors, each eighth', () => suite('vectors', '--every', '8'));
    await show('random programs', () => suite('random', '--seconds', '12'));
    await show('random programs that are killed', () => suite('random', '--kill', '--seconds', '15'));
    for (const guarantee of isLong ? ['exactlyOnce', 'atLeastOnce'] : ['exactlyOnce']) {
      const args = ['--replication', '3', '--seconds', String(bankSeconds), '--guarantee', guarantee];
      await show(`bank, brokers killed, ${guarantee}`, () => withBrokersKilled(kafka, () => suite('bank', ...args)));
    }
    const context = { kafka, folder, job: await writeJob(folder) };
    await show("Kafka's tools describe and reset a job", () => groupTools(context));
    await show("Java reads a job's topics", () => readByJava(context));
    await show('a Java producer and ours co-partition', () => coPartitioned(context));
  } finally {
    await kafka.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return results;
}

/** One of the project's suites; its last line is printed, and what it says where it fails is the reason. */
async function ownSuite(file, args) {
  const { stdout } = await run(process.execPath, [inProject(file), ...args], { timeoutMs: 1_200_000 }).catch(
    (error) => {
      throw new Error(`${error.message}\n${String(error.stdout ?? '').slice(-3_000)}`);
    },
  );
  process.stdout.write(`  ${stdout.toString().trim().split('\n').at(-1).trim()}\n`);
}

/** One broker after the other is gone for a while, until the work is done. */
async function withBrokersKilled(kafka, work) {
  let isOver = false;
  const killing = (async () => {
    for (let i = 0; !isOver; i++) {
      await sleep(6_000);
      const id = kafka.ids[i % kafka.ids.length];
      await kafka.kill(id);
      await sleep(brokerGoneMs);
      await kafka.restart(id);
    }
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await killing;
  }
}

/** Counts words, and writes each with the rank that a Java producer gave it. */
async function writeJob(folder) {
  const path = join(folder, 'tools-job.mjs');
  await writeFile(
    path,
    `import { count, groupBy, job, join, safeInt64, table, topic, toStream, utf8 } from 'millrace';
const each = { partitions: 4, key: utf8 };
const words = topic('words', utf8, each);
const ranks = table('ranks', utf8, each);
export default job('tools', [
  words.pipe(groupBy((word) => word), count({ as: 'n' }), toStream()).to(topic('counted', safeInt64, each)),
  words.pipe(join(ranks, (word, rank) => word + ' ' + rank)).to(topic('ranked', utf8, each)),
]);
`,
  );
  return path;
}

const java = (...args) => run('java', [...javaFlags, '-cp', classPath, ...args.map(String)]);
const millrace = (args, input) => run(process.execPath, [bin, ...args], { input, cwd: inProject('.') });

/** The job until it is told to stop; resolves once it runs. */
async function startJob({ kafka, folder, job }) {
  const args = [bin, 'run', job, '--bootstrap', kafka.bootstrap, '--data', join(folder, 'state'), '--until', 'stopped'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: inProject('.') });
  let said = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    said += `${line}\n`;
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  return {
    said: () => said,
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      if (code !== 0) throw new Error(`the job ended with ${code}:\n${said}`);
    },
  };
}

async function until(what, holds) {
  for (const endMs = Date.now() + waitMsMax; ; await sleep(300)) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > endMs) throw new Error(`not within ${waitMsMax} ms: ${what}`);
  }
}

const equal = (found, wanted, what) => {
  const [f, w] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (f !== w) throw new Error(`${what}: ${f}, wanted ${w}`);
};

const groupCommand = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';

/** Rows of a table that Kafka's command prints: objects by its headings. */
function rowsOf(text) {
  const lines = text
    .toString()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const head = lines.findIndex((cells) => cells.includes('TOPIC') && cells.includes('PARTITION'));
  if (head < 0) return [];
  return lines
    .slice(head + 1)
    .filter((cells) => cells.length > 1)
    .map((cells) => Object.fromEntries(lines[head].map((name, i) => [name, cells[i]])));
}

async function groupTools(context) {
  const { kafka } = context;
  const at = ['--bootstrap-server', kafka.bootstrap];
  const describe = async () => rowsOf((await java(groupCommand, ...at, '--describe', '--group', 'tools')).stdout);
  const named = ['topic', 'create', '--bootstrap', kafka.bootstrap, '--partitions', '4', '--replication-factor', '3'];
  for (const topic of ['words', 'ranks']) await millrace([...named, topic]);
  const lines = Array.from({ length: 60 }, (_, i) => `w${i % 6}:w${i % 6}`).join('\n');
  await millrace(['produce', 'words', '--bootstrap', kafka.bootstrap, '--key-separator', ':'], lines);
  const running = await startJob(context);
  const whole = await until('the tool shows the job at the end of its input', async () => {
    const rows = (await describe()).filter(({ TOPIC }) => TOPIC === 'words');
    const read = rows.reduce((sum, row) => sum + (Number(row['CURRENT-OFFSET']) || 0), 0);
    return read === 60 ? rows : null;
  });
  equal(whole.map((row) => row.PARTITION).sort(), ['0', '1', '2', '3'], 'partitions');
  equal([...new Set(whole.map((row) => row.LAG))], ['0'], 'lag');
  if (whole.some((row) => !/[0-9a-f-]{36}/.test(row['CONSUMER-ID']))) throw new Error('a partition is nobody’s');
  await running.stop();
  const reset = ['--reset-offsets', '--group', 'tools', '--topic', 'words', '--to-earliest', '--execute'];
  await java(groupCommand, ...at, ...reset);
  const again = (await describe()).filter(({ TOPIC }) => TOPIC === 'words');
  equal([...new Set(again.map((row) => row['CURRENT-OFFSET']))], ['0'], 'offsets that were reset');
  const once = ['run', context.job, '--bootstrap', kafka.bootstrap, '--data', join(context.folder, 'state')];
  await millrace([...once, '--until', 'end']);
  const counted = await millrace(['consume', 'counted', '--until', 'end', '--json', '--bootstrap', kafka.bootstrap]);
  const last = new Map();
  for (const line of counted.stdout.toString().trim().split('\n')) {
    const { key, value } = JSON.parse(line);
    last.set(key, value);
  }
  equal(last.size, 6, 'words that are counted');
}

async function readByJava({ kafka }) {
  const consume = async (topic, deserializer) => {
    const { stdout } = await java(
      'org.apache.kafka.tools.consumer.ConsoleConsumer',
      ...['--bootstrap-server', kafka.bootstrap, '--topic', topic, '--from-beginning', '--timeout-ms', '6000'],
      ...['--formatter-property', 'print.key=true', '--formatter-property', 'key.separator=:'],
      ...['--formatter-property', `value.deserializer=org.apache.kafka.common.serialization.${deserializer}`],
    );
    return stdout.toString().trim().split('\n').filter(Boolean);
  };
  const counted = await consume('counted', 'LongDeserializer');
  const last = Object.fromEntries(counted.map((line) => line.split(':')));
  // Read a second time after the reset: what was counted before is counted again.
  const wanted = Array.from({ length: 6 }, (_, i) => [`w${i}`, '20']);
  equal(Object.entries(last).sort(), wanted, 'counts as Java reads them');
  const own = (await topicsOf(kafka)).filter((name) => name.startsWith('tools-'));
  if (!own.some((name) => name.endsWith('-changelog')) || !own.some((name) => name.endsWith('-repartition')))
    throw new Error(`no changelog or repartition topic among ${own.join(', ')}`);
  for (const topic of own) {
    const lines = await consume(topic, 'StringDeserializer');
    if (lines.length === 0) throw new Error(`Java reads nothing of ${topic}`);
  }
}

async function topicsOf(kafka) {
  const { stdout } = await java('org.apache.kafka.tools.TopicCommand', '--bootstrap-server', kafka.bootstrap, '--list');
  return stdout.toString().trim().split('\n');
}

/** Ranks are written by Java, words by us, under the same keys: a join finds each only if they are in the same partitions. */
async function coPartitioned(context) {
  const { kafka, folder, job } = context;
  const keys = Array.from({ length: 400 }, (_, i) => `key ${i} ${'ß€x'[i % 3]}`);
  await run(
    'java',
    [
      ...javaFlags,
      ...['-cp', classPath, 'org.apache.kafka.tools.ConsoleProducer', '--bootstrap-server', kafka.bootstrap],
      ...['--topic', 'ranks', '--reader-property', 'parse.key=true', '--reader-property', 'key.separator=:'],
    ],
    { input: keys.map((key, i) => `${key}:${i}`).join('\n'), env: { ...process.env, LC_ALL: 'C.UTF-8' } },
  );
  const once = ['run', job, '--bootstrap', kafka.bootstrap, '--data', join(folder, 'state'), '--until', 'end'];
  await millrace(once);
  const lines = keys.map((key) => `${key}:${key}`).join('\n');
  await millrace(['produce', 'words', '--bootstrap', kafka.bootstrap, '--key-separator', ':'], lines);
  await millrace(once);
  const { stdout } = await millrace(['consume', 'ranked', '--until', 'end', '--bootstrap', kafka.bootstrap]);
  const found = stdout.toString().trim().split('\n').sort();
  equal(found, keys.map((key, i) => `${key} ${i}`).sort(), 'words with the ranks that Java gave them');
}
