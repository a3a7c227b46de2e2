import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Slow: real processes, killed at random moments. One file at a time, so that what is timed has the machine to itself.
export default defineConfig({
  resolve: { conditions: ['millrace-source'] },
  ssr: { resolve: { conditions: ['millrace-source'] } },
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/crash/**/*.test.ts'],
    testTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
  },
});
