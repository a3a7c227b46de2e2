// A transactional id at its coordinator: producer id and epoch, which partitions take part, and the end (KIP-98, in the
// form of `transaction.version` 1). Nothing here sees a batch: the producer flushes before it commits.
import { assert } from '../kernel/assert.ts';
import { Fault } from '../kernel/fault.ts';
import { type ApiName, apis, type ResponseOf } from '../protocol/api-table.ts';
import { errorOf } from '../protocol/error-code.ts';
import type { Cluster, CoordinatorKey, RequestFor } from './cluster.ts';
import type { GroupGeneration } from './group-generation.ts';
import type { OffsetToCommit } from './offsets.ts';
import type { PartitionQueue } from './partition-queue.ts';
import { isRetriable, refusal, refusedWith, retrying } from './retry.ts';
import type { ProducerIdentity } from './sender.ts';

type TransactionState = 'not begun' | 'starting' | 'ready' | 'open' | 'ending' | 'failed' | 'fenced';

const legalMoves = {
  'not begun': ['starting', 'fenced'],
  starting: ['ready', 'not begun', 'fenced'],
  ready: ['open', 'starting', 'fenced', 'failed'],
  open: ['ending', 'failed', 'fenced'],
  ending: ['ready', 'starting', 'failed', 'fenced'],
  failed: ['ending', 'fenced'],
  fenced: [],
} as const satisfies Record<TransactionState, readonly TransactionState[]>;

export interface TransactionsOptions {
  readonly cluster: Cluster;
  readonly transactionalId: string;
  /** After which the coordinator aborts a transaction. */
  readonly transactionTimeoutMs: number;
  /** How long a step is tried. */
  readonly apiTimeoutMs: number;
  /** Partitions were admitted, or there is an identity: batches may go. */
  readonly onProgress: () => void;
  /** The transaction can only be aborted from here on. */
  readonly onFailed: (error: Fault) => void;
}

export interface Transactions {
  /** Takes the id over from whoever had it, and ends what they left open. */
  init(): Promise<void>;
  begin(): void;
  /** @throws Fault `TRANSACTION_STATE` outside of a transaction, or what broke it */
  assertOpen(action: string): void;
  /** For a record that was handed in before the end began. @throws Fault what broke the transaction */
  assertUnbroken(): void;
  identity(): ProducerIdentity | null;
  admits(queue: PartitionQueue): boolean;
  /** The transaction can only be aborted. `countLost`: the logs may count other sequences, so it needs a new epoch. */
  fail(error: Fault, countLost: boolean): void;
  sendOffsets(groupId: string, offsets: readonly OffsetToCommit[], generation?: GroupGeneration): Promise<void>;
  /** From here on no record is taken. @throws Fault as `assertOpen`; an abort may also follow on what broke the transaction */
  beginEnd(commit: boolean): void;
  /**
   * After `beginEnd`, when all that was written is settled.
   *
   * @returns how it ended: 'committed' also for an abort that came too late, after a commit that nobody had answered
   */
  end(commit: boolean): Promise<'committed' | 'aborted'>;
  readonly isOpen: boolean;
  /** Counts identities: another number means that sequences begin at 0. */
  readonly identityCount: number;
}

const fencing = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_PRODUCER_ID_MAPPING']);
const generationPassed = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'FENCED_INSTANCE_ID',
  'REBALANCE_IN_PROGRESS',
]);

export function createTransactions(options: TransactionsOptions): Transactions {
  const { cluster, transactionalId, apiTimeoutMs } = options;
  const { clock, random } = cluster;
  const coordinator: CoordinatorKey = { kind: 'transaction', key: transactionalId };
  let state: TransactionState = 'not begun';
  let identity: ProducerIdentity | null = null;
  let identityCount = 0;
  let failure: Fault | null = null;
  let countLost = false;
  let hasBegunThere = false;
  /** The coordinator was asked to commit this transaction, and may have done so. */
  let isCommitAsked = false;
  const admitted = new Set<PartitionQueue>();
  const wanted = new Set<PartitionQueue>();
  let isAdding = false;

  function moveTo(next: TransactionState): void {
    assert(
      (legalMoves[state] as readonly TransactionState[]).includes(next),
      `a transaction may not go from ${state} to ${next}`,
    );
    state = next;
  }

  /** What an await in between may have made of it. */
  const current = (): TransactionState => state;
  const wrongState = (action: string) => new Fault('TRANSACTION_STATE', { transactionalId, action, state });
  const fenced = () => new Fault('PRODUCER_FENCED', { transactionalId });

  /** Asks the coordinator until it gives no retriable error. @param errorCodeOf the first error in the answer, or 0 */
  function ask<N extends ApiName>(
    of: CoordinatorKey,
    api: N,
    request: RequestFor<N>,
    errorCodeOf: (answer: ResponseOf<N>) => number,
    subject: string,
  ): Promise<ResponseOf<N>> {
    const isPassing = (error: unknown) => isRetriable(error) || refusedWith(error) === 'CONCURRENT_TRANSACTIONS';
    return retrying({ clock, random, timeoutMs: apiTimeoutMs, retriable: isPassing }, async () => {
      const answer = await cluster.callCoordinator(of, api, request);
      const errorCode = errorCodeOf(answer);
      if (errorCode === 0) return answer;
      cluster.coordinatorMoved(of, errorCode);
      throw refusal(api, errorCode, subject);
    });
  }

  /** Turns an error that means the loss of the id into a Fault that says so. */
  function judge(error: unknown): unknown {
    const name = refusedWith(error);
    if (name === undefined || !fencing.has(name)) return error;
    if (state !== 'fenced') moveTo('fenced');
    return fenced();
  }

  async function init(): Promise<void> {
    if (state !== 'not begun' && state !== 'ready' && state !== 'ending') throw wrongState('start');
    const before = state;
    moveTo('starting');
    try {
      const request = apis.initProducerId.request.create({
        transactionalId,
        transactionTimeoutMs: options.transactionTimeoutMs,
        producerId: identity?.producerId ?? -1,
        producerEpoch: identity?.producerEpoch ?? -1,
      });
      const answer = await ask(coordinator, 'initProducerId', request, (a) => a.errorCode, transactionalId);
      identity = { producerId: answer.producerId, producerEpoch: answer.producerEpoch };
      identityCount += 1;
      countLost = false;
      moveTo('ready');
      options.onProgress();
    } catch (error) {
      const judged = judge(error);
      if (current() === 'starting') moveTo('not begun');
      if (before === 'ending') identity = null;
      throw judged;
    }
  }

  /** Adds the wanted partitions, all that came up in this turn at once. */
  async function addPartitions(): Promise<void> {
    await Promise.resolve();
    const added = [...wanted];
    const topics = new Map<string, number[]>();
    for (const { topic, partition } of added) topics.set(topic, [...(topics.get(topic) ?? []), partition]);
    const request = apis.addPartitionsToTxn.request.create({
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: identity!.producerId,
      v3AndBelowProducerEpoch: identity!.producerEpoch,
      v3AndBelowTopics: [...topics].map(([name, partitions]) => ({ name, partitions })),
    });
    const firstError = (answer: ResponseOf<'addPartitionsToTxn'>) => {
      const codes = answer.resultsByTopicV3AndBelow.flatMap((topic) =>
        topic.resultsByPartition.map((result) => result.partitionErrorCode),
      );
      const named = codes.filter((code) => code !== 0 && errorOf(code).name !== 'OPERATION_NOT_ATTEMPTED');
      return answer.errorCode !== 0 ? answer.errorCode : (named[0] ?? codes.find((code) => code !== 0) ?? 0);
    };
    try {
      hasBegunThere = true;
      await ask(coordinator, 'addPartitionsToTxn', request, firstError, transactionalId);
      for (const queue of added) {
        wanted.delete(queue);
        admitted.add(queue);
      }
    } catch (error) {
      wanted.clear();
      fail(faultOf(judge(error)), false);
    } finally {
      isAdding = false;
      options.onProgress();
    }
  }

  const faultOf = (error: unknown): Fault =>
    error instanceof Fault
      ? error
      : new Fault('REMOTE_FAILED', { what: `the transaction of '${transactionalId}'`, reason: String(error) }, error);

  function fail(error: Fault, lost: boolean): void {
    countLost ||= lost;
    if (state === 'open' || state === 'ending' || state === 'ready') moveTo('failed');
    if (failure !== null) return;
    failure = error;
    options.onFailed(error);
  }

  async function sendOffsets(
    groupId: string,
    offsets: readonly OffsetToCommit[],
    generation?: GroupGeneration,
  ): Promise<void> {
    assertOpen('send offsets');
    const group: CoordinatorKey = { kind: 'group', key: groupId };
    const who = { transactionalId, producerId: identity!.producerId, producerEpoch: identity!.producerEpoch, groupId };
    try {
      hasBegunThere = true;
      const add = apis.addOffsetsToTxn.request.create(who);
      await ask(coordinator, 'addOffsetsToTxn', add, (a) => a.errorCode, transactionalId);
      const topics = new Map<string, OffsetToCommit[]>();
      for (const offset of offsets) topics.set(offset.topic, [...(topics.get(offset.topic) ?? []), offset]);
      const commit = apis.txnOffsetCommit.request.create({
        ...who,
        generationIdOrMemberEpoch: generation?.generationId ?? -1,
        memberId: generation?.memberId ?? '',
        groupInstanceId: generation?.groupInstanceId ?? null,
        topics: [...topics].map(([name, list]) => ({
          name,
          partitions: list.map(({ partition, offset, leaderEpoch, metadata }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedLeaderEpoch: leaderEpoch ?? -1,
            committedMetadata: metadata ?? '',
          })),
        })),
      });
      const firstError = (a: ResponseOf<'txnOffsetCommit'>) =>
        a.topics.flatMap((topic) => topic.partitions).find((partition) => partition.errorCode !== 0)?.errorCode ?? 0;
      await ask(group, 'txnOffsetCommit', commit, firstError, groupId);
    } catch (error) {
      const name = refusedWith(error);
      const judged =
        name !== undefined && generationPassed.has(name)
          ? new Fault('REBALANCED', { group: groupId, error: name }, error)
          : judge(error);
      fail(faultOf(judged), false);
      throw judged;
    }
  }

  function beginEnd(commit: boolean): void {
    if (commit) assertOpen('commit');
    else if (state === 'fenced') throw fenced();
    else if (state !== 'open' && state !== 'failed') throw wrongState('abort');
    moveTo('ending');
  }

  async function end(commit: boolean): Promise<'committed' | 'aborted'> {
    while (isAdding) await clock.sleep(5);
    if (current() === 'fenced') throw fenced();
    if (current() === 'failed') {
      if (commit) throw failure!;
      moveTo('ending');
    }
    let outcome: 'committed' | 'aborted' = commit ? 'committed' : 'aborted';
    try {
      if (hasBegunThere) outcome = await endThere(commit);
    } catch (error) {
      const judged = judge(error);
      if (current() === 'ending') fail(faultOf(judged), true);
      throw judged;
    }
    admitted.clear();
    wanted.clear();
    hasBegunThere = false;
    isCommitAsked = false;
    failure = null;
    if (countLost) await init();
    else moveTo('ready');
    return outcome;
  }

  /** An abort of what the coordinator has ended already, because it timed out or committed it, is settled by a new epoch (KIP-588). */
  async function endThere(commit: boolean): Promise<'committed' | 'aborted'> {
    isCommitAsked ||= commit;
    const request = apis.endTxn.request.create({
      transactionalId,
      producerId: identity!.producerId,
      producerEpoch: identity!.producerEpoch,
      committed: commit,
    });
    try {
      await ask(coordinator, 'endTxn', request, (a) => a.errorCode, transactionalId);
      return commit ? 'committed' : 'aborted';
    } catch (error) {
      const name = refusedWith(error);
      if (commit || name === undefined || !(fencing.has(name) || name === 'INVALID_TXN_STATE')) throw error;
      countLost = true;
      // One that timed out is refused by its epoch.
      return isCommitAsked && name === 'INVALID_TXN_STATE' ? 'committed' : 'aborted';
    }
  }

  function assertOpen(action: string): void {
    if (state === 'open') return;
    if (failure !== null) throw failure;
    throw state === 'fenced' ? fenced() : wrongState(action);
  }

  function assertUnbroken(): void {
    if (failure !== null) throw failure;
    if (state !== 'ending') assertOpen('write');
  }

  return {
    init,
    begin() {
      if (state === 'fenced') throw fenced();
      if (state !== 'ready') throw wrongState('begin');
      moveTo('open');
    },
    assertOpen,
    assertUnbroken,
    identity: () => (state === 'starting' || state === 'not begun' ? null : identity),
    admits(queue) {
      if (admitted.has(queue)) return true;
      wanted.add(queue);
      if (!isAdding) {
        isAdding = true;
        void addPartitions();
      }
      return false;
    },
    fail,
    sendOffsets,
    beginEnd,
    end,
    get isOpen() {
      return state === 'open' || state === 'failed';
    },
    get identityCount() {
      return identityCount;
    },
  };
}
