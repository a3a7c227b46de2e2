// The bank as a job: a transfer is two legs, which go by their accounts to be joined with what the account opened with and
// summed. MILLRACE_BANK_GUARANTEE says how.
import {
  aggregate,
  flatMap,
  groupByKey,
  type JobSettings,
  job,
  join,
  json,
  selectKey,
  table,
  topic,
  toStream,
} from '../../dsl/index.ts';

export interface Transfer {
  readonly id: number;
  readonly from: string;
  readonly to: string;
  readonly amount: number;
}

export interface Leg {
  readonly transfer: number;
  readonly account: string;
  readonly amount: number;
}

export interface Balance {
  readonly amount: number;
  readonly legs: number;
}

export const partitions = 6;
const each = { partitions };
export const transfers = topic('transfers', json<Transfer>(), each);
export const accounts = table('accounts', json<{ readonly opening: number }>(), each);
export const legs = topic('legs', json<Leg>(), each);
export const balances = topic('balances', json<Balance>(), each);

const guarantee = (process.env['MILLRACE_BANK_GUARANTEE'] ?? 'exactlyOnce') as NonNullable<JobSettings['guarantee']>;

const moved = transfers.pipe(
  flatMap(({ id, from, to, amount }): readonly Leg[] => [
    { transfer: id, account: from, amount: -amount },
    { transfer: id, account: to, amount },
  ]),
  selectKey((leg) => leg.account),
);

export const flows = [
  moved.to(legs),
  moved
    .pipe(
      join(accounts, ({ amount }, { opening }) => ({ amount, opening })),
      groupByKey(),
      aggregate(
        (): Balance => ({ amount: 0, legs: 0 }),
        (sum, { amount, opening }) => ({
          amount: (sum.legs === 0 ? opening : sum.amount) + amount,
          legs: sum.legs + 1,
        }),
        { as: 'sums', value: json<Balance>() },
      ),
      toStream(),
    )
    .to(balances),
];
export const options: JobSettings = { guarantee, standbys: 1, commitInterval: 100 };

export default job('bank', flows, options);
