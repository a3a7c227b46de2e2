// `millrace cluster voters`: who has a vote in the quorum that leads the cluster's metadata, and a change of it by one
// (KIP-853). Asked by Kafka's protocol, so it serves an Apache Kafka as well.
import type { Command } from 'commander';
import type { PeerAddress } from '../../../core/server/index.ts';
import { addConnectionOptions, type ConnectionFlags, withClient } from '../connection.ts';
import { parseControllers } from '../controllers.ts';
import { parseNonNegativeInteger } from '../options.ts';
import { printJson, printTable, say } from '../output.ts';

interface Flags extends ConnectionFlags {
  readonly json?: boolean;
}

async function list(flags: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    const quorum = await client.admin().describeQuorum();
    if (flags.json === true) return printJson([quorum]);
    const end = quorum.voters.find(({ nodeId }) => nodeId === quorum.leader)?.endOffset;
    const rows = [
      ...quorum.voters.map((member) => ({ ...member, role: member.nodeId === quorum.leader ? 'leads' : 'votes' })),
      ...quorum.observers.map((member) => ({ ...member, role: 'follows' })),
    ];
    printTable(
      ['node', 'address', 'role', 'entries behind'],
      rows.map(({ nodeId, address, role, endOffset }) => [
        ...[nodeId, address === null ? null : `${address.host}:${address.port}`, role],
        end === undefined || endOffset < 0 ? null : Math.max(0, end - endOffset),
      ]),
    );
  });
}

async function add(voters: readonly PeerAddress[], _: object, command: Command): Promise<void> {
  await withClient(command.optsWithGlobals<ConnectionFlags>(), async (client) => {
    for (const voter of voters) {
      await client.admin().addVoter(voter);
      say(`node ${voter.nodeId} votes`);
    }
  });
}

async function remove(node: number, _: object, command: Command): Promise<void> {
  await withClient(command.optsWithGlobals<ConnectionFlags>(), async (client) => {
    await client.admin().removeVoter(node);
    say(`node ${node} votes no more; it goes on following`);
  });
}

export function addVoters(cluster: Command): void {
  const voters = addConnectionOptions(
    cluster.command('voters').description('who votes in the quorum that leads the metadata'),
  )
    .option('--json', 'one line of JSON')
    .addHelpText('after', '\nExample:\n  $ millrace cluster voters --bootstrap 127.0.0.1:9092')
    .action(list);
  voters
    .command('add')
    .description('give a vote to a node that runs with itself in its --controllers, once it has caught up')
    .argument('<id@host:port>', 'where other nodes reach it, as in --controllers', parseControllers)
    .action(add);
  voters
    .command('remove')
    .description('take the vote of a node')
    .argument('<node>', 'its number', parseNonNegativeInteger)
    .action(remove);
}
