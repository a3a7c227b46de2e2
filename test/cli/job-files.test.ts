// What a person is told about a job file that can't be run: one sentence on stderr, exit code 1, no stack trace, nothing made.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Folder, millrace, tempFolder } from '../support/millrace.ts';

let folder: Folder;
beforeAll(async () => {
  folder = await tempFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const run = async (name: string, text: string | null) => {
  if (text !== null) await folder.file(name, text);
  const { code, stdout, stderr } = await millrace(['run', name, '--data', folder.data], { cwd: folder.path });
  return { code, stdout, stderr: stderr.replaceAll(folder.path, '') };
};

describe.concurrent('a job file that', () => {
  test.each([
    ['is not there', 'gone.ts', null, "error: can't run gone.ts: there is no such file\n"],
    [
      'does not compile',
      'broken.ts',
      "import { job } from 'millrace';\nexport default job('x', [ ;\n",
      'error: can\'t run broken.ts: /broken.ts:2:26: Unexpected ";"\n',
    ],
    [
      'throws',
      'throws.ts',
      "const password = process.env['NO_SUCH'];\nif (password === undefined) throw new Error('NO_SUCH is not set');\n",
      "error: can't run throws.ts: it failed while it was loaded in line 2: NO_SUCH is not set\n",
    ],
    [
      'exports something else',
      'number.ts',
      'export default 42;\n',
      "error: can't run number.ts: it exports no job; write `export default job('name', [ … ])`\n",
    ],
    [
      'exports nothing',
      'nothing.ts',
      "console.error('hello');\n",
      "hello\nerror: can't run nothing.ts: it exports no job; write `export default job('name', [ … ])`\n",
    ],
    [
      'imports a file that is not there',
      'missing.ts',
      "import { a } from './nowhere.ts';\nexport default a;\n",
      "error: can't run missing.ts: Cannot find module '/nowhere.ts' imported from /missing.ts; correct the import, or install the package\n",
    ],
    [
      'imports a package that is not installed',
      'package.ts',
      "import { a } from 'no-such-package';\nexport default a;\n",
      "error: can't run package.ts: Cannot find package 'no-such-package' imported from /package.ts; correct the import, or install the package\n",
    ],
    [
      'imports what millrace does not have',
      'name.ts',
      "import { jobb } from 'millrace';\nexport default jobb;\n",
      "error: can't run name.ts: The requested module 'millrace' does not provide an export named 'jobb'\n",
    ],
    [
      'has no outputs',
      'empty.ts',
      "import { job } from 'millrace';\nexport default job('empty', []);\n",
      "error: job 'empty' can't run; one thing to correct:\n  NO_OUTPUT: the job has no outputs; give it what ends in .to(topic) or .pipe(sink(connector))\n",
    ],
    [
      'gives a bad setting',
      'setting.ts',
      "import { job, topic, utf8 } from 'millrace';\nexport default job('x', [topic('a', utf8).to(topic('b', utf8))], { commitInterval: '1 mintue' as '1 minute' });\n",
      "error: '1 mintue' is no duration; write for example '5 minutes'\n",
    ],
  ])('%s', async (_, name, text, stderr) => {
    expect(await run(name, text)).toEqual({ code: 1, stdout: '', stderr });
  });

  test('is a wrong program is told all that is wrong with it', async () => {
    const program = `
      import { count, groupByKey, job, safeInt64, toStream, topic, utf8 } from 'millrace';
      const lines = topic('lines', utf8);
      const counted = (to: string) => lines.pipe(groupByKey(), count({ as: 'same' }), toStream()).to(topic(to, safeInt64));
      export default job('not a name!', [counted('a'), counted('b')]);
    `;
    const { code, stdout, stderr } = await run('wrong.ts', program);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain("error: job 'not a name!' can't run; ");
    expect(stderr).toContain("DUPLICATE_STORE at lines → groupByKey → count: its store 'same' is that of");
    expect(stderr).not.toMatch(/\n +at /);
  });
});

test('nothing is made for a job that can not run', () => {
  expect(existsSync(folder.data)).toBe(false);
});

test('a job may be JavaScript, and lie where no package.json is', async () => {
  const name = 'plain.mjs';
  await folder.file(
    name,
    "import { job, source, topic, safeInt64 } from 'millrace';\nimport { generate } from 'millrace/connectors/generate';\nexport default job('plain', [source(generate({ value: (n) => n, count: 3 })).to(topic('numbers', safeInt64))]);\n",
  );
  const { code, stdout, stderr } = await millrace(['run', name, '--data', folder.data, '--json'], { cwd: folder.path });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ job: 'plain', recordsIn: 3, recordsOut: 3, dropped: {} });
});
