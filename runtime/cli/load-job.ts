// Loads a TypeScript job file, with no compiler to set up: tsx strips the types, and `millrace` in it means this very
// package, so that job and runtime share one copy wherever the file lies.
import { existsSync } from 'node:fs';
import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { register as registerTypeScript } from 'tsx/esm/api';
import { Fault } from '../../core/kernel/fault.ts';
import { compile } from '../../dsl/compile/compile.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { isJob } from '../../dsl/job.ts';
import type { JobSpec } from '../../dsl/plan.ts';

let registered = false;

function registerOnce(): void {
  if (registered) return;
  registered = true;
  registerTypeScript();
  register(new URL('./resolve-millrace.js', import.meta.url));
}

/** What went wrong, in a line: esbuild puts `file:line:column: ERROR: …` on its second, others say it on their first. */
function reasonOf(error: unknown, path: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const located = message.split('\n').find((line) => /: ERROR: /.test(line));
  if (located !== undefined) return located.replace(': ERROR:', ':');
  const first = message.split('\n')[0]!;
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND')
    return `${first}; correct the import, or install the package`;
  if (error instanceof SyntaxError) return first;
  return `it failed while it was loaded${placeOf(error, path)}: ${first}`;
}

/** Where in the job file the error came from, or nothing. */
function placeOf(error: unknown, path: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const url = pathToFileURL(path).href;
  const line = stack.split('\n').find((frame) => frame.includes(url) || frame.includes(path));
  const place = line === undefined ? null : /:(\d+):\d+\)?$/.exec(line.trim());
  return place === null ? '' : ` in line ${place[1]}`;
}

/** @throws Fault `JOB_FILE` for a file that isn't there, doesn't compile, fails while it is loaded, or exports no job */
export async function loadJob(file: string): Promise<JobSpec> {
  const path = resolve(file);
  if (!existsSync(path)) throw new Fault('JOB_FILE', { file, reason: 'there is no such file' });
  registerOnce();
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault('JOB_FILE', { file, reason: reasonOf(error, path) }, error);
  }
  // A file that is loaded as CommonJS has its exports under `default`.
  const found = [module['default'], (module['default'] as Record<string, unknown> | undefined)?.['default']].find(
    isJob,
  );
  if (found === undefined) {
    throw new Fault('JOB_FILE', { file, reason: "it exports no job; write `export default job('name', [ … ])`" });
  }
  return found;
}

/** @throws TopologyError */
export const compileJob = (job: JobSpec): Topology =>
  compile(job, { environment: process.env['NODE_ENV'] === 'production' ? 'production' : 'development' });
