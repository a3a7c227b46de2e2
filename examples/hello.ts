// The smallest job: five greetings are made, put into capitals, and shown.
// Run it with `npx millrace run examples/hello.ts`. Run it again: it knows that it is done; `--fresh` starts it over.
import { job, map, sink, source } from 'millrace';
import { stdoutLines } from 'millrace/connectors/console';
import { generate } from 'millrace/connectors/generate';

export default job('hello', [
  source(generate({ count: 5, value: (n) => `hello, world number ${n + 1}` })).pipe(
    map((greeting) => greeting.toUpperCase()),
    sink(stdoutLines()),
  ),
]);
