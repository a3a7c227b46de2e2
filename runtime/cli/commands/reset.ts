// `millrace reset`: takes a job back to before its first run. Says what goes, and asks.
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { Fault } from '../../../core/kernel/fault.ts';
import { planReset, type ResetPlan } from '../../app/prepare.ts';
import { addConnectionOptions, type ConnectionFlags, openConnection } from '../connection.ts';
import { compileJob, loadJob } from '../load-job.ts';
import { createLogger } from '../log-lines.ts';
import { dataFolderDefault } from '../options.ts';
import { say } from '../output.ts';
import { resetJob } from '../reset-job.ts';
import { openStateEngine, stateFolder } from '../state-folder.ts';

interface Flags extends ConnectionFlags {
  readonly yes?: boolean;
}

function describePlan(job: string, { deleteTopics, forgetOffsetsOf, deleteState }: ResetPlan): string {
  const lines = [
    ...deleteTopics.map((topic) => `  delete topic ${topic} and its records`),
    ...forgetOffsetsOf.map((topic) => `  forget how far ${topic} was read; the topic stays`),
    ...(deleteState.length === 0 ? [] : [`  delete the local state of ${deleteState.length} tasks`]),
    `  delete the group ${job}`,
  ];
  return [`resetting job ${job} will`, ...lines].join('\n');
}

async function confirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Fault('NEEDS_CONFIRMATION', {});
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question('go on? [y/N] ')).trim());
  } finally {
    prompt.close();
  }
}

export function addReset(program: Command): void {
  addConnectionOptions(
    program
      .command('reset')
      .description("delete a job's own topics, the topics it fills, its offsets and its state")
      .argument('<job>', 'a job file'),
  )
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExamples:\n  $ millrace reset job.ts\n  $ millrace reset job.ts --yes')
    .action(async (file: string, flags: Flags) => {
      const topology = compileJob(await loadJob(file));
      await using connection = await openConnection(flags, createLogger());
      const admin = connection.client.admin();
      const data = flags.data ?? dataFolderDefault;
      const stateEngine = await openStateEngine(data, topology.job);
      const plan = await planReset(topology, admin, stateEngine);
      say(describePlan(topology.job, plan));
      if (flags.yes !== true && !(await confirmed())) return say('nothing was changed');
      await resetJob({ topology, admin, stateEngine, folder: stateFolder(data, topology.job) }, plan);
      say('done');
    });
}
