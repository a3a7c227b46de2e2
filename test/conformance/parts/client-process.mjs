// Runs a client's program over its scenarios, one process as far as it gets. The program prints a line of JSON as each
// begins and ends; where one takes too long or the process dies, that one has failed and a new process goes on behind it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { startMs } from './cross.mjs';

/**
 * @param client `{ name, command, args, env? }`
 * @param onResult called with `{ scenario, result: 'passed' | 'failed' | 'absent', ms, note }` as each is known
 */
export async function runScenarios(client, scenarios, { bootstrap, runId, dataFolder, records, timeoutMs, onResult }) {
  let left = [...scenarios];
  while (left.length > 0) {
    const { last, began } = await runProcess(left);
    left = left.slice(left.indexOf(last) + 1);
    if (began) continue;
    for (const scenario of left) onResult({ scenario, result: 'failed', ms: 0, note: 'the program does not start' });
    return;
  }

  // Resolves with the last scenario that has a result, and whether any did begin.
  function runProcess(asked) {
    return new Promise((resolve) => {
      const args = [...client.args, bootstrap, runId, dataFolder, String(records), asked.join(',')];
      const child = spawn(client.command, args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, START_MS: String(startMs), ...client.env },
      });
      let current = { scenario: asked[0], since: Date.now() };
      let last = null;
      let began = false;
      let errors = '';
      let tooLong = false;
      let timer = setTimeout(stop, timeoutMs);

      function stop() {
        tooLong = true;
        child.kill('SIGKILL');
      }
      function end(scenario, result, ms, note) {
        last = scenario;
        current = { scenario: asked[asked.indexOf(scenario) + 1], since: Date.now() };
        clearTimeout(timer);
        timer = setTimeout(stop, timeoutMs);
        onResult({ scenario, result, ms, note });
      }
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (!line.startsWith('{"scenario"')) {
          errors = (errors + line + '\n').slice(-8_000);
          return;
        }
        const { scenario, event, ms, note } = JSON.parse(line);
        began = true;
        if (event === 'begin') errors = '';
        else
          end(scenario, event, ms, event === 'failed' ? [note, lastLines(errors, 6)].filter(Boolean).join('\n') : note);
      });
      child.stderr.on('data', (chunk) => {
        errors = (errors + chunk).slice(-8_000);
      });
      child.on('error', (error) => {
        errors += error.message;
      });
      child.on('close', (status, signal) => {
        clearTimeout(timer);
        const { scenario, since } = current;
        // A program may be slow to leave, but not with work undone.
        if (scenario !== undefined) {
          const why = tooLong ? `no end after ${timeoutMs / 1000} s` : `the process ended with ${status ?? signal}`;
          onResult({ scenario, result: 'failed', ms: Date.now() - since, note: `${why}\n${lastLines(errors, 12)}` });
          last = scenario;
        }
        resolve({ last, began });
      });
    });
  }
}

const lastLines = (text, count) => text.trim().split('\n').slice(-count).join('\n');
