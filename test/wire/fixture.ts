// Reads fixtures: bytes that other software wrote, as hex after comment lines that say which.
import { readFileSync } from 'node:fs';

const folder = new URL('fixtures/', import.meta.url);

export function hexFixture(name: string): Uint8Array {
  const lines = readFileSync(new URL(`${name}.hex`, folder), 'utf8').split('\n');
  const hex = lines.filter((line) => !line.startsWith('#')).join('');
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

export const jsonFixture = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
