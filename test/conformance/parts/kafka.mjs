// Apache Kafka itself in KRaft mode on loopback, one node or a cluster of three: what a scenario is tried against before it
// may judge us, and what jobs run on.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { classPath, installJava, logging } from './java.mjs';
import { run } from './peers.mjs';
import { freePorts } from './ports.mjs';

/** What is set for the suites' sake, for our node too: quick groups, frequent cleaning. The rest is Kafka's default. */
export const nodeSettings = {
  'num.partitions': 4,
  'auto.create.topics.enable': true,
  'group.initial.rebalance.delay.ms': 0,
  'offsets.topic.num.partitions': 4,
  'transaction.state.log.num.partitions': 4,
  'group.consumer.heartbeat.interval.ms': 500,
};

const java = (heap, ...args) => [`-Xmx${heap}`, `-Xms${heap}`, logging, '-cp', classPath, ...args];

function settingsOf(id, ports, folder, more) {
  const count = ports.length;
  const { broker, controller } = ports[id - 1];
  const protocols = { CONTROLLER: 'PLAINTEXT', PLAINTEXT: 'PLAINTEXT', ...more.protocols };
  const at = { PLAINTEXT: broker, ...more.ports };
  const listeners = Object.entries(at).map(([name, port]) => `${name}://127.0.0.1:${port}`);
  return {
    ...nodeSettings,
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': ports.map((port, i) => `${i + 1}@127.0.0.1:${port.controller}`).join(','),
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${controller}`].join(','),
    'advertised.listeners': listeners.join(','),
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': Object.entries(protocols)
      .map(([name, protocol]) => `${name}:${protocol}`)
      .join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(folder, `data-${id}`),
    'default.replication.factor': count,
    'min.insync.replicas': Math.max(1, count - 1),
    'offsets.topic.replication.factor': count,
    'transaction.state.log.replication.factor': count,
    'transaction.state.log.min.isr': Math.max(1, count - 1),
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'log.cleaner.backoff.ms': 500,
    'group.consumer.min.heartbeat.interval.ms': 500,
    ...more.settings,
  };
}

async function startBroker(config, log, heap) {
  const child = spawn('java', java(heap, '-XX:+UseG1GC', 'kafka.Kafka', config), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, KAFKA_LOG_LEVEL: 'INFO' },
  });
  const out = createWriteStream(log, { flags: 'a' });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  await new Promise((resolve, reject) => {
    let text = '';
    const read = (chunk) => {
      out.write(chunk);
      if (text === null) return;
      text += chunk;
      if (!text.includes('Kafka Server started')) return;
      text = null;
      resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    ended.then((status) => reject(new Error(`Kafka exited with ${status}\n${text?.slice(-2000)}`)));
  });
  return { child, ended };
}

/**
 * @param count of nodes, each broker and controller
 * @param more for one node: further listeners by name, `ports` and `protocols`; `settings`; `format`, arguments of the
 *   tool that makes its storage
 */
export async function startKafka(count = 1, more = {}) {
  await installJava();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'));
  const free = await freePorts(2 * count);
  const ports = Array.from({ length: count }, (_, i) => ({ broker: free[2 * i], controller: free[2 * i + 1] }));
  const heap = count === 1 ? '1g' : '384m';
  const logOf = (id) => join(folder, `node-${id}.log`);
  const configOf = (id) => join(folder, `server-${id}.properties`);
  for (let id = 1; id <= count; id++) {
    const lines = Object.entries(settingsOf(id, ports, folder, more)).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(configOf(id), lines.join(''));
    const format = [
      'kafka.tools.StorageTool',
      'format',
      '-t',
      'millraceConformanceAAA',
      '-c',
      configOf(id),
      ...(more.format ?? []),
    ];
    await run('java', java('256m', '-XX:TieredStopAtLevel=1', ...format));
  }
  const start = (id) => startBroker(configOf(id), logOf(id), heap);
  const nodes = await Promise.all(ports.map((_, i) => start(i + 1)));
  return {
    name: count === 1 ? 'Apache Kafka 4.4.0, one node' : `Apache Kafka 4.4.0, ${count} nodes`,
    bootstrap: ports.map(({ broker }) => `127.0.0.1:${broker}`).join(','),
    log: logOf(1),
    ids: nodes.map((_, i) => i + 1),
    pid: (id = 1) => nodes[id - 1].child.pid,
    /** As a crash. */
    async kill(id) {
      const { child, ended } = nodes[id - 1];
      child.kill('SIGKILL');
      await ended;
    },
    /** In good order, as for an upgrade. */
    async end(id) {
      const { child, ended } = nodes[id - 1];
      child.kill('SIGTERM');
      await ended;
    },
    pause: (id) => nodes[id - 1].child.kill('SIGSTOP'),
    resume: (id) => nodes[id - 1].child.kill('SIGCONT'),
    async restart(id) {
      nodes[id - 1] = await start(id);
    },
    async stop() {
      for (const { child } of nodes) child.kill('SIGTERM');
      const timer = setTimeout(() => {
        for (const { child } of nodes) child.kill('SIGKILL');
      }, 15_000);
      await Promise.all(nodes.map(({ ended }) => ended));
      clearTimeout(timer);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
