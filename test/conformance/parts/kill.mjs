// kill -9 of the node under load from librdkafka (acks=all, idempotence), twenty times. The program in Python writes,
// reads and judges; here the node dies and comes back. What the system holds in its page cache outlives this: it shows
// what a process may lose, not a machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { folderOf, installPython } from '../clients.mjs';
import { startMillrace } from './millrace.mjs';

const kills = 20;
const timeoutMs = 240_000;

/** How long after the load is on, so that it hits another moment each time; the same in every run. */
const delayMs = (kill) => (kill * 137) % 400;

/** @returns a result `{ test, result, ms, note }` for each thing that must hold */
export async function killUnderLoad() {
  const python = await installPython();
  const node = await startMillrace();
  const sinceMs = Date.now();
  const program = join(folderOf('python'), 'kill_writer.py');
  const child = spawn(python, [program, node.bootstrap, `k${sinceMs.toString(36).slice(-6)}`], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-4_000);
  });
  child.stdin.on('error', () => {});
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const told = async (wanted) => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the program ended before it was ${wanted}\n${errors.trim()}`);
    const said = JSON.parse(value);
    if (said.event !== wanted) throw new Error(`the program was ${said.event}, not ${wanted}`);
    return said;
  };
  try {
    for (let kill = 0; kill < kills; kill++) {
      await told('loaded');
      await sleep(delayMs(kill));
      await node.kill();
      child.stdin.write('killed\n');
      await node.restart();
      child.stdin.write('restarted\n');
    }
    await told('loaded');
    child.stdin.write('end\n');
    const { wrong, ...counts } = await told('checked');
    const ms = Date.now() - sinceMs;
    process.stdout.write(
      `  ${kills} kills, ${counts.records} records, ${counts.acknowledged} acknowledged, ${counts.resumed} partitions resumed\n`,
    );
    return Object.entries(wrong).map(([test, found]) => ({
      test,
      result: found.length === 0 ? 'passed' : 'failed',
      ms,
      note: found.slice(0, 8).join('\n'),
    }));
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
    await ended;
    await node.stop();
  }
}
