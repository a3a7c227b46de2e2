// That the table of cases is true: all 61 stand in it once, and where it names a test, the file has one of that title.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../..', import.meta.url);
const rows = readFileSync(new URL('README.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^\| C\d+ \|/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, id, , file, title]) => ({ id: id!, file: file!, title: title! }));

test('every case stands in the table once', () => {
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 61 }, (_, i) => `C${i + 1}`));
});

test.each(rows.filter(({ file }) => file !== ''))('$id: $file has its test', ({ file, title }) => {
  expect(title).not.toBe('');
  expect(readFileSync(new URL(file, root), 'utf8')).toContain(title);
});
