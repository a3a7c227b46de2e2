// What the books must show when all is done: no money made or lost, each transfer in them once, and nothing that a reader of
// committed records saw on the way that isn't in them in the end.
import type { Client } from '../../core/client/index.ts';
import { consume } from '../../runtime/rx/index.ts';
import { type Balance, balances, type Leg, legs, type Transfer } from './job.ts';

export interface Books {
  readonly legs: readonly Leg[];
  readonly balances: ReadonlyMap<string, Balance>;
}

export async function readBooks(client: Client): Promise<Books> {
  const written: Leg[] = [];
  for await (const { value } of consume(client, legs, { until: 'end' })) written.push(value!);
  const last = new Map<string, Balance>();
  for await (const { key, value } of consume(client, balances, { until: 'end' })) last.set(key!, value!);
  return { legs: written, balances: last };
}

const linesMax = 10;

export interface Audit {
  readonly transfers: readonly Transfer[];
  readonly opening: number;
  readonly guarantee: string;
  /** What was read while the job ran. */
  readonly seen: readonly Leg[];
}

/** Sentences of what is wrong; none where all is right. */
export function audit(books: Books, { transfers, opening, guarantee, seen }: Audit): string[] {
  const exactly = guarantee === 'exactlyOnce';
  const wrong: string[] = [];
  const found = countLegs(books.legs);
  for (const { id, from, to, amount } of transfers) {
    for (const leg of [
      { transfer: id, account: from, amount: -amount },
      { transfer: id, account: to, amount },
    ]) {
      const times = found.get(nameOf(leg)) ?? 0;
      if (times === 0 || (exactly && times > 1)) wrong.push(`${nameOf(leg)} is in the books ${times} times`);
      found.delete(nameOf(leg));
    }
  }
  for (const [leg, times] of found) wrong.push(`${leg} is in the books ${times} times, and nobody made it`);
  if (exactly) {
    wrong.push(...balanceMistakes(books, transfers, opening));
    const known = countLegs(books.legs);
    for (const [leg, times] of countLegs(seen))
      if (times !== known.get(leg))
        wrong.push(`${leg} was seen ${times} times, and is there ${known.get(leg) ?? 0} times`);
  }
  return wrong.length > linesMax ? [...wrong.slice(0, linesMax), `and ${wrong.length - linesMax} more`] : wrong;
}

const nameOf = ({ transfer, account, amount }: Leg) => `the leg of transfer ${transfer} on ${account} (${amount})`;

function countLegs(all: readonly Leg[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const leg of all) counts.set(nameOf(leg), (counts.get(nameOf(leg)) ?? 0) + 1);
  return counts;
}

function balanceMistakes({ balances: found }: Books, transfers: readonly Transfer[], opening: number): string[] {
  const right = new Map<string, Balance>();
  const move = (account: string, amount: number) => {
    const before = right.get(account) ?? { amount: opening, legs: 0 };
    right.set(account, { amount: before.amount + amount, legs: before.legs + 1 });
  };
  for (const { from, to, amount } of transfers) {
    move(from, -amount);
    move(to, amount);
  }
  const wrong: string[] = [];
  for (const [account, wanted] of right) {
    const { amount, legs: count } = found.get(account) ?? { amount: opening, legs: 0 };
    if (amount === wanted.amount && count === wanted.legs) continue;
    wrong.push(`${account} has ${amount} after ${count} legs, and should have ${wanted.amount} after ${wanted.legs}`);
  }
  const sum = [...found.values()].reduce((total, { amount }) => total + amount, 0);
  if (sum !== found.size * opening) wrong.push(`the accounts hold ${sum}, and opened with ${found.size * opening}`);
  return wrong;
}
