// The node that a suite runs against: ours by default, Apache Kafka's, or one that runs already.
import { startKafka } from './kafka.mjs';
import { startMillrace, startMillraceCluster } from './millrace.mjs';

/** Of `--bootstrap HOST:PORT`, `--kafka`, `--cluster` or none of them; `settings` are for our nodes alone. */
export async function openTarget({ bootstrap, kafka, cluster, settings }) {
  if (bootstrap) return { name: bootstrap, bootstrap, stop: async () => {} };
  const node = kafka
    ? await startKafka(cluster ? 3 : 1)
    : // Clients make topics of one copy as well, which can't have two in sync.
      await (cluster ? startMillraceCluster(3, { ...settings, 'min.insync.replicas': 1 }) : startMillrace(settings));
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      await node.stop();
      process.exit(130);
    });
  }
  return node;
}

/** Says what a peer's own suite came to: a line a test that failed, then the counts. */
export async function runSuite({ name, options, work }) {
  const node = await openTarget(options);
  const sinceMs = Date.now();
  process.stdout.write(`${name} against ${node.name} at ${node.bootstrap}\n`);
  let results;
  try {
    results = await work(node.bootstrap);
  } finally {
    await node.stop();
  }
  const count = (wanted) => results.filter(({ result }) => result === wanted).length;
  for (const { test, result, note } of results) {
    if (result === 'passed') continue;
    process.stdout.write(`  ${result.padEnd(7)} ${test}${note ? `: ${note.replaceAll('\n', '\n      ')}` : ''}\n`);
  }
  process.stdout.write(`${name}; ${node.name}; ${((Date.now() - sinceMs) / 1000).toFixed(0)} s\n`);
  process.stdout.write(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped\n`);
  if (count('failed') > 0 || count('passed') === 0) process.exitCode = 1;
}

export const suiteOptions = {
  bootstrap: { type: 'string' },
  kafka: { type: 'boolean', default: false },
  run: { type: 'string' },
};
