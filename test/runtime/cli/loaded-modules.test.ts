// Loading is most of a start: what some commands may need is imported when they do. Followed from the sources, as `tsc`
// leaves the imports: all but those of types, and not those in functions.
import { readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { expect, test } from 'vitest';

const imported = /^(?:import|export)\s+(?!type\b)(?:[^'"`;]*?\bfrom\s*)?'(\.[^']+)'/gm;

function loadedBy(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, path] of readFileSync(file, 'utf8').matchAll(imported))
    loadedBy(normalize(`${dirname(file)}/${path}`), seen);
  return seen;
}

const foldersLoadedBy = (file: string) => [...new Set([...loadedBy(file)].map((path) => dirname(path)))];

test.each(['cluster', 'consume', 'describe', 'dev', 'group', 'produce', 'reset', 'run', 'top', 'topic'])(
  'the command %s loads no node where it uses a cluster',
  (name) => {
    expect(foldersLoadedBy(`runtime/cli/commands/${name}.ts`)).not.toContain('core/server');
  },
);

test('a thread of a job loads no node', () => {
  const folders = foldersLoadedBy('runtime/cli/worker-thread.ts');
  expect(folders).toContain('runtime/worker');
  expect(folders).not.toContain('core/server');
});

test('a node loads no client where it is alone', () => {
  const loaded = [...loadedBy('runtime/cli/commands/node.ts')];
  expect(loaded).toContain('core/server/node.ts');
  expect(loaded.filter((file) => file.startsWith('core/client/'))).toEqual(['core/client/address.ts']);
});
