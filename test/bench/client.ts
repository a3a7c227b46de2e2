// Producer and consumer as a program uses them, on a node in the same process: records of 100 bytes written and
// acknowledged, then read back as records. To be set beside what other clients reach on the same machine.
import { type Client, loadCompression } from '../../core/client/index.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { RecordCursor } from '../../core/protocol/record-cursor.ts';
import { utf8 } from '../../core/schema/primitive.ts';
import { openEmbedded } from '../../runtime/cli/embedded.ts';
import { inFolder, median, ratesOf } from './measure.ts';

export interface ClientRow {
  readonly what: string;
  readonly recordsPerSecond: number;
}

const valueBytes = 100;

export async function produceAll(client: Client, topic: string, records: number, bytes: number): Promise<void> {
  await using producer = client.producer();
  await producer.partitionsOf(topic);
  const value = utf8.encode('x'.repeat(bytes));
  const nowMs = systemClock.now();
  for (let i = 0; i < records; i++) {
    if (!producer.write(topic, 0, nowMs, null, value)) await producer.ready();
  }
  await producer.flush();
}

async function consumeAll(client: Client, topic: string, records: number): Promise<void> {
  await using consumer = client.consumer({ pollRecordsMax: 5_000, value: utf8 });
  await consumer.assign([{ topic, partition: 0, offset: 0 }]);
  for (let left = records; left > 0; ) left -= (await consumer.poll(1_000)).length;
}

/** The batches alone, walked through without making objects: what a worker does. */
export async function fetchAll(client: Client, topic: string, records: number): Promise<void> {
  const fetcher = client.fetcher();
  fetcher.assign([{ topic, partition: 0, offset: 0 }]);
  const cursor = new RecordCursor();
  for (let left = records; left > 0; ) {
    for (const { batches } of await fetcher.poll(1_000)) {
      for (const batch of batches) {
        cursor.open(batch);
        while (cursor.next()) left--;
      }
    }
  }
  fetcher.close();
}

export async function clientBench(options: {
  readonly rounds: number;
  readonly records: number;
}): Promise<ClientRow[]> {
  const { rounds, records } = options;
  await loadCompression();
  const rates = { produce: [] as number[], consume: [] as number[], fetch: [] as number[] };
  await inFolder(async (data) => {
    await using embedded = await openEmbedded(data, silentLogger);
    const { client } = embedded;
    for (let round = 0; round < rounds; round++) {
      const topic = `t-${round}`;
      await client.admin().createTopics([{ name: topic, partitions: 1 }]);
      rates.produce.push((await ratesOf(records, () => produceAll(client, topic, records, valueBytes))).wall);
      rates.consume.push((await ratesOf(records, () => consumeAll(client, topic, records))).wall);
      rates.fetch.push((await ratesOf(records, () => fetchAll(client, topic, records))).wall);
      await client.admin().deleteTopics([topic]);
    }
  });
  return [
    { what: `produce ${valueBytes} B, acks=all, one partition`, recordsPerSecond: median(rates.produce) },
    { what: 'consume as utf8 records', recordsPerSecond: median(rates.consume) },
    { what: 'fetch and walk through', recordsPerSecond: median(rates.fetch) },
  ];
}
