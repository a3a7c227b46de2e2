// `millrace topic`: list, create, describe, alter, delete.
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionFlags, withClient } from '../connection.ts';
import { collectSettings, parsePositiveInteger } from '../options.ts';
import { print, printJson, printTable, say } from '../output.ts';

interface Flags extends ConnectionFlags {
  readonly json?: boolean;
  readonly internal?: boolean;
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly config?: Readonly<Record<string, string>>;
  readonly unset?: readonly string[];
}

async function list(flags: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    const topics = await client.admin().listTopics({ internal: flags.internal ?? false });
    if (flags.json === true) return printJson(topics);
    if (topics.length === 0) return say('there are no topics yet');
    printTable(
      ['topic', 'partitions', 'replicas'],
      topics.map(({ name, partitions, replicationFactor }) => [name, partitions, replicationFactor]),
    );
  });
}

async function create(name: string, { partitions, replicationFactor, config, ...flags }: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    const optional = {
      ...(partitions === undefined ? {} : { partitions }),
      ...(replicationFactor === undefined ? {} : { replicationFactor }),
      ...(config === undefined ? {} : { config }),
    };
    await client.admin().createTopics([{ name, ...optional }]);
    say(`created topic '${name}'`);
  });
}

async function describe(names: readonly string[], flags: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    const topics = await client.admin().describeTopics(names);
    if (flags.json === true) return printJson(topics);
    for (const { name, topicId, partitions, configs } of topics) {
      print(`${name} (${topicId})`);
      const rows = partitions.map((p) => [
        p.partition,
        p.startOffset,
        p.endOffset,
        p.leader,
        p.replicas.join(','),
        p.inSyncReplicas.join(','),
      ]);
      printTable(['partition', 'start', 'end', 'leader', 'replicas', 'in sync'], rows);
      const set = configs.filter(({ source }) => source === 'topic');
      printTable(
        ['setting', 'value'],
        set.map(({ name: setting, value }) => [setting, value]),
      );
    }
  });
}

async function alter(name: string, flags: Flags): Promise<void> {
  const changes = { ...flags.config, ...Object.fromEntries((flags.unset ?? []).map((setting) => [setting, null])) };
  await withClient(flags, async (client) => {
    const admin = client.admin();
    if (flags.partitions !== undefined) await admin.createPartitions(name, flags.partitions);
    if (Object.keys(changes).length > 0) await admin.alterConfigs({ kind: 'topic', name }, changes);
    say(`changed topic '${name}'`);
  });
}

async function remove(names: readonly string[], flags: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    await client.admin().deleteTopics(names);
    say(`deleted ${names.map((name) => `'${name}'`).join(', ')}`);
  });
}

export function addTopic(program: Command): void {
  const topic = program.command('topic').description('list, create, describe, alter and delete topics');
  const settingHelp = "a setting by Kafka's name, repeatable: retention.ms=86400000";
  addConnectionOptions(topic.command('list').description('every topic'))
    .option('--internal', "also the cluster's own topics")
    .option('--json', 'a line of JSON a topic')
    .addHelpText('after', '\nExample:\n  $ millrace topic list')
    .action(list);
  addConnectionOptions(topic.command('create').description('make a topic').argument('<name>'))
    .option('--partitions <n>', "default: the cluster's", parsePositiveInteger)
    .option('--replication-factor <n>', "default: the cluster's", parsePositiveInteger)
    .option('--config <name=value>', settingHelp, collectSettings)
    .addHelpText('after', '\nExample:\n  $ millrace topic create orders --partitions 4 --config cleanup.policy=compact')
    .action(create);
  addConnectionOptions(topic.command('describe').description('partitions, offsets and settings').argument('<names...>'))
    .option('--json', 'a line of JSON a topic, with every setting')
    .addHelpText('after', '\nExample:\n  $ millrace topic describe orders')
    .action(describe);
  addConnectionOptions(topic.command('alter').description('change settings, add partitions').argument('<name>'))
    .option('--partitions <n>', 'the new number, larger than now', parsePositiveInteger)
    .option('--config <name=value>', settingHelp, collectSettings)
    .option('--unset <names...>', 'settings that go back to their defaults')
    .addHelpText('after', '\nExample:\n  $ millrace topic alter orders --config retention.ms=-1')
    .action(async (name: string, flags: Flags, command: Command) => {
      if (flags.partitions === undefined && flags.config === undefined && flags.unset === undefined)
        command.error('error: nothing to change: give --partitions, --config or --unset');
      await alter(name, flags);
    });
  addConnectionOptions(
    topic.command('delete').description('delete topics and all their records').argument('<names...>'),
  )
    .addHelpText('after', '\nExample:\n  $ millrace topic delete orders')
    .action(remove);
}
