// TxnOffsetCommit: 0-4. Offsets that count once the transaction is committed. From 3 it names the member, so that one of
// a passed generation is refused, and its transaction with it (KIP-447). The first of a transaction are taken only if the
// group's partition of `__consumer_offsets` is in it (KIP-890).
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler, NodeParts } from '../handler.ts';
import { offsetsTopic } from '../topic-rules.ts';

export const txnOffsetCommit: Handler<'txnOffsetCommit'> = async (request, { parts }) => {
  const { groupId, producerId, producerEpoch } = request;
  if (groupId === '') return answer(request, () => 'INVALID_GROUP_ID');
  const exists = (topic: string, partition: number) =>
    partition >= 0 && partition < (parts.catalog.image.topics.get(topic)?.partitions ?? 0);
  const offsets = request.topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ partitionIndex }) => exists(name, partitionIndex))
      .map((partition) => ({
        topic: name,
        partition: partition.partitionIndex,
        offset: partition.committedOffset,
        leaderEpoch: partition.committedLeaderEpoch,
        metadata: partition.committedMetadata ?? '',
      })),
  );
  const { generationIdOrMemberEpoch: generationId, memberId, groupInstanceId } = request;
  const commit = () =>
    parts.groups.run(groupId, (shard) =>
      shard.commit({
        groupId,
        committer: { generationId, memberId, groupInstanceId },
        offsets,
        retentionMs: -1,
        transaction: { producerId, producerEpoch },
      }),
    );
  const outcomes = await inTransaction(request, parts, commit).catch(coordinatorErrorOf);
  if (typeof outcomes === 'string') return answer(request, () => outcomes);
  let next = 0;
  return answer(request, (topic, partition) =>
    exists(topic, partition) ? outcomes[next++]! : 'UNKNOWN_TOPIC_OR_PARTITION',
  );
};

async function inTransaction<T>(
  { groupId, ...writer }: RequestOf<'txnOffsetCommit'>,
  { topics, partitions, groups, transactionCheck }: NodeParts,
  commit: () => Promise<T>,
): Promise<T | ErrorName> {
  const { log } = await partitions.led(await topics.internal(offsetsTopic), groups.partitionFor(groupId));
  const outcome = await transactionCheck.admit(log, writer, commit);
  switch (outcome) {
    case 'TRANSACTION_ABORTABLE':
      return 'INVALID_TXN_STATE';
    case 'PRODUCER_FENCED':
      return 'INVALID_PRODUCER_EPOCH';
    case 'CONCURRENT_TRANSACTIONS':
      return 'COORDINATOR_LOAD_IN_PROGRESS'; // tried again by every client
    default:
      return outcome;
  }
}

const answer = ({ topics }: RequestOf<'txnOffsetCommit'>, errorOf: (topic: string, partition: number) => ErrorName) =>
  apis.txnOffsetCommit.response.create({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: codeOf(errorOf(name, partitionIndex)),
      })),
    })),
  });
