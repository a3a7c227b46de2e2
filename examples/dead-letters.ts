// Records that can't be used: here every tenth line is torn and one payment is negative. Without a policy the first of them
// stops the job with an error that names it; with one, they go to a topic as they came, with the cause in their headers.
// Run it with `npx millrace run examples/dead-letters.ts`. It shows what was paid to each shop, and each dead letter.
import {
  aggregateAll, count, deadLetter, groupBy, job, json, map, noKey, sink, source, sum, topic, toStream, utf8, view,
} from 'millrace';
import { consoleTable, stdoutLines } from 'millrace/connectors/console';
import { generate } from 'millrace/connectors/generate';

interface Payment { readonly shop: string; readonly cents: number }
interface Takings { readonly payments: number; readonly cents: number }

/** A payment as text, good or bad. */
function paymentLine(n: number): string {
  const text = JSON.stringify({ shop: ['bakery', 'mill', 'inn'][n % 3], cents: n === 55 ? -1 : 100 + n });
  return n % 10 === 9 ? text.slice(0, 20) : text;
}

/** What it throws, or JSON.parse, is the cause that the dead letter names. */
function parsePayment(line: string): Payment {
  const payment = JSON.parse(line) as Payment;
  if (payment.cents < 0) throw new RangeError(`a payment can't be negative: ${payment.cents}`);
  return payment;
}

const lines = topic('payment-lines', utf8, { key: noKey });
const takings = topic('takings', json<Takings>());
const dead = topic('payments-dead', utf8, { key: noKey });

export default job('dead-letters', [
  source(generate({ count: 100, value: paymentLine })).to(lines),

  lines.pipe(
    map(parsePayment),
    groupBy((payment) => payment.shop),
    aggregateAll({ payments: count(), cents: sum((payment) => payment.cents) }, { as: 'takings' }),
    toStream(),
  ).to(takings),

  dead.pipe(sink(stdoutLines({
    format: ({ value, headers }) => {
      const header = (name: string) => headers.find(([key]) => key === `millrace.error.${name}`)?.[1]?.toString();
      return `dead letter ${value}: ${header('message')}`;
    },
  }))),
  takings.pipe(view(consoleTable({
    title: 'Takings',
    columns: [
      { header: 'shop', value: (_shop, shop) => shop },
      { header: 'payments', value: (shop) => shop.payments },
      { header: 'cents', value: (shop) => shop.cents },
    ],
  }))),
], { onError: { process: deadLetter('payments-dead') } });
