// `millrace dev`: a cluster of several nodes on this machine in one terminal, each a process of its own, so that one can be
// killed to see what happens. The nodes are those of `millrace node` and end with this process, however it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { parseBootstrap } from '../../../core/client/index.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { createLatch } from '../../../core/kernel/latch.ts';
import { collectSettings, parsePositiveInteger } from '../options.ts';
import { colours, exitCode, say } from '../output.ts';

interface Flags {
  readonly nodes: number;
  readonly listen: string;
  readonly data: string;
  readonly set?: Readonly<Record<string, string>>;
}

interface DevNode {
  readonly id: number;
  readonly address: string;
  readonly args: readonly string[];
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
}

/** Controllers listen so many ports above. */
const controllerPorts = 100;
const readyLine = /^node \d+ is ready at /;

function startAll({ nodes, listen, data, set = {} }: Flags, onLine: (id: number, line: string) => void): DevNode[] {
  const { host, port } = parseBootstrap(listen)[0]!;
  const ids = Array.from({ length: nodes }, (_, i) => i + 1);
  const controllers = ids.map((id) => `${id}@${host}:${port + controllerPorts + id - 1}`).join(',');
  const settings = Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  return ids.map((id) => {
    const address = `${host}:${port + id - 1}`;
    const place = ['--id', String(id), '--listen', address, '--controllers', controllers];
    const args = ['node', ...place, '--data', join(data, String(id)), ...settings];
    // A group of its own: Ctrl-C is for this process, which then tells them. The channel tells them when it is gone.
    const child = spawn(process.execPath, [process.argv[1]!, ...args], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    createInterface({ input: child.stderr! }).on('line', (line) => onLine(id, line));
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    return { id, address, args, child, ended };
  });
}

async function dev(flags: Flags): Promise<void> {
  const ready = createLatch();
  const waiting = new Set(Array.from({ length: flags.nodes }, (_, i) => i + 1));
  const stopped = createLatch();
  let stopping = false;
  const nodes = startAll(flags, (id, line) => {
    if (readyLine.test(line)) {
      waiting.delete(id);
      if (waiting.size === 0) ready.resolve();
      if (stopping || waiting.size > 0) return;
    } else say(`${colours.dim(`node ${id}`)} ${line}`);
  });
  const onSignal = () => {
    if (stopping) {
      for (const { child } of nodes) child.kill('SIGKILL');
      process.exit(exitCode.forced);
    }
    stopping = true;
    stopped.resolve();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const cannotStart = createLatch<never>();
  cannotStart.promise.catch(() => {});
  for (const { id, ended, args } of nodes) {
    void ended.then((how) => {
      if (waiting.has(id) && !stopping) cannotStart.reject(new Fault('NODE_ENDED', { node: id, how }));
      else if (!stopping) say(`node ${id} has ended (${how}); to start it again:\n  millrace ${args.join(' ')}`);
    });
  }
  try {
    await Promise.race([ready.promise, stopped.promise, cannotStart.promise]);
    if (!stopping) {
      const processes = nodes.map(({ id, child }) => `${id}: ${child.pid}`).join(', ');
      say(`${nodes.length} nodes are ready at ${nodes.map(({ address }) => address).join(',')}, data in ${flags.data}`);
      say(
        `process ids ${processes}; kill one, and see with 'millrace cluster status --bootstrap ${nodes[0]!.address}'`,
      );
    }
    await stopped.promise;
  } finally {
    stopping = true;
    for (const { child } of nodes) child.kill('SIGTERM');
    await Promise.all(nodes.map(({ ended }) => ended));
  }
  say('stopped');
}

export function addDev(program: Command): void {
  program
    .command('dev')
    .description('run a cluster of storage nodes on this machine, to try what happens when one dies')
    .option('--nodes <n>', 'how many; three outlive the loss of one', parsePositiveInteger, 3)
    .option('--listen <address>', "host:port of the first; the others' ports follow", '127.0.0.1:9092')
    .option('--data <folder>', 'where they keep everything, a folder each', '.millrace-cluster')
    .option('--set <name=value>', "one setting by Kafka's name for all nodes, repeatable", collectSettings)
    .addHelpText('after', '\nExample:\n  $ millrace dev --nodes 3')
    .action(dev);
}
