// Makes a clone ready to run: installs the packages where they are missing and builds `dist` where the sources are
// newer. Plain JavaScript on Node alone, because it runs before anything is installed. It may not import the project.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const sources = ['core', 'dsl', 'runtime', 'connectors', 'examples', 'test'];
const stamp = join(root, 'dist', '.built');

function run(what, command, args) {
  process.stderr.write(`${what} …\n`);
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (done.status === 0) return;
  process.stderr.write(
    `${what} failed: ${done.error?.message ?? `${command} ${args.join(' ')} exited with ${done.status}`}\n`,
  );
  process.exit(1);
}

function newestChangeMs(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) newest = Math.max(newest, newestChangeMs(path));
    else if (entry.name.endsWith('.ts')) newest = Math.max(newest, statSync(path).mtimeMs);
  }
  return newest;
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  process.stderr.write(`millrace needs Node 20 or newer; this is ${process.versions.node}\n`);
  process.exit(1);
}
// `npm install` runs `prepare`, which runs this file: the packages are there by then.
const installing = process.env['npm_lifecycle_event'] === 'prepare';
if (!installing && !existsSync(join(root, 'node_modules', '.package-lock.json'))) {
  run('installing packages', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}
const inClone = existsSync(join(root, 'dsl', 'index.ts'));
const stale = () =>
  !existsSync(stamp) ||
  statSync(stamp).mtimeMs <
    Math.max(...sources.map((s) => newestChangeMs(join(root, s))), statSync(join(root, 'tsconfig.json')).mtimeMs);
if (inClone && stale()) {
  run('building', process.execPath, [
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    '--noEmit',
    'false',
    '--outDir',
    'dist',
    '--rootDir',
    '.',
    '--declaration',
    '--noCheck',
  ]);
  writeFileSync(stamp, '');
}
