// `npm run test:bank -- --embedded`: the bank in one process of two threads with the log in it, killed every few seconds and
// started again on its folder until all transfers are made; then the books are checked.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock } from '../../core/kernel/clock.ts';
import { type Random, seededRandom } from '../../core/kernel/random.ts';
import { connect } from '../../runtime/cli/index.ts';
import { audit, readBooks } from './check.ts';
import { transferOf, transfersPerSecond } from './embedded-job.ts';
import { startEmbedded } from './processes.ts';
import { openAccounts, opening } from './transfers.ts';

export interface EmbeddedBank {
  readonly seed: number;
  readonly seconds: number;
  readonly guarantee: string;
  readonly say: (line: string) => void;
}

/** @returns sentences of what is wrong */
export async function runEmbedded({ seed, seconds, guarantee, say }: EmbeddedBank): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bank-'));
  const data = join(folder, 'data');
  const count = seconds * transfersPerSecond;
  try {
    const before = await connect({ data });
    await openAccounts(before.client, 1);
    await before[Symbol.asyncDispose]();
    const kills = await killUntilDone({ data, seed, count, guarantee }, seededRandom(seed), say);
    await using after = await connect({ data });
    const books = await readBooks(after.client);
    const made = Array.from({ length: count }, (_, id) => transferOf(seed, id));
    say(`${count} transfers, ${books.legs.length} legs; ${kills} kills`);
    return audit(books, { transfers: made, opening, guarantee, seen: [] });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function killUntilDone(
  job: Parameters<typeof startEmbedded>[0],
  random: Random,
  say: (line: string) => void,
): Promise<number> {
  for (let kills = 0; ; kills++) {
    const running = startEmbedded(job);
    // Each lives somewhat longer than the one before, so that it comes to an end on a slow machine too.
    const livesMs = 2_000 + random.integer(4_000) + kills * 300;
    const killing = clock.after(livesMs, () => running.child.kill('SIGKILL'));
    const { code, signal, said } = await running.ended;
    killing.cancel();
    if (signal !== 'SIGKILL') {
      if (code !== 0) throw new Error(`the job ended with ${code ?? signal}:\n${said}`);
      return kills;
    }
    say('killed');
  }
}
