// Where the sources of a job stand: one compacted topic of one partition, a record per source, written in the same
// transaction as the records it covers. So a restart goes on exactly where the last committed record ended.
import type { Client, Producer } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import type { SourceOffset } from '../../dsl/connector.ts';
import { RecordCursor } from '../task/record-cursor.ts';

export interface SourceStatus {
  readonly offset: SourceOffset | null;
  /** It is bounded and at its end. */
  readonly done: boolean;
  /** Generation of the group in which this was found out: what an earlier run says of `done` is no news. */
  readonly generationId: number;
}

export const sourceOffsetsTopic = (topology: Topology): string | null =>
  topology.internalTopics.find((topic) => topic.purpose === 'sourceOffsets')?.name ?? null;

export function writeSourceStatus(
  producer: Producer,
  topic: string,
  source: string,
  status: SourceStatus,
  clock: Clock,
): void {
  producer.write(topic, 0, clock.now(), Buffer.from(source), Buffer.from(JSON.stringify(status)));
}

export interface SourceStatusReader {
  /** Reads what is there now; resolves with the newest status of every source. */
  refresh(): Promise<ReadonlyMap<string, SourceStatus>>;
  close(): Promise<void>;
}

export function createSourceStatusReader(client: Client, topic: string): SourceStatusReader {
  const fetcher = client.fetcher({ isolation: 'readCommitted', from: 'earliest' });
  const statuses = new Map<string, SourceStatus>();
  const cursor = new RecordCursor();
  let position = 0;
  fetcher.assign([{ topic, partition: 0, offset: 0 }]);
  return {
    async refresh() {
      const [end] = await client.admin().listOffsets([{ topic, partition: 0 }], 'latest', 'readCommitted');
      while (position < end!.offset) {
        for (const fetched of await fetcher.poll(1_000)) {
          for (const batch of fetched.batches) {
            cursor.open(batch);
            while (cursor.next()) {
              const value = cursor.value();
              const source = Buffer.from(cursor.key()!).toString();
              if (value !== null) statuses.set(source, JSON.parse(Buffer.from(value).toString()) as SourceStatus);
            }
          }
          position = fetched.nextOffset;
        }
      }
      return statuses;
    },
    close: async () => fetcher.close(),
  };
}

/** Names of the bounded sources of this job that fill `topic`, through however many sub-topologies. */
export function sourcesFilling(topology: Topology, topic: string): readonly string[] {
  const found = new Set<string>();
  const seen = new Set<number>();
  const visit = (wanted: string): void => {
    for (const sub of topology.subTopologies) {
      if (seen.has(sub.id) || !sub.steps.some((step) => step.kind === 'topicSink' && step.topic.name === wanted))
        continue;
      seen.add(sub.id);
      for (const input of sub.inputs) {
        if (input.kind === 'connector') found.add(input.connector.name);
        else visit(input.topic.name);
      }
    }
  };
  visit(topic);
  return [...found];
}
