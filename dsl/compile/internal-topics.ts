// The topics a job makes for itself, with the settings they need whatever the cluster's defaults are.
import { isAligned } from '../window-spec.ts';
import { sourceOffsetsTopic } from './names.ts';
import type { InternalTopic, StoreSpec, SubTopology } from './topology.ts';

const dayMs = 86_400_000;

export function internalTopics(job: string, subTopologies: readonly SubTopology[]): readonly InternalTopic[] {
  const withConnector = subTopologies.find(({ inputs }) => inputs.some(({ kind }) => kind === 'connector'));
  const offsets: readonly InternalTopic[] = withConnector
    ? [
        {
          name: sourceOffsetsTopic(job),
          purpose: 'sourceOffsets',
          subTopology: withConnector.id,
          config: { 'cleanup.policy': 'compact' },
        },
      ]
    : [];
  return [...subTopologies.flatMap((sub) => [...repartitionsOf(sub), ...changelogsOf(sub)]), ...offsets];
}

function repartitionsOf({ id, inputs }: SubTopology): readonly InternalTopic[] {
  return inputs.flatMap((input) =>
    input.kind === 'topic' && input.internal
      ? [{ name: input.topic.name, purpose: 'repartition', subTopology: id, config: input.topic.config } as const]
      : [],
  );
}

function changelogsOf({ id, stores }: SubTopology): readonly InternalTopic[] {
  return stores.flatMap((store) =>
    store.ownChangelog
      ? [{ name: store.changelog, purpose: 'changelog', subTopology: id, config: changelogConfig(store) } as const]
      : [],
  );
}

/**
 * Windows that can't change any more go by time. Changelog records carry the wall-clock time of their writing, which is
 * never before the event, and a day on top allows for clocks that differ (Kafka Streams' additional retention).
 */
function changelogConfig({ window, indexed, keptMs = 0 }: StoreSpec): Readonly<Record<string, string>> {
  // Windows that leave with a tombstone may be as old as stream time leaves them.
  if (window === null || indexed || !isAligned(window)) return { 'cleanup.policy': 'compact' };
  return {
    'cleanup.policy': 'compact,delete',
    'retention.ms': String(window.sizeMs + window.graceMs + keptMs + dayMs),
  };
}
