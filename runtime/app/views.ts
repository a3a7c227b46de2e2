// Views of topics in this process: read from the beginning at every start, outside the job's group, committed never.
import type { Client } from '../../core/client/index.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { RecordCursor } from '../task/record-cursor.ts';
import type { Layout } from '../worker/layout.ts';

export interface RenderedView {
  readonly name: string;
  render(options: { readonly columns: number; readonly colour: boolean }): string;
}

/** Reads each viewed topic to its present end and gives its view, ready to be shown. */
export async function readViews(client: Client, topology: Topology, layout: Layout): Promise<readonly RenderedView[]> {
  for (const { topic, connector } of topology.views) {
    const partitions = Array.from({ length: layout.partitions.get(topic.name)! }, (_, partition) => ({
      topic: topic.name,
      partition,
    }));
    const admin = client.admin();
    const ends = await admin.listOffsets(partitions, 'latest', 'readCommitted');
    const starts = await admin.listOffsets(partitions, 'earliest');
    const left = new Map(ends.flatMap((end, i) => (starts[i]!.offset < end.offset ? [[i, end.offset] as const] : [])));
    const fetcher = client.fetcher({ isolation: 'readCommitted', from: 'earliest' });
    const cursor = new RecordCursor();
    fetcher.assign(partitions.map((tp, i) => ({ ...tp, offset: starts[i]!.offset })));
    while (left.size > 0) {
      for (const fetched of await fetcher.poll(1_000)) {
        for (const batch of fetched.batches) {
          cursor.open(batch);
          while (cursor.next()) {
            if (cursor.offset < fetched.fetchOffset) continue;
            const key = cursor.key();
            const value = cursor.value();
            connector.update(
              key === null ? null : topic.key.decode(key),
              value === null ? null : topic.value.decode(value),
            );
          }
        }
        if (fetched.nextOffset >= (left.get(fetched.partition) ?? 0)) left.delete(fetched.partition);
      }
    }
    fetcher.close();
  }
  return topology.views.map(({ connector }) => connector);
}
