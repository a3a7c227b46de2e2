// `millrace describe`: what a job is made of, without running it, and what a new version of it does to what there is.
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Fault } from '../../../core/kernel/fault.ts';
import { compareTopologies } from '../../../dsl/compile/compare-topologies.ts';
import { describe } from '../../../dsl/compile/describe.ts';
import { mermaid } from '../../../dsl/compile/mermaid.ts';
import { type TopologyData, topologyData } from '../../../dsl/compile/topology-data.ts';
import { compileJob, loadJob } from '../load-job.ts';
import { exitCode, print, toJson } from '../output.ts';

interface Flags {
  readonly mermaid?: boolean;
  readonly json?: boolean;
  readonly diff?: string;
}

export function addDescribe(program: Command): void {
  program
    .command('describe')
    .description('print what a job is made of: sub-topologies, steps, stores, topics')
    .argument('<job>', 'a job file')
    .option('--mermaid', 'as a Mermaid flowchart')
    .option('--json', 'as one line of JSON')
    .option('--diff <old>', 'what becomes of state and topics, against the --json of an older version')
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace describe examples/flight-delays.ts\n  $ millrace describe job.ts --mermaid > job.mmd\n  $ millrace describe job.ts --json > before.json\n  $ millrace describe job.ts --diff before.json',
    )
    .action(async (file: string, flags: Flags) => {
      const topology = compileJob(await loadJob(file));
      if (flags.diff !== undefined)
        printChanges(await readData(flags.diff), topologyData(topology), flags.json === true);
      else if (flags.json === true) print(toJson(topologyData(topology)));
      else print(flags.mermaid === true ? mermaid(topology) : describe(topology));
    });
}

/** Ends with an error where the new version would be refused, so that a deployment can ask before. */
function printChanges(before: TopologyData, after: TopologyData, asJson: boolean): void {
  const changes = compareTopologies(before, after);
  if (asJson) print(toJson(changes));
  else if (changes.length === 0) print('nothing changes');
  else for (const { kind, what, means } of changes) print(`${kind.padEnd(8)}${what}: ${means}`);
  if (changes.some(({ kind }) => kind === 'refused')) process.exitCode = exitCode.failed;
}

async function readData(path: string): Promise<TopologyData> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'there is no such file' : error.message;
    throw new Fault('FILE_FAILED', { path, reason }, error);
  });
  const data = parsed(text) as Partial<TopologyData> | null;
  if (typeof data?.job === 'string' && Array.isArray(data.subTopologies) && Array.isArray(data.internalTopics))
    return data as TopologyData;
  throw new Fault('FILE_FAILED', { path, reason: "it isn't what 'millrace describe --json' prints" });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
