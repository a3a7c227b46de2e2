// AddPartitionsToTxn: 0-5. Up to 3 one transaction; from 4 many, each of which may only be asked about (KIP-890), and
// TRANSACTION_ABORTABLE, which 5 knows, means that a partition isn't in it. All partitions of a request are put in, or none: those that stand in the way have their own error, the others
// OPERATION_NOT_ATTEMPTED.
import { apis, type RequestOf, type ResponseInit } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf } from '../error-names.ts';
import type { Call, Handler } from '../handler.ts';
import { transactionError } from '../transaction-error.ts';

const batchedFrom = 4;
/** From 2 a client knows PRODUCER_FENCED. */
const fencedFrom = 2;
const abortableFrom = 5;

type Wanted = RequestOf<'addPartitionsToTxn'>['transactions'][number];
type TopicResults = NonNullable<ResponseInit<'addPartitionsToTxn'>['resultsByTopicV3AndBelow']>;

export const addPartitionsToTxn: Handler<'addPartitionsToTxn'> = async (request, call) => {
  const { response } = apis.addPartitionsToTxn;
  if (call.version < batchedFrom) {
    const wanted: Wanted = {
      transactionalId: request.v3AndBelowTransactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
      verifyOnly: false,
      topics: request.v3AndBelowTopics,
    };
    return response.create({ resultsByTopicV3AndBelow: await add(wanted, call) });
  }
  const resultsByTransaction = await Promise.all(
    request.transactions.map(async (wanted) => ({
      transactionalId: wanted.transactionalId,
      topicResults: await (wanted.verifyOnly ? verify(wanted, call) : add(wanted, call)),
    })),
  );
  return response.create({ resultsByTransaction });
};

const results = ({ topics }: Wanted, errorOf: (topic: string, partition: number) => ErrorName): TopicResults =>
  topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: codeOf(errorOf(name, partitionIndex)),
    })),
  }));

async function add(wanted: Wanted, { parts, version }: Call): Promise<TopicResults> {
  const unknown = (name: string, partition: number) =>
    partition < 0 || partition >= (parts.catalog.image.topics.get(name)?.partitions ?? 0);
  if (wanted.topics.some(({ name, partitions }) => partitions.some((partition) => unknown(name, partition)))) {
    return results(wanted, (name, partition) =>
      unknown(name, partition) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'OPERATION_NOT_ATTEMPTED',
    );
  }
  const topics = wanted.topics.map(({ name, partitions }) => ({ topic: name, partitions }));
  const error = await transactionError(
    parts.transactions.addPartitions(wanted.transactionalId, wanted, topics),
    version >= fencedFrom,
  );
  return results(wanted, () => error);
}

async function verify(wanted: Wanted, { parts, version }: Call): Promise<TopicResults> {
  const errors = new Map<string, ErrorName>();
  for (const { name, partitions } of wanted.topics) {
    for (const partition of partitions) {
      const asked = parts.transactions.verify(wanted.transactionalId, wanted, name, partition);
      const error = await transactionError(asked, true);
      const isUnknown = error === 'TRANSACTION_ABORTABLE' && version < abortableFrom;
      errors.set(`${name}-${partition}`, isUnknown ? 'INVALID_TXN_STATE' : error);
    }
  }
  return results(wanted, (name, partition) => errors.get(`${name}-${partition}`)!);
}
