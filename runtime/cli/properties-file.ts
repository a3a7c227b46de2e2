// A Java properties file, as Kafka's server.properties and client.properties: `name=value`, `#` and `!` begin comments, a
// backslash at the end goes on with the next line, and one elsewhere escapes. What it says of a line is its number alone:
// there may be a password in it.
import { readFile } from 'node:fs/promises';
import { Fault } from '../../core/kernel/fault.ts';

/** @throws Fault `FILE_FAILED`, `BAD_SETTINGS` */
export async function readProperties(path: string): Promise<Readonly<Record<string, string>>> {
  return parseProperties(await readTextFile(path), path);
}

/** @throws Fault `FILE_FAILED` */
export async function readTextFile(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'there is no such file' : error.message;
    throw new Fault('FILE_FAILED', { path, reason }, error);
  });
}

/** @throws Fault `BAD_SETTINGS` */
export function parseProperties(text: string, path: string): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {};
  const lines = text.split(/\r\n|\r|\n/);
  for (let i = 0; i < lines.length; i++) {
    let line = lines[i]!;
    if (/^\s*([#!]|$)/.test(line)) continue;
    const number = i + 1;
    while (goesOn(line) && i + 1 < lines.length) line = line.slice(0, -1) + lines[++i]!.trimStart();
    const found = /^\s*((?:[^\s=:\\]|\\.)+)\s*[=:]\s*(.*?)\s*$/s.exec(line);
    if (found === null) throw new Fault('BAD_SETTINGS', { of: path, problems: [`line ${number} is not name=value`] });
    settings[unescaped(found[1]!)] = unescaped(found[2]!);
  }
  return settings;
}

/** It ends in a backslash that isn't escaped by another. */
const goesOn = (line: string): boolean => /\\*$/.exec(line)![0].length % 2 === 1;

const letters: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

const unescaped = (text: string): string =>
  text.replace(/\\(?:u([0-9a-fA-F]{4})|(.?))/gs, (_, code: string | undefined, letter: string) =>
    code === undefined ? (letters[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
  );
