// Our commands, jobs and client on an Apache Kafka that lets in only whom it knows: each SASL mechanism over TLS, and
// certificates on both sides; and what is said to those it doesn't let in.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { run } from './peers.mjs';
import { jaasOf, mechanisms, sessionMs, startSecureKafka, user } from './secure-kafka.mjs';

const bin = fileURLToPath(new URL('../../../runtime/cli/bin.mjs', import.meta.url));
const words = ['a', 'b', 'a', 'c', 'a', 'b'];
const counted = 'a=3 b=2 c=1';
/** Sessions that a client outlives while it works. */
const sessions = 4;

/** @returns results `{ test, result, ms, note }` */
export async function secureCluster() {
  await run(process.execPath, [bin, '--version']); // builds what is read from the build
  const folder = await mkdtemp(join(tmpdir(), 'millrace-security-'));
  const kafka = await startSecureKafka(folder);
  const results = [];
  const show = async (test, work) => {
    const sinceMs = Date.now();
    const failure = await work().then(
      () => null,
      (error) => error,
    );
    results.push({
      test,
      result: failure === null ? 'passed' : 'failed',
      ms: Date.now() - sinceMs,
      note: failure?.message ?? '',
    });
  };
  try {
    const context = { kafka, folder };
    for (const mechanism of mechanisms) await show(`job ${mechanism}`, () => runsJob(context, mechanism));
    await show('job certificate', () => runsJob(context, null));
    for (const mechanism of mechanisms.slice(0, 3)) {
      await show(`refused ${mechanism}`, () => isRefused(context, `refused-${mechanism}`, wrongPassword(mechanism)));
    }
    await show('refused certificate', () => isRefused(context, 'stranger', stranger));
    await show('refused authority', () => isRefused(context, 'believer', believer));
    for (const mechanism of ['SCRAM-SHA-512', 'OAUTHBEARER']) {
      await show(`renewed ${mechanism}`, () => outlivesSessions(context, mechanism));
    }
  } finally {
    await kafka.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return results;
}

const saslLines = (kafka, mechanism, jaas) => [
  'security.protocol=SASL_SSL',
  `ssl.truststore.location=${kafka.authority.cert}`,
  `sasl.mechanism=${mechanism}`,
  `sasl.jaas.config=${jaas}`,
];

/** @param mechanism null: a certificate */
async function configOf({ kafka, folder }, mechanism) {
  if (mechanism !== null) return saslLines(kafka, mechanism, jaasOf(mechanism));
  const issued = await kafka.authority.issue('client', ['DNS:client']);
  const store = join(folder, 'client-store.pem');
  await writeFile(store, (await readFile(issued.key, 'utf8')) + (await readFile(issued.cert, 'utf8')));
  return [
    'security.protocol=SSL',
    `ssl.truststore.location=${kafka.authority.cert}`,
    'ssl.keystore.type=PEM',
    `ssl.keystore.location=${store}`,
  ];
}

async function writeConfig({ folder }, name, lines) {
  const path = join(folder, `${name}.properties`);
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

const command = (args, input) => run(process.execPath, [bin, ...args], { input, timeoutMs: 60_000 });

/** Words are written, counted by a job in two threads, and what it counted is read: all by the command line. */
async function runsJob(context, mechanism) {
  const { kafka, folder } = context;
  const name = (mechanism ?? 'certificate').toLowerCase();
  const config = await writeConfig(context, name, await configOf(context, mechanism));
  const bootstrap = mechanism === null ? kafka.mutual : kafka.secure;
  const where = ['--bootstrap', bootstrap, '--client-config', config];
  const job = join(folder, `${name}.mjs`);
  await writeFile(
    job,
    `import { count, groupBy, job, safeInt64, toStream, topic, utf8 } from 'millrace';
const words = topic('words-${name}', utf8, { partitions: 2 });
const counts = topic('counts-${name}', safeInt64, { partitions: 2 });
export default job('count-${name}', [words.pipe(groupBy((word) => word), count({ as: 'counted' }), toStream()).to(counts)]);
`,
  );
  await command(['topic', 'create', `words-${name}`, '--partitions', '2', ...where]);
  await command(['produce', `words-${name}`, ...where], words.map((word) => `${word}\n`).join(''));
  const data = join(folder, `data-${name}`);
  await command(['run', job, '--until', 'end', '--threads', '2', '--data', data, ...where]);
  const reading = ['consume', `counts-${name}`, '--until', 'end', '--value-as', 'int64', '--format', '%k=%v'];
  const { stdout } = await command([...reading, ...where]);
  const last = new Map(
    stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => line.split('=')),
  );
  const found = [...last]
    .sort()
    .map((entry) => entry.join('='))
    .join(' ');
  if (found !== counted) throw new Error(`counted '${found}', not '${counted}'`);
}

const wrongPassword = (mechanism) => (kafka) => ({
  bootstrap: kafka.secure,
  lines: saslLines(kafka, mechanism, jaasOf(mechanism, 'mistaken')),
  wanted: `${kafka.secure} was not logged in to by ${mechanism}`,
});
const stranger = (kafka) => ({
  bootstrap: kafka.mutual,
  lines: ['security.protocol=SSL', `ssl.truststore.location=${kafka.authority.cert}`],
  wanted: `no secure connection to ${kafka.mutual}`,
});
const believer = (kafka) => ({
  bootstrap: kafka.secure,
  lines: saslLines(kafka, 'PLAIN', jaasOf('PLAIN')).filter((line) => !line.startsWith('ssl.truststore')),
  wanted: `no secure connection to ${kafka.secure}`,
});

async function isRefused(context, name, attempt) {
  const { bootstrap, lines, wanted } = attempt(context.kafka);
  const config = await writeConfig(context, name, lines);
  const { stderr } = await command(['topic', 'list', '--bootstrap', bootstrap, '--client-config', config]).then(
    () => {
      throw new Error('it was let in');
    },
    (error) => error,
  );
  if (!stderr?.includes(wanted)) throw new Error(`it was not told '${wanted}' but: ${stderr}`);
  for (const secret of ['mistaken', user.password]) {
    if (stderr.includes(secret)) throw new Error(`it was told a password: ${stderr}`);
  }
}

/** Writes through the ends of several sessions on connections that stay open, and misses and doubles nothing. */
async function outlivesSessions({ kafka }, mechanism) {
  const { createClient, tcpNetwork } = await import('millrace/client');
  let tokens = 0;
  const token = () => {
    tokens++;
    const part = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');
    const now = Date.now() / 1000;
    const claims = { sub: user.name, iat: now, exp: now + 60 };
    return { value: `${part({ alg: 'none' })}.${part(claims)}.`, lifetimeMs: sessionMs };
  };
  const sasl =
    mechanism === 'OAUTHBEARER' ? { mechanism, token } : { mechanism, username: user.name, password: user.password };
  const tls = { ca: await readFile(kafka.authority.cert) };
  const client = createClient({ network: tcpNetwork({ bootstrap: kafka.secure, tls, sasl }) });
  const topic = `sessions-${mechanism.toLowerCase()}`;
  const sent = [];
  try {
    await client.admin().createTopics([{ name: topic, partitions: 1 }]);
    const producer = client.producer();
    await producer.send({ topic, key: null, value: Buffer.from('first') });
    const connections = countConnections();
    const endMs = Date.now() + sessions * sessionMs;
    for (let i = 0; Date.now() < endMs; i++) {
      sent.push(producer.send({ topic, key: null, value: Buffer.from(String(i)) }));
      if (i % 50 === 0) await sleep(10);
    }
    await Promise.all(sent);
    await producer.close();
    const opened = connections.stop();
    if (opened > 0) throw new Error(`${opened} connections were opened anew`);
  } finally {
    await client.close();
  }
  const offsets = (await Promise.all(sent)).map(({ offset }) => offset);
  const wrong = offsets.findIndex((offset, i) => offset !== i + 1);
  if (wrong >= 0) throw new Error(`record ${wrong} has offset ${offsets[wrong]}`);
  if (mechanism === 'OAUTHBEARER' && tokens < sessions)
    throw new Error(`only ${tokens} tokens in ${sessions} sessions`);
  process.stdout.write(`  ${mechanism}: ${offsets.length} records through ${sessions} sessions\n`);
}

/** Those opened from now on: a node ends a connection whose session is over, and a client that opens another hides it. */
function countConnections() {
  const { connect } = Socket.prototype;
  let opened = 0;
  Socket.prototype.connect = function (...args) {
    opened++;
    return connect.apply(this, args);
  };
  return {
    stop() {
      Socket.prototype.connect = connect;
      return opened;
    },
  };
}
