// A program that is spoken with: it prints where it is as lines of JSON, and waits for a line where it is told to.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Starts it. `told(event)` resolves with its next line, which must be that event; `stop()` resolves when it has ended. */
export function startTold(command, args, { env = {}, timeoutMs }) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-4_000);
  });
  child.stdin.on('error', () => {});
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async told(wanted) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the program ended before it was ${wanted}\n${errors.trim()}`);
      const said = JSON.parse(value);
      if (said.event !== wanted) throw new Error(`the program was ${said.event}, not ${wanted}`);
      return said;
    },
    say: (line) => child.stdin.write(`${line}\n`),
    async stop() {
      clearTimeout(timer);
      child.kill('SIGKILL');
      await ended;
    },
  };
}
