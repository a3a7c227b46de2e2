// A topology as text a person reads and a test compares: what each sub-topology reads, does, keeps and writes.
import { match } from 'ts-pattern';
import type { JoinWindowSpec, TopicSpec, WindowSpec } from '../plan.ts';
import type { Input, InternalTopic, Step, StoreSpec, SubTopology, Topology } from './topology.ts';

/**
 * A topology in words, the same for the same program: `millrace describe` prints it.
 *
 * @example
 * const copies = job('copies', [topic('orders', utf8).to(topic('copies', utf8))]);
 * const text = describe(compile(copies));
 */
export function describe(topology: Topology): string {
  const { job, options, subTopologies, internalTopics, topics, globals, views } = topology;
  const head = `Job ${job}: ${options.guarantee}, ${topology.bounded ? 'ends by itself' : 'runs until stopped'}`;
  const parts = subTopologies.map((sub) => subTopologyText(sub));
  const tail = [
    ['Global tables', globals.map(({ topic, bootstrap }) => `${topic.name}${bootstrap ? ', to its end first' : ''}`)],
    ['Topics', topics.map(topicLine)],
    ['Internal topics', internalTopics.map(internalLine)],
    ['Views', views.map(({ topic, connector }) => `${connector.name} of ${topic.name}`)],
  ] as const;
  const sections = tail.flatMap(([title, lines]) =>
    lines.length === 0 ? [] : [[title, ...indented(lines)].join('\n')],
  );
  return [head, ...parts, ...sections].join('\n\n');
}

function subTopologyText({ id, upstream, inputs, steps, stores }: SubTopology): string {
  const after = upstream.length === 0 ? '' : ` (after ${upstream.join(', ')})`;
  return [
    `Sub-topology ${id}${after}`,
    ...indented(['reads', ...indented(inputs.map(inputLine))]),
    ...indented(['steps', ...indented(stepLines(steps))]),
    ...(stores.length === 0 ? [] : indented(['keeps', ...indented(stores.map(storeLine))])),
  ].join('\n');
}

const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

function inputLine(input: Input): string {
  if (input.kind === 'connector') return `source ${input.connector.name}${input.connector.bounded ? ', bounded' : ''}`;
  const { topic, role, internal, bootstrap } = input;
  const what = internal ? 'repartition topic' : role === 'table' ? 'table' : 'topic';
  return `${what} ${topic.name}${bootstrap ? ', to its end before the others' : ''}`;
}

/** Steps in a row of one stream are one line; where it forks or ends a new one begins. */
function stepLines(steps: readonly Step[]): readonly string[] {
  const children = new Map<number, number>();
  for (const { parents } of steps) for (const parent of parents) children.set(parent, (children.get(parent) ?? 0) + 1);
  const lines: { readonly head: string; readonly names: string[]; last: number }[] = [];
  for (const step of steps) {
    const [parent] = step.parents;
    const open =
      step.parents.length === 1 && children.get(parent!) === 1 ? lines.find(({ last }) => last === parent) : undefined;
    if (open === undefined) {
      const head = step.parents.map((id) => steps[id]!.name).join(' + ');
      lines.push({ head, names: [step.name], last: step.id });
    } else {
      open.names.push(step.name);
      open.last = step.id;
    }
  }
  return lines.map(({ head, names }) => `${head === '' ? '' : `${head} → `}${names.join(' → ')}`);
}

const historyText = ({ versionedMs }: StoreSpec): string =>
  versionedMs === undefined ? '' : ` (${versionedMs} ms back)`;

function storeLine(spec: StoreSpec): string {
  const { name, key, value, changelog, ownChangelog } = spec;
  const own = ownChangelog ? '' : ', the topic itself';
  return `${whatStore(spec)} ${name}${historyText(spec)}: ${key.name} → ${value.name}, changelog ${changelog}${own}`;
}

function whatStore({ kind, window, within, buffer }: StoreSpec): string {
  if (buffer) return 'buffer';
  if (within !== undefined) return joinText(within);
  return window === null ? kind.replace('keyValue', 'store') : `store of ${windowText(window)}`;
}

const joinText = ({ beforeMs, afterMs, graceMs }: JoinWindowSpec): string =>
  `store of a join (${beforeMs} ms before to ${afterMs} ms after, grace ${graceMs} ms)`;

function windowText(spec: WindowSpec): string {
  return match(spec)
    .with(
      { kind: 'tumbling' },
      ({ sizeMs, graceMs, originMs }) => `tumbling windows (${sizeMs} ms${fromText(originMs)}, grace ${graceMs} ms)`,
    )
    .with(
      { kind: 'hopping' },
      ({ sizeMs, advanceMs, graceMs, originMs }) =>
        `hopping windows (${sizeMs} ms, every ${advanceMs} ms${fromText(originMs)}, grace ${graceMs} ms)`,
    )
    .with(
      { kind: 'sliding' },
      ({ differenceMs, graceMs }) => `sliding windows (${differenceMs} ms, grace ${graceMs} ms)`,
    )
    .with({ kind: 'session' }, ({ gapMs, graceMs }) => `sessions (gap ${gapMs} ms, grace ${graceMs} ms)`)
    .with(
      { kind: 'calendar' },
      ({ unit, timeZone, graceMs }) => `calendar windows (${unit}, ${timeZone}, grace ${graceMs} ms)`,
    )
    .with({ kind: 'custom' }, ({ name, graceMs }) => `windows '${name}' (grace ${graceMs} ms)`)
    .exhaustive();
}

const fromText = (originMs: number | undefined): string => (originMs === undefined ? '' : ` from ${originMs} ms`);

function topicLine({ name, key, value, partitions, config }: TopicSpec): string {
  const count = partitions === undefined ? '' : `, ${partitions} partitions`;
  return `${name}: ${key.name} → ${value.name}${count}${configText(config)}`;
}

const internalLine = ({ name, config }: InternalTopic): string => `${name}${configText(config)}`;

const configText = (config: Readonly<Record<string, string>>): string =>
  Object.entries(config)
    .map(([setting, value]) => `, ${setting}=${value}`)
    .join('');
