// Our own node as its users start it: the command, a data folder, a free port.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nodeSettings } from './kafka.mjs';
import { freePorts } from './ports.mjs';

const command = fileURLToPath(new URL('../../../runtime/cli/bin.mjs', import.meta.url));
const startMsMax = 60_000; // the first start of a clone builds it

/** @param more settings beside those that Apache Kafka is given */
export async function startMillrace(more = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-node-'));
  const [port] = await freePorts(1);
  const settings = { ...nodeSettings, ...more };
  const args = ['node', '--data', folder, '--listen', `127.0.0.1:${port}`];
  for (const [name, value] of Object.entries(settings)) args.push('--set', `${name}=${value}`);
  let running = await start(args);
  return {
    name: 'Millrace, one node',
    bootstrap: `127.0.0.1:${port}`,
    pid: () => running.child.pid,
    /** Lines of its log that it calls errors. */
    mistakes: () => running.mistakes,
    /** As a crash: no signal that it could answer. */
    async kill() {
      running.child.kill('SIGKILL');
      await running.ended;
    },
    /** In good order, as for an upgrade. */
    async end() {
      running.child.kill('SIGTERM');
      await running.ended;
    },
    /** On the same data and address. */
    async restart() {
      running = await start(args);
    },
    async stop() {
      const { child, ended, output, status } = running;
      if (status() !== undefined && status() !== 'SIGKILL')
        process.stdout.write(`the node had exited with ${status()}:\n${output()}\n`);
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(timer);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * A cluster as its users start it: a process a node, each a controller too. Nodes are told by their numbers, from 1.
 *
 * @param network of `openNamespaces`, where nodes are to be cut off from each other; closed with the cluster
 */
export async function startMillraceCluster(count = 3, more = {}, network = null) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-cluster-'));
  const ports = await freePorts(2 * count);
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  const hostOf = (id) => network?.hostOf(id) ?? '127.0.0.1';
  const controllers = ids.map((id) => `${id}@${hostOf(id)}:${ports[count + id - 1]}`).join(',');
  const settings = { ...nodeSettings, 'default.replication.factor': count, 'min.insync.replicas': count - 1, ...more };
  const argsOf = (id) => [
    ...['node', '--id', String(id), '--listen', `${hostOf(id)}:${ports[id - 1]}`],
    ...['--controllers', controllers, '--data', join(folder, String(id))],
    ...Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  ];
  const startOne = (id) => start(argsOf(id), network?.inside(id));
  const nodes = await Promise.all(ids.map(startOne));
  const signal = (id, name) => nodes[id - 1].child.kill(name);
  return {
    name: `Millrace, ${count} nodes`,
    bootstrap: ids.map((id) => `${hostOf(id)}:${ports[id - 1]}`).join(','),
    ids,
    /** Null where the machine doesn't allow it. */
    cut: network?.cut ?? null,
    mend: network?.mend ?? null,
    mistakes: () => nodes.flatMap(({ mistakes }) => mistakes),
    /** The last that each has said. */
    outputs: () => nodes.map(({ output }, i) => `node ${i + 1}:\n${output().slice(-6_000)}`).join('\n'),
    async kill(id) {
      signal(id, 'SIGKILL');
      await nodes[id - 1].ended;
    },
    /** In good order, as for an upgrade. */
    async end(id) {
      signal(id, 'SIGTERM');
      await nodes[id - 1].ended;
    },
    pause: (id) => signal(id, 'SIGSTOP'),
    resume: (id) => signal(id, 'SIGCONT'),
    async restart(id) {
      nodes[id - 1] = await startOne(id);
    },
    async stop() {
      for (const { child } of nodes) child.kill('SIGTERM');
      const timer = setTimeout(() => {
        for (const { child } of nodes) child.kill('SIGKILL');
      }, 15_000);
      await Promise.all(nodes.map(({ ended }) => ended));
      clearTimeout(timer);
      await network?.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** One process of the node, once it is ready. */
async function start(args, behind = []) {
  const [program, ...rest] = [...behind, process.execPath, command, ...args];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const mistakes = [];
  const read = (line) => {
    text = `${text}${line}\n`.slice(-20_000);
    if (/"level":(50|60)/.test(line)) mistakes.push(line);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', read);
  let status;
  const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve((status = code ?? signal))));
  const sinceMs = Date.now();
  while (!/^node \d+ is ready at /m.test(text)) {
    if (status !== undefined) throw new Error(`the node exited with ${status}\n${text}`);
    if (Date.now() - sinceMs > startMsMax) throw new Error(`the node is not ready\n${text}`);
    await sleep(20);
  }
  return { child, ended, output: () => text, status: () => status, mistakes };
}
