// A count by key on the embedded log of a folder: `keys-job.mjs FOLDER KEYS RECORDS`. Each key in turn, so that state is read
// and written all over; the time is that of the job alone. Prints one line of JSON.
import { count, filter, groupByKey, job, safeInt64, topic, toStream, utf8 } from 'millrace';
import { connect, runJob } from 'millrace/run';

const [folder, keysText, recordsText] = process.argv.slice(2);
const [keys, records, partitions] = [Number(keysText), Number(recordsText), 4];
const each = { partitions, key: utf8, retention: 'forever' };
const connection = await connect({ data: folder });
await connection.client
  .admin()
  .createTopics([{ name: 'grown', partitions, replicationFactor: 1, config: { 'retention.ms': '-1' } }]);
const producer = connection.client.producer();
for (let i = 0; i < records; i++) {
  // A prime apart, so that neighbours in the log are none in the state.
  const key = (i * 7_919) % keys;
  if (!producer.write('grown', key % partitions, Date.now(), Buffer.from(`k${key}`), 'x')) await producer.ready();
}
await producer.close();
await connection[Symbol.asyncDispose]();

const counted = topic('grown', utf8, each).pipe(
  groupByKey(),
  count({ as: 'counts' }),
  toStream(),
  filter((total) => total % 1_000 === 0),
);
const sinceMs = performance.now();
const running = await runJob(job('grown', [counted.to(topic('grown-out', safeInt64, each))]), {
  data: folder,
  until: 'end',
});
await running.done;
process.stdout.write(`${JSON.stringify({ recordsPerSecond: (records / (performance.now() - sinceMs)) * 1_000 })}\n`);
process.exit(0);
