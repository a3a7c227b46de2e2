// What may follow what in a transaction: pure. Each function takes what is known of a transactional id and says the next
// state, or why not, in the protocol's errors (Kafka's TransactionCoordinator and TransactionMetadata; KIP-98, KIP-360).
import type { Transaction, TransactionTopic } from './record.ts';

export type TransactionRefusal =
  | 'CONCURRENT_TRANSACTIONS'
  | 'INVALID_PRODUCER_EPOCH'
  | 'INVALID_PRODUCER_ID_MAPPING'
  | 'INVALID_TRANSACTION_TIMEOUT'
  | 'INVALID_TXN_STATE'
  | 'PRODUCER_FENCED'
  | 'TRANSACTION_ABORTABLE';

export type Decision =
  | { readonly kind: 'refuse'; readonly error: TransactionRefusal }
  /** Nothing changes. */
  | { readonly kind: 'accept'; readonly transaction: Transaction }
  | { readonly kind: 'become'; readonly transaction: Transaction };

export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

const refuse = (error: TransactionRefusal): Decision => ({ kind: 'refuse', error });
const become = (transaction: Transaction): Decision => ({ kind: 'become', transaction });

const sameProducer = (one: ProducerIdentity, other: ProducerIdentity | null) =>
  one.producerId === other?.producerId && one.producerEpoch === other.producerEpoch;

/** The epoch is an int16, and the last one stays free for fencing. */
const producerEpochMax = 32_766;

const isEnding = (transaction: Transaction) =>
  transaction.state === 'prepareCommit' || transaction.state === 'prepareAbort';

function checkProducer(transaction: Transaction | undefined, producer: ProducerIdentity): TransactionRefusal | null {
  if (transaction === undefined || transaction.producerId !== producer.producerId) return 'INVALID_PRODUCER_ID_MAPPING';
  return transaction.producerEpoch === producer.producerEpoch ? null : 'PRODUCER_FENCED';
}

/**
 * A producer begins. What an earlier one left open is aborted first, with an epoch that shuts it out: the caller carries
 * that out and answers CONCURRENT_TRANSACTIONS, upon which the producer asks again.
 *
 * @param freshProducerId for an id that is new or whose epochs are used up
 * @param expected what the producer believes to have (from version 3), or null
 */
export function begin(
  known: Transaction | undefined,
  request: {
    readonly transactionalId: string;
    readonly timeoutMs: number;
    readonly timeoutMsMax: number;
    readonly nowMs: number;
    readonly freshProducerId: number;
    readonly expected: ProducerIdentity | null;
    /** What the producer said to have when it got what is known now; null where it said nothing. */
    readonly raisedFrom: ProducerIdentity | null;
  },
): Decision {
  const { transactionalId, timeoutMs, nowMs, expected } = request;
  if (timeoutMs <= 0 || timeoutMs > request.timeoutMsMax) return refuse('INVALID_TRANSACTION_TIMEOUT');
  const empty = {
    transactionalId,
    timeoutMs,
    state: 'empty',
    topics: [],
    startedAtMs: -1,
    updatedAtMs: nowMs,
  } as const;
  if (known === undefined) return become({ ...empty, producerId: request.freshProducerId, producerEpoch: 0 });
  // The answer to the raise was lost, and this is the same request again (KIP-360).
  if (known.state === 'empty' && expected !== null && sameProducer(expected, request.raisedFrom))
    return { kind: 'accept', transaction: known };
  if (expected !== null && expected.producerId !== known.producerId) return refuse('INVALID_PRODUCER_ID_MAPPING');
  if (expected !== null && expected.producerEpoch !== known.producerEpoch) return refuse('PRODUCER_FENCED');
  if (isEnding(known)) return refuse('CONCURRENT_TRANSACTIONS');
  if (known.state === 'ongoing') return become(fence(known, nowMs));
  return known.producerEpoch >= producerEpochMax
    ? become({ ...empty, producerId: request.freshProducerId, producerEpoch: 0 })
    : become({ ...empty, producerId: known.producerId, producerEpoch: known.producerEpoch + 1 });
}

/** Aborts an ongoing transaction over its producer's head: its epoch is worth nothing from here. */
export const fence = (transaction: Transaction, nowMs: number): Transaction => ({
  ...transaction,
  producerEpoch: transaction.producerEpoch + 1,
  state: 'prepareAbort',
  updatedAtMs: nowMs,
});

/** Puts partitions into the transaction, beginning it with the first. */
export function addPartitions(
  known: Transaction | undefined,
  producer: ProducerIdentity,
  topics: readonly TransactionTopic[],
  nowMs: number,
): Decision {
  const refused = checkProducer(known, producer);
  if (refused !== null) return refuse(refused);
  const transaction = known!;
  if (isEnding(transaction)) return refuse('CONCURRENT_TRANSACTIONS');
  const ongoing = transaction.state === 'ongoing';
  const merged = mergeTopics(ongoing ? transaction.topics : [], topics);
  if (ongoing && merged === transaction.topics) return { kind: 'accept', transaction };
  return become({
    ...transaction,
    state: 'ongoing',
    topics: merged,
    startedAtMs: ongoing ? transaction.startedAtMs : nowMs,
    updatedAtMs: nowMs,
  });
}

/** `before` itself when nothing is new. */
function mergeTopics(
  before: readonly TransactionTopic[],
  added: readonly TransactionTopic[],
): readonly TransactionTopic[] {
  const merged = new Map(before.map(({ topic, partitions }) => [topic, new Set(partitions)]));
  let grown = false;
  for (const { topic, partitions } of added) {
    const have = merged.get(topic) ?? new Set();
    merged.set(topic, have);
    for (const partition of partitions) {
      grown ||= !have.has(partition);
      have.add(partition);
    }
  }
  return grown ? [...merged].map(([topic, partitions]) => ({ topic, partitions: [...partitions] })) : before;
}

/** Commits or aborts. Said again after it was carried out, it is accepted: the first answer may have been lost. */
export function end(
  known: Transaction | undefined,
  producer: ProducerIdentity,
  commit: boolean,
  nowMs: number,
): Decision {
  const refused = checkProducer(known, producer);
  if (refused !== null) return refuse(refused);
  const transaction = known!;
  switch (transaction.state) {
    case 'ongoing':
      return become({ ...transaction, state: commit ? 'prepareCommit' : 'prepareAbort', updatedAtMs: nowMs });
    case 'completeCommit':
      return commit ? { kind: 'accept', transaction } : refuse('INVALID_TXN_STATE');
    case 'completeAbort':
      return commit ? refuse('INVALID_TXN_STATE') : { kind: 'accept', transaction };
    case 'prepareCommit':
      return refuse(commit ? 'CONCURRENT_TRANSACTIONS' : 'INVALID_TXN_STATE');
    case 'prepareAbort':
      return refuse(commit ? 'INVALID_TXN_STATE' : 'CONCURRENT_TRANSACTIONS');
    case 'empty':
      return refuse('INVALID_TXN_STATE');
  }
}

/** All markers are written. */
export const complete = (transaction: Transaction, nowMs: number): Transaction => ({
  ...transaction,
  state: transaction.state === 'prepareCommit' ? 'completeCommit' : 'completeAbort',
  topics: [],
  startedAtMs: -1,
  updatedAtMs: nowMs,
});
