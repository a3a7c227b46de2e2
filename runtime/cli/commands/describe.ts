// `millrace describe`: what a job is made of, without running it.
import type { Command } from 'commander';
import { describe } from '../../../dsl/compile/describe.ts';
import { mermaid } from '../../../dsl/compile/mermaid.ts';
import type { Topology } from '../../../dsl/compile/topology.ts';
import { compileJob, loadJob } from '../load-job.ts';
import { print, toJson } from '../output.ts';

/** Names and numbers: functions and serdes have no place in JSON. */
const dataOf = ({ job, options, subTopologies, topics, internalTopics, bounded }: Topology) => ({
  job,
  guarantee: options.guarantee,
  bounded,
  topics: topics.map(({ name, partitions, config }) => ({ name, partitions, config })),
  internalTopics: internalTopics.map(({ name, purpose, config }) => ({ name, purpose, config })),
  subTopologies: subTopologies.map(({ id, inputs, steps, stores, upstream }) => ({
    id,
    upstream,
    inputs: inputs.map((input) =>
      input.kind === 'topic'
        ? { topic: input.topic.name, role: input.role, bootstrap: input.bootstrap }
        : { source: input.connector.name },
    ),
    steps: steps.map((step) => ({ id: step.id, kind: step.kind, name: step.name, parents: step.parents })),
    stores: stores.map(({ name, kind, changelog }) => ({ name, kind, changelog })),
  })),
});

export function addDescribe(program: Command): void {
  program
    .command('describe')
    .description('print what a job is made of: sub-topologies, steps, stores, topics')
    .argument('<job>', 'a job file')
    .option('--mermaid', 'as a Mermaid flowchart')
    .option('--json', 'as one line of JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace describe examples/flight-delays.ts\n  $ millrace describe job.ts --mermaid > job.mmd',
    )
    .action(async (file: string, flags: { readonly mermaid?: boolean; readonly json?: boolean }) => {
      const topology = compileJob(await loadJob(file));
      if (flags.json === true) print(toJson(dataOf(topology)));
      else print(flags.mermaid === true ? mermaid(topology) : describe(topology));
    });
}
