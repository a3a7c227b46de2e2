// Kafka Streams itself on the node: a word count with exactly_once_v2 counts right through a `kill -9` of the node.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installJava, javaFlags } from './java.mjs';
import { startMillrace } from './millrace.mjs';
import { startTold } from './told.mjs';

const kills = 2;
const linesAKill = 10_000;
const timeoutMs = 240_000;

/** @returns a result `{ test, result, ms, note }` */
export async function streamsWordCount() {
  const classPath = await installJava();
  const node = await startMillrace();
  const state = await mkdtemp(join(tmpdir(), 'millrace-streams-'));
  const sinceMs = Date.now();
  const args = ['StreamsWordCount', node.bootstrap, `s${sinceMs.toString(36).slice(-6)}`, state, kills, linesAKill];
  const env = { START_MS: '0' };
  const program = startTold('java', [...javaFlags, '-cp', classPath, ...args.map(String)], { timeoutMs, env });
  try {
    for (let kill = 0; kill < kills; kill++) {
      await program.told('counting');
      await node.kill();
      await node.restart();
      program.say('restarted');
    }
    const { wrong, lines, counts } = await program.told('checked');
    process.stdout.write(`  ${kills} kills, ${lines} lines, ${counts} counts\n`);
    const result = wrong.length === 0 ? 'passed' : 'failed';
    return [{ test: 'wordCount', result, ms: Date.now() - sinceMs, note: wrong.slice(0, 8).join('\n') }];
  } finally {
    await program.stop();
    await node.stop();
    await rm(state, { recursive: true, force: true });
  }
}
