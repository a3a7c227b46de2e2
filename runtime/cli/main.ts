// `millrace`: puts the commands together and turns what goes wrong into one sentence and an exit code.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { letGarbagePileUp } from './garbage.ts';
import { endQuietlyOnClosedPipe, exitCode, exitCodesHelp, fail } from './output.ts';

/** Loaded one at a time: the parts of the others would double the time to the first answer. */
const commands = {
  cluster: async () => (await import('./commands/cluster.ts')).addCluster,
  consume: async () => (await import('./commands/consume.ts')).addConsume,
  describe: async () => (await import('./commands/describe.ts')).addDescribe,
  dev: async () => (await import('./commands/dev.ts')).addDev,
  group: async () => (await import('./commands/group.ts')).addGroup,
  node: async () => (await import('./commands/node.ts')).addNode,
  produce: async () => (await import('./commands/produce.ts')).addProduce,
  reset: async () => (await import('./commands/reset.ts')).addReset,
  run: async () => (await import('./commands/run.ts')).addRun,
  top: async () => (await import('./commands/top.ts')).addTop,
  topic: async () => (await import('./commands/topic.ts')).addTopic,
} as const satisfies Record<string, () => Promise<(program: Command) => void>>;

const packageFile = new URL('../../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

const program = new Command('millrace')
  .description('stream processing for TypeScript with the log built in')
  .version(version)
  .showHelpAfterError('(add --help for more)')
  .addHelpText('after', `\nExample:\n  $ millrace run examples/flight-delays.ts\n${exitCodesHelp}`);

const wanted = process.argv[2] ?? '';
const load = Object.hasOwn(commands, wanted) ? [commands[wanted as keyof typeof commands]] : Object.values(commands);
for (const add of await Promise.all(load.map((one) => one()))) add(program);

/** Commander leaves with 1 for wrong usage and 0 for help; usage has a code of its own here. */
function useExitCodes(command: Command): void {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? exitCode.ok : exitCode.usage));
  command.commands.forEach(useExitCodes);
}
useExitCodes(program);
endQuietlyOnClosedPipe();
letGarbagePileUp();

try {
  await program.parseAsync();
} catch (error) {
  fail(error);
}
