// Records that can't be used: here every tenth line is torn, and one payment is negative. Without a policy the first of
// them stops the job with an error that names it; with one, they go to a topic as they came, their cause in headers.
// Run it with `npx millrace run examples/dead-letters.ts`. It warns of each, shows what each shop took, and ends. Then see
// the dead letters: `npx millrace consume payments-dead --until end --headers`.
import {
  aggregateAll, count, deadLetter, groupBy, job, json, map, noKey, source, sum, topic, toStream, utf8, view,
} from 'millrace';
import { consoleTable } from 'millrace/connectors/console';
import { generate } from 'millrace/connectors/generate';

interface Payment { readonly shop: string; readonly cents: number }
interface Takings { readonly payments: number; readonly cents: number }

const shops = ['bakery', 'inn', 'mill'];

/** Payment number n as text, good or bad. */
function makeLine(n: number): string {
  const line = JSON.stringify({ shop: shops[n % shops.length], cents: n === 55 ? -1 : 100 + n });
  return n % 10 === 9 ? line.slice(0, 20) : line;
}

/** What this throws is the cause that the dead letter names. */
function readPayment(line: string): Payment {
  const payment: Payment = JSON.parse(line);
  if (payment.cents < 0) throw new RangeError(`a payment can't be negative: ${payment.cents}`);
  return payment;
}

const lines = topic('payment-lines', utf8, { key: noKey });
const takings = topic('takings', json<Takings>());

export default job('dead-letters', [
  source(generate({ count: 100, value: makeLine })).to(lines),

  lines.pipe(
    map(readPayment),
    groupBy((payment) => payment.shop),
    aggregateAll({ payments: count(), cents: sum((payment) => payment.cents) }, { as: 'takings' }),
    toStream(),
  ).to(takings),

  takings.pipe(view(consoleTable({
    title: 'Takings',
    columns: [
      { header: 'shop', value: (_takings, shop) => shop },
      { header: 'payments', value: (takings) => takings.payments },
      { header: 'cents', value: (takings) => takings.cents },
    ],
    sortBy: (_takings, shop) => shop,
  }))),
], { onError: { process: deadLetter('payments-dead') } });
