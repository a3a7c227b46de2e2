// Replays every script of the folder and compares what it prints with what is recorded. UPDATE=1 records anew.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { replay } from './scenario.ts';

const folder = join(import.meta.dirname, 'scenarios');

test.each(readdirSync(folder).filter((name) => name.endsWith('.txt')))('%s', (name) => {
  const file = join(folder, name);
  const recorded = readFileSync(file, 'utf8');
  const now = replay(recorded);
  if (process.env['UPDATE'] === '1') writeFileSync(file, now);
  else expect(now).toBe(recorded);
});
