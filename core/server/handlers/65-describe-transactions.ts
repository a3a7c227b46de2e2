// DescribeTransactions: 0. What the coordinator holds of each transactional id (KIP-664).
import { stateNames } from '../../coordinator/transaction/record.ts';
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

export const describeTransactions: Handler<'describeTransactions'> = async (request, { parts }) => {
  const transactionStates = await Promise.all(
    request.transactionalIds.map(async (transactionalId) => {
      const found = await parts.transactions.describe(transactionalId).catch(coordinatorErrorOf);
      if (typeof found === 'string') return { transactionalId, errorCode: codeOf(found) };
      if (found === null) return { transactionalId, errorCode: codeOf('TRANSACTIONAL_ID_NOT_FOUND') };
      return {
        transactionalId,
        errorCode: 0,
        transactionState: stateNames[found.state],
        transactionTimeoutMs: found.timeoutMs,
        transactionStartTimeMs: found.startedAtMs,
        producerId: found.producerId,
        producerEpoch: found.producerEpoch,
        topics: found.topics.map(({ topic, partitions }) => ({ topic, partitions })),
      };
    }),
  );
  return apis.describeTransactions.response.create({ transactionStates });
};
