// `millrace group`: list, describe, reset.
import type { Command } from 'commander';
import type { ResetTo } from '../../../core/client/index.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { addConnectionOptions, type ConnectionFlags, withClient } from '../connection.ts';
import { type Position, parsePosition } from '../options.ts';
import { print, printJson, printTable, say } from '../output.ts';

interface Flags extends ConnectionFlags {
  readonly json?: boolean;
}

interface ResetFlags extends Flags {
  readonly topic?: readonly string[];
  readonly to: Position;
}

async function list(flags: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    const groups = await client.admin().listGroups();
    if (flags.json === true) return printJson(groups);
    if (groups.length === 0) return say('there are no groups yet');
    printTable(
      ['group', 'protocol', 'state'],
      groups.map(({ groupId, protocolType, state }) => [groupId, protocolType, state]),
    );
  });
}

async function describe(groupIds: readonly string[], flags: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    const groups = await client.admin().describeGroups(groupIds);
    if (flags.json === true) return printJson(groups);
    for (const { groupId, state, protocol, members, offsets } of groups) {
      print(`${groupId}: ${state}${protocol === '' ? '' : `, ${protocol}`}, ${members.length} members`);
      printTable(
        ['topic', 'partition', 'committed', 'end', 'lag', 'member'],
        offsets.map((o) => [o.topic, o.partition, o.committed, o.endOffset, o.lag, o.memberId]),
      );
    }
  });
}

const resetTo = (position: Position): ResetTo => {
  if (position.kind === 'offset') return { offset: position.offset };
  return position.kind === 'time' ? { timestampMs: position.timestampMs } : position.kind;
};

async function reset(groupId: string, flags: ResetFlags): Promise<void> {
  await withClient(flags, async (client) => {
    const admin = client.admin();
    const [group] = flags.topic === undefined ? await admin.describeGroups([groupId]) : [];
    const topics = flags.topic ?? [...new Set(group!.offsets.map(({ topic }) => topic))];
    if (topics.length === 0) throw new Fault('NOTHING_TO_RESET', { group: groupId });
    const described = await admin.describeTopics(topics);
    const partitions = described.flatMap(({ name, partitions: all }) =>
      all.map(({ partition }) => ({ topic: name, partition })),
    );
    const done = await admin.resetOffsets(groupId, partitions, resetTo(flags.to));
    if (flags.json === true) return printJson(done);
    printTable(
      ['topic', 'partition', 'offset'],
      done.map(({ topic, partition, offset }) => [topic, partition, offset]),
    );
  });
}

export function addGroup(program: Command): void {
  const group = program.command('group').description('list and describe consumer groups, and set their offsets');
  addConnectionOptions(group.command('list').description('every group'))
    .option('--json', 'a line of JSON a group')
    .addHelpText('after', '\nExample:\n  $ millrace group list')
    .action(list);
  addConnectionOptions(group.command('describe').description('members, offsets and lag').argument('<groups...>'))
    .option('--json', 'a line of JSON a group')
    .addHelpText('after', '\nExample:\n  $ millrace group describe flight-delays')
    .action(describe);
  addConnectionOptions(
    group.command('reset').description('set the offsets of a group that has no members').argument('<group>'),
  )
    .requiredOption(
      '--to <position>',
      'earliest, latest, an offset, or a time: 2026-01-31T12:00:00Z, @1769860800000',
      parsePosition,
    )
    .option('--topic <names...>', 'default: every topic that the group has offsets of')
    .option('--json', 'a line of JSON a partition')
    .addHelpText('after', '\nExample:\n  $ millrace group reset my-group --to earliest --topic orders')
    .action(reset);
}
