// Runs the compiler over a few texts, for tests of what it says. Each text is a module that sees all of 'millrace' and
// some of rxjs by name.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the compiler says of each text, '' where it is content. */
export async function typecheck(texts: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-types-'));
  try {
    const header = await imports();
    const names = Object.keys(texts);
    await Promise.all(
      names.map((name, i) => writeFile(join(folder, `${i}.ts`), `${header}\n${texts[name]}\nexport {};\n`)),
    );
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const said = await tsc(folder);
    return Object.fromEntries(names.map((name, i) => [name, linesOf(said, i)]));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const config = {
  extends: join(root, 'tsconfig.json'),
  compilerOptions: {
    paths: { rxjs: [join(root, 'node_modules/rxjs/dist/types/index.d.ts')] },
    typeRoots: [join(root, 'node_modules/@types')],
    noUnusedLocals: false,
    verbatimModuleSyntax: false,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
  },
  include: ['*.ts'],
};

async function imports(): Promise<string> {
  const index = await readFile(join(root, 'dsl/index.ts'), 'utf8');
  const names = [...index.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) =>
    list!.split(',').flatMap((name) => name.replace(/\btype\b/, '').trim() || []),
  );
  return [
    `import { ${names.join(', ')} } from '${join(root, 'dsl/index.ts')}';`,
    `import { debounceTime, map as rxMap, pairwise } from 'rxjs';`,
  ].join(' ');
}

function tsc(folder: string): Promise<string> {
  const bin = join(root, 'node_modules/typescript/bin/tsc');
  return new Promise((resolve) =>
    execFile(process.execPath, [bin, '-p', folder, '--pretty', 'false'], (_, out) => resolve(out)),
  );
}

/** Lines of one file, with those that go on from them. */
function linesOf(said: string, index: number): string {
  let mine = false;
  return said
    .split('\n')
    .filter((line) => {
      if (!line.startsWith(' ')) mine = new RegExp(`(^|/)${index}\\.ts\\(`).test(line);
      return mine && line !== '';
    })
    .join('\n');
}
