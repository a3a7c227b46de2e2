// `millrace`: puts the commands together and turns what goes wrong into one sentence and an exit code.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addConsume } from './commands/consume.ts';
import { addDescribe } from './commands/describe.ts';
import { addGroup } from './commands/group.ts';
import { addNode } from './commands/node.ts';
import { addProduce } from './commands/produce.ts';
import { addReset } from './commands/reset.ts';
import { addRun } from './commands/run.ts';
import { addTopic } from './commands/topic.ts';
import { endQuietlyOnClosedPipe, exitCode, exitCodesHelp, fail } from './output.ts';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('millrace')
  .description('stream processing for TypeScript with the log built in')
  .version(version)
  .showHelpAfterError('(add --help for more)')
  .configureHelp({ sortSubcommands: true })
  .addHelpText('after', `\nExample:\n  $ millrace run examples/flight-delays.ts\n${exitCodesHelp}`);

for (const add of [addRun, addNode, addDescribe, addTopic, addProduce, addConsume, addGroup, addReset]) add(program);

/** Commander leaves with 1 for wrong usage and 0 for help; usage has a code of its own here. */
function useExitCodes(command: Command): void {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? exitCode.ok : exitCode.usage));
  command.commands.forEach(useExitCodes);
}
useExitCodes(program);
endQuietlyOnClosedPipe();

try {
  await program.parseAsync();
} catch (error) {
  fail(error);
}
