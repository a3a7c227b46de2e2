import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Slow, and of a machine that does little else: `.ci/run` runs it, `npm test` doesn't.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { include: ['test/bench/*.test.ts'], pool: 'forks', maxWorkers: 1, fileParallelism: false },
});
