// Records that can't be used: here every tenth line is torn, and one payment is negative. Without a policy the first of
// them stops the job with an error that names it; with one, they go to a topic as they came, their cause in headers.
// `npx millrace run examples/dead-letters.ts` warns of each, shows how many were good, and ends. Then see the others:
// `npx millrace consume payments-dead --until end --headers`.
import { count, deadLetter, groupBy, job, map, noKey, safeInt64, source, topic, toStream, utf8, view } from 'millrace';
import { consoleTable } from 'millrace/connectors/console';
import { generate } from 'millrace/connectors/generate';

type Payment = { readonly shop: string; readonly cents: number };

/** Payment number n as text, good or bad. */
function makeLine(n: number): string {
  const line = JSON.stringify({ shop: ['bakery', 'inn', 'mill'][n % 3], cents: n === 55 ? -1 : 100 + n });
  return n % 10 === 9 ? line.slice(0, 20) : line;
}

/** What this throws is the cause that the dead letter names. */
function readPayment(line: string): Payment {
  const payment: Payment = JSON.parse(line);
  if (payment.cents < 0) throw new RangeError(`a payment can't be negative: ${payment.cents}`);
  return payment;
}

const lines = topic('payment-lines', utf8, { key: noKey });
const payments = topic('payments-per-shop', safeInt64);

export default job(
  'dead-letters',
  [
    source(generate({ count: 100, value: makeLine })).to(lines),
    lines
      .pipe(
        map(readPayment),
        groupBy((payment) => payment.shop),
        count({ as: 'payments-per-shop' }),
        toStream(),
      )
      .to(payments),
    payments.pipe(
      view(
        consoleTable({
          title: 'Good payments',
          columns: { shop: (_count, shop) => shop, payments: (count) => count },
          sortBy: (_count, shop) => shop,
        }),
      ),
    ),
  ],
  { onError: { process: deadLetter('payments-dead') } },
);
