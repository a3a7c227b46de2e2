// Who pays whom: drawn, and the same again for the same draw.
import type { Client } from '../../core/client/index.ts';
import type { Random } from '../../core/kernel/random.ts';
import { accounts, balances, legs, partitions, type Transfer, transfers } from './job.ts';

export const accountCount = 1_000;
export const opening = 1_000;

const accountName = (index: number) => `account ${index}`;

export function drawTransfer(id: number, by: Random): Transfer {
  const from = by.integer(accountCount);
  const to = (from + 1 + by.integer(accountCount - 1)) % accountCount;
  return { id, from: accountName(from), to: accountName(to), amount: 1 + by.integer(100) };
}

/** The topics of the bank, with every account in its place. */
export async function openAccounts(client: Client, replicationFactor: number): Promise<void> {
  const names = [transfers, legs, balances].map(({ topic: { name } }) => name);
  const made = [
    ...names.map((name) => ({ name, config: {} })),
    { name: 'accounts', config: { 'cleanup.policy': 'compact' } },
  ];
  await client.admin().createTopics(made.map((topic) => ({ ...topic, partitions, replicationFactor })));
  await using producer = client.producer();
  for (let i = 0; i < accountCount; i++)
    void producer.send({
      topic: 'accounts',
      key: Buffer.from(accountName(i)),
      value: accounts.topic.value.encode({ opening }),
    });
  await producer.flush();
}
