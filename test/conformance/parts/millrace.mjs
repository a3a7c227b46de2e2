// Our own node as its users start it: the command, a data folder, a free port.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
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
  let running = await start(args, port);
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
    /** On the same data and address. */
    async restart() {
      running = await start(args, port);
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

/** One process of the node, when it answers. */
async function start(args, port) {
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
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
  while (!(await answers(port))) {
    if (status !== undefined) throw new Error(`the node exited with ${status}\n${text}`);
    if (Date.now() - sinceMs > startMsMax) throw new Error(`the node does not listen\n${text}`);
    await sleep(50);
  }
  return { child, ended, output: () => text, status: () => status, mistakes };
}

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('close', () => {}).setTimeout(1_000, () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
