// What must hold once a cluster has come to peace: what was acknowledged is there, once and where it was said to be, in the
// order of its sending; what was read is what is there; transactions are whole or not at all; copies are the same bytes.
import type { Client } from '../../../core/client/index.ts';
import { partitionName } from '../../../core/kernel/ids.ts';
import { apis } from '../../../core/protocol/api-table.ts';
import type { StorageNode } from '../../../core/server/node.ts';
import { readTopic } from '../read-topic.ts';
import { type History, paired, partitions, plain } from './load.ts';

export async function checkHistory(client: Client, { sent, acknowledged, transactions, read }: History) {
  const wrong: string[] = [];
  const there = await readTopic(client, plain, partitions);
  const valueAt = new Map(there.map(({ partition, offset, value }) => [`${partition} ${offset}`, textOf(value)]));
  for (const { partition, offset, value } of acknowledged) {
    const found = valueAt.get(`${partition} ${offset}`);
    if (found !== value)
      wrong.push(`${value} was acknowledged at ${offset} of ${partition}, where ${found ?? 'nothing'} is`);
  }
  for (const [partition, values] of sent.entries()) {
    const found = there.filter((record) => record.partition === partition).map(({ value }) => textOf(value));
    // All are acknowledged in the end, so what is there is what was sent.
    if (found.join(' ') !== values.join(' ')) wrong.push(`${partition} has ${differenceOf(found, values)}`);
  }
  for (const [partition, records] of read.entries())
    for (const [offset, value] of records)
      if (valueAt.get(`${partition} ${offset}`) !== value)
        wrong.push(
          `${value} was read at ${offset} of ${partition}, where ${valueAt.get(`${partition} ${offset}`) ?? 'nothing'} is`,
        );
  return [...wrong, ...(await checkTransactions(client, transactions))];
}

/** What was copied is what was sent, once and in its order. */
export async function checkCopied(client: Client, topic: string, { sent }: History): Promise<string[]> {
  const there = await readTopic(client, topic, partitions);
  return sent.flatMap((values, partition) => {
    const found = there.filter((record) => record.partition === partition).map(({ value }) => textOf(value));
    return found.join(' ') === values.join(' ') ? [] : [`${topic}-${partition} has ${differenceOf(found, values)}`];
  });
}

async function checkTransactions(client: Client, transactions: History['transactions']): Promise<string[]> {
  const wrong: string[] = [];
  const seen = new Map<string, number[]>();
  for (const { partition, value } of await readTopic(client, paired, partitions)) {
    const name = textOf(value);
    seen.set(name, [...(seen.get(name) ?? []), partition]);
  }
  for (const [name, ended] of transactions) {
    const found = seen.get(name) ?? [];
    const isWhole = found.length === partitions && new Set(found).size === partitions;
    if (ended === 'committed' && !isWhole) wrong.push(`${name} was committed and is in ${found.join(', ') || 'none'}`);
    if (ended === 'aborted' && found.length > 0) wrong.push(`${name} was aborted and is in ${found.join(', ')}`);
    if (ended === 'unknown' && found.length > 0 && !isWhole) wrong.push(`${name} is in ${found.join(', ')} only`);
  }
  return wrong;
}

/** Each node's own answer: the same metadata, and the same bytes of every partition. */
export async function checkCopies(nodes: readonly StorageNode[]): Promise<string[]> {
  const wrong: string[] = [];
  const images = await Promise.all(nodes.map(imageOf));
  for (const [i, image] of images.entries())
    if (image !== images[0])
      wrong.push(
        `node ${nodes[i]!.nodeId} has other metadata than node ${nodes[0]!.nodeId}:\n  ${image}\n  ${images[0]}`,
      );
  for (const topic of [plain, paired])
    for (let partition = 0; partition < partitions; partition++) {
      const copies = await Promise.all(nodes.map((node) => bytesOf(node, topic, partition)));
      for (const [i, copy] of copies.entries())
        if (!copy.equals(copies[0]!))
          wrong.push(
            `${partitionName({ topic, partition })} has ${copy.length} bytes on node ${nodes[i]!.nodeId} and other ${copies[0]!.length} on node ${nodes[0]!.nodeId}`,
          );
    }
  return wrong;
}

async function imageOf(node: StorageNode): Promise<string> {
  const { topics } = await node.call('metadata', 12, apis.metadata.request.create({ topics: null }));
  return JSON.stringify(
    topics
      .map(({ name, topicId, partitions: all }) => [
        name,
        topicId,
        [...all]
          .sort((a, b) => a.partitionIndex - b.partitionIndex)
          .map(({ leaderId, leaderEpoch, replicaNodes, isrNodes }) => [leaderId, leaderEpoch, replicaNodes, isrNodes]),
      ])
      .sort(),
  );
}

const fetchVersion = 12;

/** As a consumer reads a node's own copy: all up to its high watermark. */
async function bytesOf(node: StorageNode, topic: string, partition: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let fetchOffset = 0; ; ) {
    const request = apis.fetch.request.create({
      ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 50 << 20, isolationLevel: 0, sessionEpoch: -1, sessionId: 0 },
      replicaId: -1,
      topics: [
        { topic, partitions: [{ partition, fetchOffset, partitionMaxBytes: 50 << 20, currentLeaderEpoch: -1 }] },
      ],
    });
    const answer = await node.call('fetch', fetchVersion, request);
    const { errorCode, records } = answer.responses[0]!.partitions[0]!;
    if (errorCode !== 0) return Buffer.from(`error ${errorCode}`);
    const batches = records ?? [];
    if (batches.length === 0) return Buffer.concat(pieces);
    for (const batch of batches) {
      const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
      pieces.push(bytes);
      fetchOffset = Number(bytes.readBigInt64BE(0)) + bytes.readInt32BE(23) + 1;
    }
  }
}

const textOf = (value: Uint8Array | null): string => (value === null ? '' : Buffer.from(value).toString());

function differenceOf(found: readonly string[], wanted: readonly string[]): string {
  const at = found.findIndex((value, i) => value !== wanted[i]);
  const where = at < 0 ? Math.min(found.length, wanted.length) : at;
  return `${found.length} records of ${wanted.length}; number ${where} is ${found[where] ?? 'missing'}, not ${wanted[where] ?? 'anything'}`;
}
