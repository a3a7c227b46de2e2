import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Tests run from the sources: the condition makes `import 'millrace'` mean ./dsl/index.ts and not the build.
export default defineConfig({
  resolve: { conditions: ['millrace-source'] },
  ssr: { resolve: { conditions: ['millrace-source'] } },
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/conformance/**', 'test/crash/**', 'test/bench/**'],
    testTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
