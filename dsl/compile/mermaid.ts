// A topology as a Mermaid flowchart: sub-topologies are boxes, topics stand between them, stores beside their steps.
import type { Step, SubTopology, Topology } from './topology.ts';

/**
 * A topology as the text of a Mermaid flowchart; GitHub and most editors draw it.
 *
 * @example
 * const copies = job('copies', [topic('orders', utf8).to(topic('copies', utf8))]);
 * const text = mermaid(compile(copies));
 */
export function mermaid(topology: Topology): string {
  const topics = new Map<string, string>();
  const topicId = (name: string): string => {
    const id = topics.get(name) ?? `t${topics.size}`;
    topics.set(name, id);
    return id;
  };
  const boxes = topology.subTopologies.flatMap((sub) => box(sub));
  const edges = topology.subTopologies.flatMap((sub) => edgesOf(sub, topicId));
  const views = topology.views.flatMap(({ topic, connector }, index) => [
    `v${index}>${quoted(connector.name)}]`,
    `${topicId(topic.name)} --> v${index}`,
  ]);
  const nodes = [...topics].map(([name, id]) => `${id}[(${quoted(name)})]`);
  return ['flowchart TD', ...[...boxes, ...nodes, ...edges, ...views].map((line) => `  ${line}`)].join('\n');
}

function box({ id, steps, stores }: SubTopology): readonly string[] {
  const lines = [
    ...steps.flatMap((step) => (isBorder(step) ? [] : [`${stepId(id, step.id)}[${quoted(step.name)}]`])),
    ...steps.flatMap((step) => (step.kind === 'connectorSink' ? [`${stepId(id, step.id)}>${quoted(step.name)}]`] : [])),
    ...stores.map(({ name }, index) => `${storeId(id, index)}[[${quoted(name)}]]`),
  ];
  return [`subgraph ${quoted(`sub-topology ${id}`)}`, ...lines.map((line) => `  ${line}`), 'end'];
}

/** Drawn as the topic or connector it is the border to. */
const isBorder = ({ kind }: Step): boolean => kind === 'input' || kind === 'topicSink' || kind === 'connectorSink';

function edgesOf({ id, steps, inputs, stores }: SubTopology, topicId: (name: string) => string): readonly string[] {
  const lines: string[] = [];
  const ends = new Map<number, string>();
  for (const step of steps) {
    if (step.kind === 'input') {
      const input = inputs[step.input]!;
      const name = input.kind === 'topic' ? input.topic.name : input.connector.name;
      ends.set(step.id, input.kind === 'topic' ? topicId(name) : stepId(id, step.id));
      if (input.kind === 'connector') lines.push(`${stepId(id, step.id)}{{${quoted(name)}}}`);
      continue;
    }
    const end = step.kind === 'topicSink' ? topicId(step.topic.name) : stepId(id, step.id);
    ends.set(step.id, end);
    for (const parent of step.parents) lines.push(`${ends.get(parent)} --> ${end}`);
    for (const kept of storesOf(step)) {
      const store = storeId(
        id,
        stores.findIndex(({ name }) => name === kept),
      );
      lines.push(step.kind === 'joinTable' ? `${store} -.-> ${end}` : `${end} -.- ${store}`);
    }
  }
  return lines;
}

function storesOf(step: Step): readonly string[] {
  if (step.kind === 'process') {
    const stores = [...step.stores, ...step.once].map(({ store }) => store);
    return step.schedule === null ? stores : [...stores, step.schedule];
  }
  return 'store' in step && step.store !== null ? [step.store] : [];
}

const stepId = (sub: number, step: number): string => `s${sub}_${step}`;
const storeId = (sub: number, store: number): string => `k${sub}_${store}`;
const quoted = (text: string): string => `"${text.replaceAll('"', '#quot;')}"`;
