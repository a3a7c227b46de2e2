// Makes a folder and those above it, one at a time. Node's own `recursive` says ENOENT where the file system is read-only,
// and never ends where it takes no folders at all, as `/proc`: so nothing here or above it may use that.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The code of a failure that the system has no code for. */
export const noFoldersCode = 'NO_FOLDERS';

/**
 * Does nothing where it is there.
 *
 * @throws the system's error; with `noFoldersCode` where the folder above is there and yet the system says it isn't
 */
export async function makeFolder(path: string): Promise<void> {
  const failure = await failureToMake(path);
  if (failure === null) return;
  if (failure.code !== 'ENOENT' || dirname(path) === path) throw failure;
  await makeFolder(dirname(path));
  const again = await failureToMake(path);
  if (again?.code === 'ENOENT') throw Object.assign(new Error(again.message), { code: noFoldersCode });
  if (again !== null) throw again;
}

async function failureToMake(path: string): Promise<NodeJS.ErrnoException | null> {
  try {
    await mkdir(path);
    return null;
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    // Of a folder that is there, some file systems say first that it can't be written.
    const isThere = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    return isThere ? null : failure;
  }
}
