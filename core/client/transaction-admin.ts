// Transactions as an administrator sees and ends them: those whose producer is known to be dead would hide what comes
// after them from readers of committed records until their timeout.
import { apis } from '../protocol/api-table.ts';
import { type AdminCalls, apiTimeoutMs } from './admin-call.ts';
import type { CoordinatorKey } from './cluster.ts';
import { isRetriable, refusal, refusedWith, retrying } from './retry.ts';

export interface TransactionSummary {
  readonly transactionalId: string;
  readonly producerId: number;
  /** As Kafka names it: Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort, Empty, Dead. */
  readonly state: string;
}

export interface TransactionAdmin {
  /** Of all nodes, by id; in every state where none are named. */
  listTransactions(options?: { readonly states?: readonly string[] }): Promise<TransactionSummary[]>;
  /**
   * Ends what these ids have open and refuses whoever has them, as Kafka's Admin.fenceProducers does. Resolves when
   * the ends are written, so whoever reads after it sees past them.
   */
  fenceProducers(transactionalIds: readonly string[]): Promise<void>;
}

export function createTransactionAdmin({ cluster, ask }: AdminCalls): TransactionAdmin {
  const { clock, random } = cluster;

  async function fence(transactionalId: string): Promise<void> {
    const coordinator: CoordinatorKey = { kind: 'transaction', key: transactionalId };
    const request = apis.initProducerId.request.create({
      transactionalId,
      transactionTimeoutMs: apiTimeoutMs,
      producerId: -1,
      producerEpoch: -1,
    });
    const retriable = (error: unknown) => isRetriable(error) || refusedWith(error) === 'CONCURRENT_TRANSACTIONS';
    await retrying({ clock, random, timeoutMs: apiTimeoutMs, retriable }, async () => {
      const { errorCode } = await cluster.callCoordinator(coordinator, 'initProducerId', request);
      if (errorCode === 0) return;
      cluster.coordinatorMoved(coordinator, errorCode);
      throw refusal('initProducerId', errorCode, transactionalId);
    });
  }

  return {
    async listTransactions({ states = [] } = {}) {
      const { nodes } = await cluster.metadata([]);
      const request = apis.listTransactions.request.create({ stateFilters: [...states] });
      const lists = await Promise.all(
        nodes.map(({ nodeId }) =>
          ask(nodeId, 'listTransactions', request, (answer) => {
            if (answer.errorCode !== 0) throw refusal('listTransactions', answer.errorCode);
            return answer.transactionStates;
          }),
        ),
      );
      return lists
        .flat()
        .map(({ transactionalId, producerId, transactionState }) => ({
          transactionalId,
          producerId,
          state: transactionState,
        }))
        .sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1));
    },
    async fenceProducers(transactionalIds) {
      await Promise.all(transactionalIds.map(fence));
    },
  };
}
