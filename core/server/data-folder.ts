// The folder that a node keeps everything in: format.json says how it is laid out, node.pid who has it open, `node/` is the
// storage engine's. Who may open it is decided by the databases' own locks, never by node.pid, which only puts a name
// to the one who holds them.
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault, isFault } from '../kernel/fault.ts';
import { failureReason } from '../storage/failure-reason.ts';
import { makeFolder } from '../storage/make-folder.ts';

/** Of the layout below the folder. */
export const dataFormat = 1;

export interface DataFolder extends AsyncDisposable {
  readonly path: string;
  /** For the storage engine: a database a partition, and the catalog. */
  readonly enginePath: string;
  /** Writes who has it open. To be called once the node holds its databases. */
  claim(owner: string): Promise<void>;
  /** The fault as a person is to read it: with this folder's path, and with the owner's name where it is in use. */
  explain(error: unknown): Promise<unknown>;
  /** Takes the claim back. */
  close(): Promise<void>;
}

/**
 * Makes the folder if it isn't there, and refuses one of a newer format.
 *
 * @throws Fault `STORAGE_NEWER`, `STORAGE_FAILED`
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const formatFile = join(path, 'format.json');
  const pidFile = join(path, 'node.pid');
  try {
    await makeFolder(join(path, 'node'));
    const found = await formatIn(formatFile);
    if (found === null) await writeWhole(formatFile, `${JSON.stringify({ format: dataFormat })}\n`);
    else if (found > dataFormat) throw new Fault('STORAGE_NEWER', { path, found, known: dataFormat });
  } catch (error) {
    throw error instanceof Fault ? error : failed(path, error);
  }
  let claimed = false;
  const close = async () => {
    if (claimed) await rm(pidFile, { force: true });
    claimed = false;
  };
  return {
    path,
    enginePath: join(path, 'node'),
    async claim(owner) {
      await writeFile(pidFile, `${JSON.stringify({ pid: process.pid, owner })}\n`).catch((error: unknown) => {
        throw failed(path, error);
      });
      claimed = true;
    },
    async explain(error) {
      if (isFault(error, 'STORAGE_IN_USE')) {
        const { by } = error.detail;
        const named = /\d/.test(by) || by === 'this process' ? by : ((await ownerIn(pidFile)) ?? by);
        return new Fault('STORAGE_IN_USE', { path, by: named }, error);
      }
      if (isFault(error, 'STORAGE_NEWER')) return new Fault('STORAGE_NEWER', { ...error.detail, path }, error);
      return error;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** All of it or nothing: a kill in the middle would leave a folder that no version takes. */
async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

async function formatIn(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const found: unknown = (parsed(text) as { format?: unknown } | null)?.format;
  if (typeof found !== 'number') throw new Error(`${file} doesn't say which format the data has`);
  return found;
}

/** Null also where the process that wrote it has died: a kill leaves the file behind. */
async function ownerIn(file: string): Promise<string | null> {
  const found = parsed(await readFile(file, 'utf8').catch(() => '')) as { pid?: unknown; owner?: unknown } | null;
  if (typeof found?.pid !== 'number' || !alive(found.pid)) return null;
  return `process ${found.pid}${typeof found.owner === 'string' && found.owner !== '' ? ` (${found.owner})` : ''}`;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function failed(path: string, cause: unknown): Fault<'STORAGE_FAILED'> {
  const { code, message } = cause as { code?: string; message?: string };
  return new Fault('STORAGE_FAILED', { path, reason: failureReason(code, message ?? String(cause)) }, cause);
}
