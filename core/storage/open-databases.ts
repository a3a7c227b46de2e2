// How many databases a process may have open, by the files that the system lets it open. An open LevelDB costs about 40 KiB
// and counts for five files: its lock, its journal, its list of tables, what it notes down, and a table; half of the files are
// for connections and all else.
import { readFileSync } from 'node:fs';

const filesEach = 5;
const shareOfFiles = 0.5;
const databasesMax = 2_048;
const databasesMin = 64;
/** Where the system doesn't say: macOS, Windows. */
const filesDefault = 10_240;

/** @param limits what Linux says of a process; null elsewhere */
export function openDatabasesMax(limits = readLimits()): number {
  const said = /^Max open files +(\d+|unlimited)/m.exec(limits ?? '')?.[1];
  const files = said === undefined ? filesDefault : said === 'unlimited' ? Number.POSITIVE_INFINITY : Number(said);
  return Math.max(databasesMin, Math.min(databasesMax, Math.floor((files * shareOfFiles) / filesEach)));
}

function readLimits(): string | null {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return null;
  }
}
