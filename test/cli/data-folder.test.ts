// A data folder that can't be used: one sentence that names it and says what to do, at once, and nothing lost.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Folder, millrace, startMillrace, tempFolder } from '../support/millrace.ts';

// Each takes a second or two; on a machine with much else to do, many times that.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

let folder: Folder;
beforeAll(async () => {
  folder = await tempFolder();
  await folder.file(
    'numbers.mjs',
    `import { job, source, topic, utf8 } from 'millrace';
     import { generate } from 'millrace/connectors/generate';
     const value = (n, random) => n + ' ' + Array.from({ length: 25 }, () => random.next()).join(' ');
     export default job('numbers', [source(generate({ value, count: 8_000 })).to(topic('numbers', utf8, { partitions: 1 }))]);`,
  );
});
afterAll(() => folder[Symbol.asyncDispose]());

const run = async (data: string, ...flags: readonly string[]) => {
  const { code, stdout, stderr } = await millrace(['run', 'numbers.mjs', '--data', data, ...flags], {
    cwd: folder.path,
  });
  return { code, stdout, stderr };
};

const refused = (sentence: string) => ({ code: 1, stdout: '', stderr: `error: ${sentence}\n` });

/** A file system of its own, where this user may make one. */
async function mounted(name: string, options: string): Promise<{ path: string; unmount(): void } | null> {
  const path = join(folder.path, name);
  await mkdir(path);
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  if (done.status !== 0) return null;
  return { path, unmount: () => void spawnSync('umount', ['-l', path]) };
}

describe('a data folder that', () => {
  test('is a file', async () => {
    const data = await folder.file('file', '');
    expect(await run(data)).toEqual(
      refused(`can't use ${data}: a file is where a folder is needed; choose another folder`),
    );
  });

  test.skipIf(!existsSync('/proc/self'))('is where no folder can be made', async () => {
    const data = '/proc/millrace/data';
    expect(await run(data)).toEqual(refused(`can't use ${data}: no folder can be made there; choose another folder`));
    const { code, stderr } = await run(data, '--bootstrap', '127.0.0.1:1');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error: can't use ${data}/state/numbers.owner: no folder can be made there; choose another folder\n`,
    });
  });

  test('has data of a newer format', async () => {
    const data = join(folder.path, 'newer');
    await mkdir(data);
    await writeFile(join(data, 'format.json'), '{"format":9}');
    expect(await run(data)).toEqual(
      refused(`${data} has data of format 9, and this version reads up to 1; use a newer millrace`),
    );
  });

  test('another process has open: it is named by its number and its command', async () => {
    const data = join(folder.path, 'busy');
    await millrace(['topic', 'create', 'quiet', '--data', data]);
    const holder = startMillrace(['consume', 'quiet', '--data', data]);
    try {
      const pid = join(data, 'node.pid');
      await expect
        .poll(async () => readFile(pid, 'utf8').catch(() => ''), { timeout: 20_000 })
        .toContain(`${holder.child.pid}`);
      const { code, stdout, stderr } = await run(data);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(
        new RegExp(
          `^error: ${data} is in use by process ${holder.child.pid} \\(.*consume quiet.*\\); stop it or choose another folder with --data\\n$`,
        ),
      );
    } finally {
      holder.kill('SIGKILL');
      await holder.finished;
    }
    // The lock ends with the process, also where it could not say goodbye.
    expect((await run(data, '--json')).code).toBe(0);
  });

  test('is damaged', async () => {
    const data = join(folder.path, 'damaged');
    await millrace(['topic', 'create', 't', '--data', data]);
    await writeFile(join(data, 'node', '__catalog', 'CURRENT'), 'MANIFEST-000099\n');
    const { code, stderr } = await run(data);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: can't use .*__catalog: its files are damaged or missing \(.*\); restore the folder/,
    );
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('is on a read-only file system', async (context) => {
    const disk = await mounted('read-only', 'ro');
    if (disk === null) return context.skip('this user may not mount a file system');
    try {
      expect(await run(join(disk.path, 'data'))).toEqual(
        refused(`can't use ${join(disk.path, 'data')}: its file system is read-only; choose another folder`),
      );
    } finally {
      disk.unmount();
    }
  });

  test.each([1, 2])(
    'is on a disk that fills up, with %i threads; with more space it goes on where it was',
    async (threads) => {
      const disk = await mounted(`full-${threads}`, 'size=1500k');
      if (disk === null) return; // Said by the test above.
      try {
        const data = join(disk.path, 'data');
        const full = await run(data, '--threads', `${threads}`);
        expect({ code: full.code, stdout: full.stdout }).toEqual({ code: 1, stdout: '' });
        expect(full.stderr).toMatch(/^error: can't use .*: the disk is full; make space and start again\n$/);
        spawnSync('mount', ['-o', 'remount,size=32m', disk.path]);
        expect(await run(data, '--json')).toMatchObject({ code: 0, stderr: '' });
        const read = await millrace(['consume', 'numbers', '--until', 'end', '--data', data]);
        const numbers = read.stdout
          .trimEnd()
          .split('\n')
          .map((line) => Number(line.split(' ')[0]));
        expect(numbers).toEqual(Array.from({ length: 8_000 }, (_, n) => n));
      } finally {
        disk.unmount();
      }
    },
  );
});
