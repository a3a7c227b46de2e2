// How the values of a stream are kept in state where nobody has said it. What comes from a topic as it is may be kept as the topic
// has it, if that gives back exactly what it was given: JSON doesn't, and a validator may change what it reads.
import { bytes, float64, int32, int64, safeInt64, utf8, uuid } from '../core/schema/primitive.ts';
import type { Serde } from '../core/schema/serde.ts';
import { structured } from '../core/schema/structured.ts';
import type { StreamNode } from './plan.ts';

const exact = new Set<Serde<unknown>>([utf8, bytes, int32, int64, safeInt64, float64, uuid] as Serde<unknown>[]);

export function keptSerde(node: StreamNode): Serde<unknown> {
  switch (node.kind) {
    case 'topicSource':
      return exact.has(node.topic.value) ? node.topic.value : structured();
    case 'filter':
    case 'tap':
    case 'selectKey':
    case 'repartition':
    case 'branch':
    case 'dedupe':
      return keptSerde(node.parent);
    default:
      return structured();
  }
}
