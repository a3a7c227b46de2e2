// AddPartitionsToTxn: 0-5. Version 3 is flexible; from 4 it carries many transactions and may only ask whether a
// partition is in one, for nodes among themselves (KIP-890), though some clients send it too; 5 says that
// TRANSACTION_ABORTABLE is understood. Up to 3 one transaction stands in the fields called v3AndBelow.
import { array, bool, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

const addPartitionsToTxnTopic = {
  name: string(),
  partitions: array(int32()),
};

export const addPartitionsToTxnRequest = message(
  { name: 'AddPartitionsToTxnRequest', apiKey: 24, versions: [0, 5], flexibleFrom: 3 },
  {
    transactions: array(
      {
        transactionalId: string(),
        producerId: int64(),
        producerEpoch: int16(),
        verifyOnly: bool(),
        topics: array(addPartitionsToTxnTopic),
      },
      { since: 4 },
    ),
    v3AndBelowTransactionalId: string({ until: 3 }),
    v3AndBelowProducerId: int64({ until: 3 }),
    v3AndBelowProducerEpoch: int16({ until: 3 }),
    v3AndBelowTopics: array(addPartitionsToTxnTopic, { until: 3 }),
  },
);
export type AddPartitionsToTxnRequest = Infer<typeof addPartitionsToTxnRequest>;

const addPartitionsToTxnPartitionResult = {
  partitionIndex: int32(),
  partitionErrorCode: int16(),
};

const addPartitionsToTxnTopicResult = {
  name: string(),
  resultsByPartition: array(addPartitionsToTxnPartitionResult),
};

export const addPartitionsToTxnResponse = message(
  { name: 'AddPartitionsToTxnResponse', apiKey: 24, versions: [0, 5], flexibleFrom: 3 },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ since: 4, ignorable: true }),
    resultsByTransaction: array(
      {
        transactionalId: string(),
        topicResults: array(addPartitionsToTxnTopicResult),
      },
      { since: 4 },
    ),
    resultsByTopicV3AndBelow: array(addPartitionsToTxnTopicResult, { until: 3 }),
  },
);
export type AddPartitionsToTxnResponse = Infer<typeof addPartitionsToTxnResponse>;
