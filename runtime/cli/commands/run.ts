// `millrace run`: shows how far the job is, what it gave, and what to try next.
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { noKey } from '../../../dsl/key-serde.ts';
import type { TopicSpec } from '../../../dsl/plan.ts';
import type { Progress, Summary } from '../../app/app.ts';
import { addConnectionOptions, type ConnectionFlags } from '../connection.ts';
import { compileJob, loadJob } from '../load-job.ts';
import { createLogger } from '../log-lines.ts';
import { parseChoice, parsePositiveInteger } from '../options.ts';
import { colours, exitCode, formatCount, print, say, toJson } from '../output.ts';
import { restoreText } from '../restore-text.ts';
import { type JobRun, runJobFile } from '../run-job.ts';

interface RunFlags extends ConnectionFlags {
  readonly threads: number;
  readonly from: 'earliest' | 'latest';
  readonly until?: 'end' | 'stopped';
  readonly fresh?: boolean;
  readonly instanceId?: string;
  readonly sessionTimeout?: number;
  readonly metrics?: string;
  readonly advertise?: string;
  readonly json?: boolean;
}

const refreshEveryMs = 100;

/** A bar where there is a terminal and a share to show; elsewhere nothing. */
function showProgress(progress: () => Progress): () => void {
  if (!process.stderr.isTTY) return () => {};
  const bar = new SingleBar({
    format: '{bar} {percentage} %  {records} records in  {restoring}',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    stream: process.stderr,
  });
  bar.start(1_000, 0, { records: '0', restoring: '' });
  const update = () => {
    const { sourcesRead, recordsIn, workers } = progress();
    const restoring = restoreText(workers.flatMap((worker) => worker.restoring));
    bar.update(Math.round((sourcesRead ?? 0) * 1_000), { records: formatCount(recordsIn), restoring });
  };
  const timer = setInterval(update, refreshEveryMs);
  return () => {
    clearInterval(timer);
    update();
    bar.stop();
  };
}

/** First signal: drain, flush, commit, leave. Second: at once. */
function stopOnSignals(run: JobRun): void {
  let asked = false;
  const onSignal = () => {
    if (asked) process.exit(exitCode.forced);
    asked = true;
    say('stopping: what is processed is committed; press Ctrl-C again to stop at once');
    run.stop().catch(() => {});
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

/** The flags that lead another command to the same log. */
const whereOf = ({ data, bootstrap, clientConfig }: ConnectionFlags): string =>
  Object.entries({ data, bootstrap, 'client-config': clientConfig })
    .map(([name, value]) => (value === undefined ? '' : ` --${name} ${value}`))
    .join('');

const shownAs: Readonly<Record<string, string>> = {
  int32: 'int32',
  int64: 'int64',
  safeInt64: 'int64',
  float64: 'float64',
};

/** What `consume` must be told of a topic, because its bytes don't say it. */
function formatFlags({ key, value }: TopicSpec): string {
  const keyAs = /^(windowed|session) /.test(key.name) ? 'windowed' : shownAs[key.name];
  const valueAs = shownAs[value.name];
  return [
    key.name === noKey.name ? '' : ' --keys',
    keyAs === undefined ? '' : ` --key-as ${keyAs}`,
    valueAs === undefined ? '' : ` --value-as ${valueAs}`,
  ].join('');
}

function report(job: string, file: string, where: string, summary: Summary, topics: readonly TopicSpec[]): void {
  for (const view of summary.views)
    print(view.render({ columns: process.stdout.columns || 100, colour: Boolean(process.stdout.isTTY) }));
  const seconds = summary.elapsedMs / 1_000;
  if (summary.recordsIn === 0 && summary.ending === 'end') {
    say(
      `${colours.green('caught up')}: ${job} has already processed all of its input; --fresh starts it from the beginning`,
    );
  } else {
    const what = summary.ending === 'end' ? 'done' : 'stopped';
    say(
      `${colours.green(what)}: ${job} took in ${formatCount(summary.recordsIn)} records and wrote ${formatCount(summary.recordsOut)} in ${seconds.toFixed(1)} s, ${formatCount(summary.recordsIn / seconds)} records/s`,
    );
  }
  for (const [reason, count] of Object.entries(summary.dropped))
    say(`${colours.yellow('dropped')}: ${formatCount(count)} ${reason}`);
  const shown = topics[0];
  say('\ntry next:');
  if (shown !== undefined) say(`  npx millrace consume ${shown.name} --until end${formatFlags(shown)}${where}`);
  say(`  npx millrace topic list${where}`);
  say(`  npx millrace describe ${file}`);
}

export function addRun(program: Command): void {
  addConnectionOptions(
    program
      .command('run')
      .description('run a job on the embedded log, or on a cluster')
      .argument('<job>', 'a TypeScript or JavaScript file whose default export is a job'),
  )
    .option('--threads <n>', 'worker threads, each a member of the group', parsePositiveInteger, 1)
    .option(
      '--from <where>',
      'where a topic starts that the job has not read before: earliest or latest',
      parseChoice('earliest', 'latest'),
      'earliest',
    )
    .option(
      '--until <when>',
      'end: until all input that is there now is processed; stopped: until Ctrl-C (default: end where every source is bounded)',
      parseChoice('end', 'stopped'),
    )
    .option('--fresh', "forget the job's offsets and state and delete the topics it fills, then start")
    .option(
      '--instance-id <name>',
      'static membership: a restart gets its tasks back without a rebalance; another name for each process',
    )
    .option(
      '--session-timeout <ms>',
      'after which a process that is not heard of loses its tasks (default: 45000)',
      parsePositiveInteger,
    )
    .option(
      '--metrics <address>',
      '[host:]port where it answers over HTTP: /metrics for Prometheus, /status for millrace top, /stores for queries; without a host, from this machine only',
    )
    .option(
      '--advertise <address>',
      'host:port where other processes of the job reach that (default: what it listens on)',
    )
    .option('--json', 'the summary as one line of JSON on stdout')
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace run examples/flight-delays.ts\n  $ millrace run job.ts --threads 2 --until end\n  $ millrace run job.ts --fresh',
    )
    .action(async (file: string, flags: RunFlags) => {
      const job = await loadJob(file);
      const topology = compileJob(job);
      const run = await runJobFile(job, file, {
        ...flags,
        ...(flags.sessionTimeout !== undefined && { sessionTimeoutMs: flags.sessionTimeout }),
        logger: createLogger(),
      });
      stopOnSignals(run);
      if (run.address !== null)
        say(`figures and queries at http://${run.address}; look with: npx millrace top ${run.address}`);
      if ((flags.until ?? (topology.bounded ? 'end' : 'stopped')) === 'stopped') say('running until Ctrl-C');
      const hide = showProgress(run.progress);
      let summary: Summary;
      try {
        summary = await run.done;
      } finally {
        hide();
      }
      if (flags.json === true) {
        const { views: _views, workers: _workers, sourcesRead: _read, ...figures } = summary;
        print(toJson({ job: job.name, ...figures }));
        return;
      }
      const written = topology.subTopologies.flatMap((sub) =>
        sub.steps.flatMap((step) => (step.kind === 'topicSink' && !step.internal ? [step.topic] : [])),
      );
      const last = topology.views.map((view) => view.topic);
      report(job.name, file, whereOf(flags), summary, [...last, ...written.reverse()]);
    });
}
