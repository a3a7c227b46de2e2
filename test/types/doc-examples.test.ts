import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { typecheck } from './typecheck.ts';

const folder = new URL('../../dsl/', import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

function examplesOf(file: string): readonly (readonly [name: string, text: string])[] {
  const comments = readFileSync(new URL(file, folder), 'utf8').match(/\/\*\*[\s\S]*?\*\//g) ?? [];
  return comments.flatMap((comment) => {
    const lines = comment
      .replace(/\s*\*\/$/, '')
      .split('\n')
      .map((line) => line.replace(/^\s*\* ?/, ''));
    const start = lines.findIndex((line) => line.startsWith('@example'));
    if (start === -1) return [];
    const end = lines.findIndex((line, i) => i > start && line.startsWith('@'));
    const text = lines
      .slice(start, end === -1 ? undefined : end)
      .join('\n')
      .replace('@example', '');
    return [[`${file}: ${text.trim().slice(0, 60)}`, text] as const];
  });
}

test('every example in the documentation of the DSL compiles', async () => {
  const examples = files.flatMap(examplesOf);
  expect(examples.length).toBeGreaterThan(30);
  const said = await typecheck(Object.fromEntries(examples));
  expect(Object.entries(said).filter(([, errors]) => errors !== '')).toEqual([]);
});
