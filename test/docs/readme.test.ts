// What README.md says works: each ```ts block type-checks, compiles where it exports a job, and prints what it says it
// prints; each ```sh block runs. A block that is not to be run is marked where it begins: ```sh not-run
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Folder, inProject, millrace, startNode, tempFolder } from '../support/millrace.ts';

// Several processes a test, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

interface Block {
  readonly line: number;
  readonly text: string;
}

const readme = await readFile(inProject('README.md'), 'utf8');
const scripts = (JSON.parse(await readFile(inProject('package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts;

function blocksOf(language: string): readonly Block[] {
  const blocks: Block[] = [];
  let lines: string[] | null = null;
  let wanted = false;
  for (const [i, line] of readme.split('\n').entries()) {
    if (!line.startsWith('```')) lines?.push(line);
    else if (lines === null) {
      const [name, ...marks] = line.slice(3).split(' ');
      wanted = name === language && !marks.includes('not-run');
      lines = [];
      if (wanted) blocks.push({ line: i + 1, text: '' });
    } else {
      if (wanted) blocks.push({ line: blocks.pop()!.line, text: `${lines.join('\n')}\n` });
      lines = null;
    }
  }
  return blocks;
}

const code = blocksOf('ts');
const shell = blocksOf('sh');

/** A folder of a person who has installed millrace, rxjs and the examples. */
let folder: Folder;
const fileOf = ({ line }: Block): string => join(folder.path, `readme-${line}.ts`);

beforeAll(async () => {
  folder = await tempFolder();
  const modules = join(folder.path, 'node_modules');
  await mkdir(modules);
  await symlink(inProject('.'), join(modules, 'millrace'));
  for (const name of ['rxjs', '@types']) await symlink(inProject(`node_modules/${name}`), join(modules, name));
  await symlink(inProject('examples'), join(folder.path, 'examples'));
  await folder.file('package.json', '{ "type": "module" }');
  for (const block of code) await writeFile(fileOf(block), `${block.text}export {};\n`);
});
afterAll(() => folder[Symbol.asyncDispose]());

test('there are blocks to try', () => {
  expect(code.length).toBeGreaterThan(1);
  expect(shell.length).toBeGreaterThan(1);
});

test('every ts block type-checks', async () => {
  const config = {
    extends: inProject('tsconfig.json'),
    compilerOptions: {
      noUnusedLocals: false,
      rewriteRelativeImportExtensions: false,
      allowImportingTsExtensions: true,
    },
    include: ['readme-*.ts'],
  };
  await folder.file('tsconfig.json', JSON.stringify(config));
  const tsc = inProject('node_modules/typescript/bin/tsc');
  const { code, stdout } = await startNode(tsc, ['-p', folder.path, '--pretty', 'false'], { cwd: folder.path })
    .finished;
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
});

const jobs = code.filter(({ text }) => /^export default/m.test(text));
describe.each(jobs)('the job in line $line', (block) => {
  test('can be described', async () => {
    const { code, stderr } = await millrace(['describe', fileOf(block)], { cwd: folder.path });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

/** `console.log(…); // what it prints`, in the order of the lines. */
const printed = (text: string): readonly string[] =>
  [...text.matchAll(/^\s*console\.log\(.*\);\s*\/\/ (.*)$/gm)].map(([, said]) => said!);

const programs = code.filter(({ text }) => printed(text).length > 0);
describe.each(programs)('the program in line $line', (block) => {
  test('prints what it says', async () => {
    const { code, stdout, stderr } = await startNode(inProject('node_modules/tsx/dist/cli.mjs'), [fileOf(block)], {
      cwd: folder.path,
    }).finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const values = (text: string) => text.replace(/\s+/g, '');
    expect(values(stdout)).toBe(values(printed(block.text).join('\n')));
  });
});

/** `npx` and `npm` as in a clone, but that the data is in the working folder and tests don't start tests. */
const prelude = `set -e
npx() { local name=$1; shift; case $name in
  millrace) node '${inProject('runtime/cli/bin.mjs')}' "$@";;
  tsx) node '${inProject('node_modules/tsx/dist/cli.mjs')}' "$@";;
  *) echo "npx $name?" >&2; return 1;; esac; }
npm() { case "$1 $2" in
  'start '*) ${scripts['start']!.replaceAll('node runtime/', `node '${inProject('runtime')}'/`)};;
  'test '*|'run check'|'run bench'|'run test:'*) :;;
  *) echo "npm $1 $2?" >&2; return 1;; esac; }
`;

/** One after another: what a block makes, a later one may use. */
test.each(shell)('the commands in line $line run', async ({ text }) => {
  const ended = await new Promise<{ failed: boolean; stdout: string; stderr: string }>((resolve) => {
    execFile('bash', ['-c', prelude + text], { cwd: folder.path, timeout: 55_000 }, (error, stdout, stderr) =>
      resolve({ failed: error !== null, stdout, stderr }),
    );
  });
  expect(ended.failed, `${text}\n${ended.stdout}\n${ended.stderr}`).toBe(false);
});
