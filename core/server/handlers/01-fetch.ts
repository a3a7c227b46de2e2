// Fetch: 4-18. Waits for minBytes up to maxWaitMs and hands on batches as they are stored. Sessions begin with version 7;
// every answer here has session id 0, which says that there is none, so each request names all its partitions (KIP-227).
// From 13 topics have ids. A partition that can't be read has an error of its own and ends the wait.
import type { RequestOf, ResponseOf } from '../../protocol/api-table.ts';
import { apis } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { type Call, codeOf, epochError, errorNameOf, findTopic, type Handler } from '../handler.ts';
import { completeFetch, type PartitionRead } from '../pending-fetch.ts';

const idsFrom = 13;
const noSession = 0;

type AskedTopic = RequestOf<'fetch'>['topics'][number];
type AskedPartition = AskedTopic['partitions'][number];
type PartitionAnswer = ResponseOf<'fetch'>['responses'][number]['partitions'][number];

export const fetch: Handler<'fetch'> = async (request, call) => {
  if (request.sessionId !== noSession) {
    return apis.fetch.response.create({ errorCode: codeOf('FETCH_SESSION_ID_NOT_FOUND') });
  }
  const { parts, caller } = call;
  const topics = await Promise.all(
    request.topics.map(async (topic) => ({
      topic,
      reads: await Promise.all(topic.partitions.map((asked) => open(topic, asked, call))),
    })),
  );
  const isolation = request.isolationLevel === 1 ? 'readCommitted' : 'readUncommitted';
  await completeFetch(
    {
      reads: topics.flatMap(({ reads }) => reads),
      bytesMax: Math.min(request.maxBytes, parts.settings['fetch.max.bytes']),
      bytesMin: request.minBytes,
      waitMsMax: request.maxWaitMs,
      isolation,
    },
    { clock: parts.clock, signal: caller.signal, onClose: parts.onClose },
  );
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    sessionId: noSession,
    responses: topics.map(({ topic, reads }) => ({
      topic: topic.topic,
      topicId: topic.topicId,
      partitions: reads.map((read, i) => answer(topic.partitions[i]!.partition, read, isolation === 'readCommitted')),
    })),
    nodeEndpoints: [],
  };
};

async function open(
  asked: AskedTopic,
  { partition, fetchOffset, partitionMaxBytes, currentLeaderEpoch }: AskedPartition,
  call: Call,
) {
  const read = (log: PartitionRead['log'], error: ErrorName): PartitionRead => ({
    log,
    bytesMax: partitionMaxBytes,
    error,
    nextOffset: fetchOffset,
    bytes: 0,
    records: [],
    aborted: [],
    moved: log !== null,
  });
  const topic = findTopic(call.parts, { name: asked.topic, topicId: asked.topicId }, call.version >= idsFrom);
  if (typeof topic === 'string') return read(null, topic);
  if (partition < 0 || partition >= topic.partitions) return read(null, 'UNKNOWN_TOPIC_OR_PARTITION');
  try {
    const log = await call.parts.topics.log(topic, partition);
    const error = epochError(currentLeaderEpoch, log.leaderEpoch);
    return error === null ? read(log, 'NONE') : read(null, error);
  } catch (error) {
    return read(null, errorNameOf(error));
  }
}

const answer = (
  partitionIndex: number,
  { log, error, records, aborted }: PartitionRead,
  committed: boolean,
): PartitionAnswer => ({
  partitionIndex,
  errorCode: codeOf(error),
  highWatermark: log?.highWatermark ?? -1,
  lastStableOffset: log?.lastStableOffset ?? -1,
  logStartOffset: log?.logStartOffset ?? -1,
  divergingEpoch: { epoch: -1, endOffset: -1 },
  currentLeader: { leaderId: -1, leaderEpoch: -1 },
  snapshotId: { endOffset: -1, epoch: -1 },
  abortedTransactions: committed ? aborted : null,
  preferredReadReplica: -1,
  records,
});
