// Apache Kafka itself, one node in KRaft mode on loopback: what a scenario is tried against before it may judge us.
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

export async function startKafka() {
  await installJava();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'));
  const [port, controllerPort] = await freePorts(2);
  const settings = {
    ...nodeSettings,
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'log.cleaner.backoff.ms': 500,
    'group.consumer.min.heartbeat.interval.ms': 500,
  };
  const config = join(folder, 'server.properties');
  await writeFile(
    config,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const java = (heap, ...args) => [`-Xmx${heap}`, `-Xms${heap}`, logging, '-cp', classPath, ...args];
  const format = ['kafka.tools.StorageTool', 'format', '-t', 'millraceConformanceAAA', '-c', config];
  await run('java', java('256m', '-XX:TieredStopAtLevel=1', ...format));
  const child = spawn('java', java('1g', '-XX:+UseG1GC', 'kafka.Kafka', config), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, KAFKA_LOG_LEVEL: 'INFO' },
  });
  const log = createWriteStream(join(folder, 'node.log'));
  const ended = new Promise((resolve) => child.on('exit', resolve));
  await new Promise((resolve, reject) => {
    let text = '';
    const read = (chunk) => {
      log.write(chunk);
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
  return {
    name: 'Apache Kafka 4.4.0, one node',
    bootstrap: `127.0.0.1:${port}`,
    log: join(folder, 'node.log'),
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(timer);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
