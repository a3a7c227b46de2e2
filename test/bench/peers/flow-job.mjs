// The jobs of jobs.mjs that `@kafkats/flow` can do, in a process of its own: `flow-job.mjs MODE BOOTSTRAP PARTITIONS RECORDS MODULES`.
// From the first record that a function of the job's sees to the last: it has waited for the acknowledgement of what went
// before, and its close() takes tens of seconds, which are left out. Prints one line of JSON.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createClient, tcpNetwork } from 'millrace/client';

const [mode, bootstrap, partitionsText, recordsText, modules] = process.argv.slice(2);
const [partitions, records] = [Number(partitionsText), Number(recordsText)];
const require = createRequire(join(modules, 'package.json'));
const { flow, string } = await import(pathToFileURL(require.resolve('@kafkats/flow')).href);

const applicationId = `flow-${mode}-${Date.now()}`;
const output = `${applicationId}-out`;
const config = { 'retention.ms': '-1' };
const admin = createClient({ network: tcpNetwork({ bootstrap }) }).admin();
await admin.createTopics([{ name: output, partitions, replicationFactor: 1, config }]);

let seen = 0;
let firstMs = 0;
let whenSeen;
const all = new Promise((resolve) => {
  whenSeen = resolve;
});
const tick = () => {
  if (seen++ === 0) firstMs = performance.now();
  if (seen === records) whenSeen();
};

const app = flow({
  applicationId,
  client: { brokers: bootstrap.split(','), clientId: 'flow' },
  numStreamThreads: 1,
  processingGuarantee: 'at_least_once',
  changelog: { replicationFactor: 1 },
  // It waits for the acknowledgement of each record: with its defaults (5 ms linger, one partition at a time) it is slower yet.
  producer: { lingerMs: 0 },
  runEach: { partitionConcurrency: partitions },
});
const input = app.stream('bench-flow', { key: string(), value: string(), offsetReset: 'earliest' });
const text = { key: string(), value: string() };
if (mode === 'stateless')
  input
    .mapValues((value) => {
      tick();
      return `${value}!`;
    })
    .filter((_key, value) => (value.charCodeAt(0) & 7) !== 0)
    .to(output, text);
else
  input
    .peek(tick)
    .groupByKey(text)
    .count({ storeName: 'counts', key: string() })
    .toStream()
    .mapValues(String)
    .to(output, text);
await app.start();
await all;
const seconds = (performance.now() - firstMs) / 1_000;
await app.close();
process.stdout.write(`${JSON.stringify({ seconds, records: seen })}\n`);
process.exit(0);
