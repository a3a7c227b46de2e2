// kill -9 of the node under load from librdkafka (acks=all, idempotence), twenty times. The program in Python writes,
// reads and judges; here the node dies and comes back. What the system holds in its page cache outlives this: it shows
// what a process may lose, not a machine.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { folderOf, installPython } from '../clients.mjs';
import { startMillrace } from './millrace.mjs';
import { startTold } from './told.mjs';

const kills = 20;
const timeoutMs = 240_000;

/** How long after the load is on, so that it hits another moment each time; the same in every run. */
const delayMs = (kill) => (kill * 137) % 400;

/** @returns a result `{ test, result, ms, note }` for each thing that must hold */
export async function killUnderLoad() {
  const python = await installPython();
  const node = await startMillrace();
  const sinceMs = Date.now();
  const args = [join(folderOf('python'), 'kill_writer.py'), node.bootstrap, `k${sinceMs.toString(36).slice(-6)}`];
  const program = startTold(python, args, { timeoutMs, env: { PYTHONDONTWRITEBYTECODE: '1' } });
  try {
    for (let kill = 0; kill < kills; kill++) {
      await program.told('loaded');
      await sleep(delayMs(kill));
      await node.kill();
      program.say('killed');
      await node.restart();
      program.say('restarted');
    }
    await program.told('loaded');
    program.say('end');
    const { wrong, ...counts } = await program.told('checked');
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
    await program.stop();
    await node.stop();
  }
}
