// AddOffsetsToTxn: 0-4. Puts the partition of `__consumer_offsets` that keeps the group into the transaction.
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';
import { offsetsTopic } from '../topic-rules.ts';
import { transactionError } from '../transaction-error.ts';

/** From 2 a client knows PRODUCER_FENCED. */
const fencedFrom = 2;

export const addOffsetsToTxn: Handler<'addOffsetsToTxn'> = async (request, { parts, version }) => {
  const { response } = apis.addOffsetsToTxn;
  if (request.groupId === '') return response.create({ errorCode: codeOf('INVALID_GROUP_ID') });
  try {
    await parts.topics.internal(offsetsTopic);
  } catch (error) {
    return response.create({ errorCode: codeOf(coordinatorErrorOf(error)) });
  }
  const topics = [{ topic: offsetsTopic, partitions: [parts.groups.partitionFor(request.groupId)] }];
  const added = parts.transactions.addPartitions(request.transactionalId, request, topics);
  return response.create({ errorCode: codeOf(await transactionError(added, version >= fencedFrom)) });
};
