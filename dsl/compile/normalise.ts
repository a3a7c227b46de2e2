// From plan to graph. Order is that of the outputs, parents first, so what is derived from it depends on the program only.
import { match, P } from 'ts-pattern';
import { noKey, stringKey } from '../key-serde.ts';
import type { GroupedNode, JobSpec, ProcessNode, SinkNode, StreamNode, TableNode } from '../plan.ts';
import type { Graph, KeyFacts, Repartition, Vertex } from './graph.ts';
import { placeOf } from './graph.ts';
import { settleRepartitionNames } from './names.ts';
import { add, createWalk, isRekeying, type Of, once, storeOf, topicNamed, type Walk } from './walk.ts';

/** The graph of all that leads to a job's outputs, with the issues met on the way. */
export function normalise(job: JobSpec): Graph {
  const walk = createWalk();
  for (const output of job.outputs) {
    if (isSink(output)) sink(walk, output);
    else table(walk, output);
  }
  walk.issues.push(...settleRepartitionNames(walk.repartitions));
  return walk;
}

const sinkKinds: ReadonlySet<string> = new Set<SinkNode['kind']>(['topicSink', 'connectorSink', 'processSink', 'view']);
const isSink = (output: SinkNode | TableNode): output is SinkNode => sinkKinds.has(output.kind);

/** A topic has one input in the job, since one group commits its offsets. */
function topicSource(
  walk: Walk,
  { topic }: Of<'topicSource'> | Of<'tableSource'>,
  kind: 'topicSource' | 'tableSource',
) {
  const spec = topicNamed(walk, topic);
  const key = { serde: spec.key === noKey ? null : spec.key, rekeyedBy: null, windowedBy: null };
  const store = kind === 'tableSource' ? { name: spec.name, named: true } : null;
  return once(walk, `topic ${topic.name}`, () => add(walk, { kind, topic: spec }, spec.name, { key, store }));
}

/** As it is: with null values, where the topic has them. */
function rawStream(walk: Walk, node: StreamNode): Vertex {
  return node.kind === 'topicSource' ? topicSource(walk, node, node.kind) : stream(walk, node);
}

/** As functions of the person's may see it. */
function stream(walk: Walk, node: StreamNode): Vertex {
  return match(node)
    .returnType<Vertex>()
    .with({ kind: 'topicSource' }, (source) => withoutTombstones(walk, source))
    .with({ kind: 'connectorSource' }, (source) =>
      once(walk, source.connector, () => add(walk, source, source.connector.name, {})),
    )
    .with({ kind: 'merge' }, (merge) => once(walk, merge, () => merged(walk, merge)))
    .with({ kind: 'branch' }, (branch) => once(walk, branch, () => branched(walk, branch)))
    .with({ kind: 'joinTable' }, (join) => once(walk, join, () => joined(walk, join)))
    .with({ kind: 'joinGlobal' }, (join) => once(walk, join, () => joinedGlobal(walk, join)))
    .with({ kind: 'joinStreams' }, (join) => once(walk, join, () => joinedStreams(walk, join)))
    .with({ kind: 'repartition' }, (node) => once(walk, node, () => spread(walk, node)))
    .with({ kind: 'processOutput' }, (output) => once(walk, output, () => outputOf(walk, output)))
    .with({ kind: 'toStream' }, (changes) =>
      once(walk, changes, () => add(walk, changes, 'toStream', { parents: [table(walk, changes.parent)] })),
    )
    .with({ kind: P.union('selectKey', 'mapRecord') }, (rekey) =>
      once(walk, rekey, () => add(walk, rekey, rekey.kind, { parents: [stream(walk, rekey.parent)], key: 'rekeyed' })),
    )
    .with({ kind: P.union('filter', 'map', 'flatMap', 'tap', 'mapAsync', 'rx') }, (plain) =>
      once(walk, plain, () => add(walk, plain, plain.kind, { parents: [stream(walk, plain.parent)] })),
    )
    .with({ kind: 'dedupe' }, (dedupe) =>
      once(walk, dedupe, () => {
        const { as } = dedupe.store;
        const parent = keyed(walk, stream(walk, dedupe.parent), { store: as, label: 'dedupe', joins: false });
        return add(walk, dedupe, 'dedupe', { parents: [parent], store: storeOf(walk, as, parent, 'dedupe') });
      }),
    )
    .exhaustive();
}

function withoutTombstones(walk: Walk, node: Of<'topicSource'>): Vertex {
  const source = topicSource(walk, node, node.kind);
  if (node.topic.tombstones !== 'drop') return source;
  return once(walk, `without tombstones ${node.topic.name}`, () =>
    add(walk, { kind: 'dropTombstones' }, null, { parents: [source] }),
  );
}

function merged(walk: Walk, node: Of<'merge'>): Vertex {
  const parents = node.parents.map((parent) => stream(walk, parent));
  const first = <F extends keyof KeyFacts>(fact: F): KeyFacts[F] | null =>
    parents.find(({ key }) => key[fact] !== null)?.key[fact] ?? null;
  const key = { serde: first('serde'), rekeyedBy: first('rekeyedBy'), windowedBy: first('windowedBy') };
  return add(walk, node, 'merge', { parents, key });
}

function branched(walk: Walk, node: Of<'branch'>): Vertex {
  const { group, predicates } = node;
  const split = once(walk, group, () =>
    add(walk, { kind: 'split', predicates }, 'split', { parents: [stream(walk, node.parent)] }),
  );
  return add(walk, node, node.name, { parents: [split] });
}

/** What is kept by key needs the records of a key together. */
function processed(walk: Walk, node: ProcessNode): Vertex {
  return once(walk, node, () => {
    const stateful = node.stores.length > 0 || node.once.length > 0;
    const plain = stream(walk, node.parent);
    const need = { store: node.name, label: 'process', joins: false };
    const needed = node.once.length > 0 || (stateful && plain.key.rekeyedBy !== null);
    const parent = needed ? keyed(walk, plain, need) : plain;
    const store = stateful || node.timers.length > 0 ? { name: node.name, named: true } : null;
    return add(walk, node, 'process', { parents: [parent], store });
  });
}

function outputOf(walk: Walk, node: Of<'processOutput'>): Vertex {
  const parent = processed(walk, node.parent);
  const key = node.key === null ? {} : { key: 'rekeyed' as const };
  return add(walk, node, node.output, { parents: [parent], ...key });
}

function joined(walk: Walk, node: Of<'joinTable'>): Vertex {
  const label = joinLabels[node.join];
  const left = keyed(walk, rawStream(walk, node.parent), { store: null, label, joins: true });
  const right = table(walk, node.table);
  const store = node.buffer === null ? null : storeOf(walk, node.buffer.as, left, label);
  return add(walk, node, label, { parents: [left], table: right, store });
}

function joinedGlobal(walk: Walk, node: Of<'joinGlobal'>): Vertex {
  const topic = topicNamed(walk, node.topic);
  walk.globals.set(topic.name, topic);
  const label = node.join === 'inner' ? 'joinGlobal' : 'leftJoinGlobal';
  return add(walk, { ...node, topic }, label, { parents: [rawStream(walk, node.parent)] });
}

function joinedStreams(walk: Walk, node: Of<'joinStreams'>): Vertex {
  const label = joinLabels[node.join];
  const [left, right] = node.parents.map((parent, i) => {
    const store = node.as === null ? null : `${node.as}-${i === 0 ? 'left' : 'right'}`;
    return keyed(walk, rawStream(walk, parent), { store, label, joins: true });
  });
  const store = storeOf(walk, node.as, left!, label);
  return add(walk, node, label, { parents: [left!, right!], store });
}

function joinedTables(walk: Walk, node: Of<'joinTables'>): Vertex {
  const label = joinLabels[node.join];
  const [left, right] = node.parents.map((parent) => table(walk, parent));
  const store = node.store === null ? null : storeOf(walk, node.store.as, left!, label);
  return add(walk, node, label, { parents: [left!, right!], store, ...(store === null ? {} : { source: store.name }) });
}

/**
 * There and back: the left table's side sends each row's key to the partition of its foreign key, where the right table
 * is, and that side sends its rows to the partition of the left key. Both topics are written before they are read.
 */
function joinedForeign(walk: Walk, node: Of<'joinForeign'>): Vertex {
  const label = node.join === 'inner' ? 'foreignJoin' : 'leftForeignJoin';
  const left = table(walk, node.parent);
  const right = table(walk, node.table);
  const kept = storeOf(walk, node.as, left, label);
  const place = [...left.place, label];
  const shared = { place, source: kept.name };
  const subscribe = add(walk, { kind: 'foreignSubscribe', of: node }, null, { ...shared, parents: [left] });
  const questions = foreignTopic(walk, subscribe, `${kept.name}-subscriptions`, right.key);
  const answer = add(walk, { kind: 'foreignAnswer', of: node }, null, {
    ...shared,
    parents: [questions, right],
    store: { name: `${kept.name}-subscriptions`, named: true },
  });
  const answers = foreignTopic(walk, answer, `${kept.name}-answers`, left.key);
  return add(walk, node, null, {
    ...shared,
    parents: [answers, subscribe],
    table: left,
    store: kept,
    key: left.key,
  });
}

function foreignTopic(walk: Walk, producer: Vertex, name: string, key: KeyFacts): Vertex {
  const serde = key.serde ?? stringKey;
  const shared = { key: serde, producer, rekeyedBy: producer, partitions: null, thereAndBack: true };
  const repartition: Repartition = { ...shared, name: '', base: '', given: name, storeNames: [] };
  walk.repartitions.push(repartition);
  add(walk, { kind: 'repartitionSink', repartition }, null, { parents: [producer] });
  const facts = { serde, rekeyedBy: null, windowedBy: null };
  const { source, place } = producer;
  return add(walk, { kind: 'repartitionSource', repartition }, null, { key: facts, source, place });
}

/** What the person wrote. */
const joinLabels = { inner: 'join', left: 'leftJoin', outer: 'outerJoin' } as const;

function table(walk: Walk, node: TableNode): Vertex {
  return match(node)
    .returnType<Vertex>()
    .with({ kind: 'tableSource' }, (source) => topicSource(walk, source, source.kind))
    .with({ kind: 'joinTables' }, (join) => once(walk, join, () => joinedTables(walk, join)))
    .with({ kind: 'joinForeign' }, (join) => once(walk, join, () => joinedForeign(walk, join)))
    .with({ kind: 'aggregate' }, (aggregate) => once(walk, aggregate, () => aggregated(walk, aggregate)))
    .with({ kind: 'toTable' }, (toTable) =>
      once(walk, toTable, () => {
        const parent = keyed(walk, rawStream(walk, toTable.parent), {
          store: toTable.store.as,
          label: 'toTable',
          joins: true,
        });
        const store = storeOf(walk, toTable.store.as, parent, 'toTable');
        return add(walk, toTable, 'toTable', { parents: [parent], store, source: store.name });
      }),
    )
    .with({ kind: P.union('filterRows', 'mapRows', 'suppress') }, (rows) =>
      once(walk, rows, () => {
        const parent = table(walk, rows.parent);
        const store = rows.store === null ? null : storeOf(walk, rows.store.as, parent, rows.kind);
        return add(walk, rows, rows.kind, { parents: [parent], store });
      }),
    )
    .with({ kind: 'aggregateRows' }, (rows) => once(walk, rows, () => aggregatedRows(walk, rows)))
    .exhaustive();
}

function aggregatedRows(walk: Walk, node: Of<'aggregateRows'>): Vertex {
  const grouped = once(walk, node.parent, () =>
    add(walk, node.parent, 'groupRows', { parents: [table(walk, node.parent.parent)], key: 'rekeyed' }),
  );
  const parent = keyed(walk, grouped, { store: node.store.as, label: 'groupRows', joins: false });
  const store = storeOf(walk, node.store.as, parent, node.operator);
  return add(walk, node, node.operator, { parents: [parent], store, source: store.name });
}

function aggregated(walk: Walk, node: Of<'aggregate'>): Vertex {
  const { keyOf, window } = node.parent;
  const parent = keyed(walk, groupedStream(walk, node.parent), {
    store: node.store.as,
    label: 'groupByKey',
    joins: false,
  });
  const store = storeOf(walk, node.store.as, parent, node.operator);
  const place = [...parent.place, ...(keyOf === null ? ['groupByKey'] : []), ...(window === null ? [] : ['window'])];
  const key = window === null ? parent.key : 'windowed';
  const aggregate = add(walk, node, node.operator, { parents: [parent], store, key, source: store.name, place });
  const late = node.parent.windowing?.late ?? null;
  if (window !== null && late !== null) lateSink(walk, aggregate, parent, { topic: late, parent: node.parent.parent });
  return aggregate;
}

/** What was late goes on as it came to the aggregation, by the key that it had there. */
function lateSink(walk: Walk, aggregate: Vertex, { key }: Vertex, to: Omit<Of<'topicSink'>, 'kind'>): void {
  const late = add(walk, { kind: 'late' }, 'late', { parents: [aggregate], key });
  const topic = topicNamed(walk, to.topic);
  add(walk, { ...to, kind: 'topicSink', topic }, `to ${topic.name}`, { parents: [late] });
}

/** groupBy(f) is selectKey(f) and groupByKey(); grouping twice by one function is once, unless a name of its own is given. */
function groupedStream(walk: Walk, node: GroupedNode): Vertex {
  const { keyOf, key, as } = node;
  if (keyOf === null) return rawStream(walk, node.parent);
  const parent = stream(walk, node.parent);
  const same = walk.vertices.find(
    ({ node: by, parents }) =>
      by.kind === 'selectKey' &&
      by.keyOf === keyOf &&
      by.key === key &&
      (as === null || by.as === as) &&
      parents[0] === parent,
  );
  const rekey: StreamNode = { kind: 'selectKey', parent: node.parent, keyOf, key, as };
  return same ?? add(walk, rekey, 'groupBy', { parents: [parent], key: 'rekeyed' });
}

/** What needs the records of a key together: its store's name, if given; and whether another stream's have to be with them. */
interface Need {
  readonly store: string | null;
  readonly label: string;
  readonly joins: boolean;
}

/** The stream with the records of a key together: behind a repartition topic where it was rekeyed. */
function keyed(walk: Walk, vertex: Vertex, { store, label, joins }: Need): Vertex {
  const rekeyedBy = vertex.key.rekeyedBy ?? (joins ? vertex.key.windowedBy : null);
  needKey(walk, vertex, label);
  if (rekeyedBy === null) return vertex;
  const { node } = rekeyedBy;
  const given = isRekeying(node) ? node.as : null;
  const source = once(walk, vertex, () => repartitioned(walk, vertex, { rekeyedBy, given, partitions: null }));
  if (store !== null && source.node.kind === 'repartitionSource') source.node.repartition.storeNames.push(store);
  return source;
}

function needKey(walk: Walk, vertex: Vertex, label: string): void {
  if (vertex.key.serde !== null) return;
  const message = 'the records have no key here; call selectKey() before';
  walk.issues.push({ code: 'KEY_NEEDS_SERDE', place: placeOf([...vertex.place, label]), message });
}

/** Because the person says so. */
function spread(walk: Walk, { parent, partitions, as }: Of<'repartition'>): Vertex {
  const vertex = stream(walk, parent);
  needKey(walk, vertex, 'repartition');
  return repartitioned(walk, vertex, { rekeyedBy: vertex.key.rekeyedBy ?? vertex, given: as, partitions });
}

function repartitioned(
  walk: Walk,
  vertex: Vertex,
  how: Pick<Repartition, 'rekeyedBy' | 'given' | 'partitions'>,
): Vertex {
  const { serde } = vertex.key;
  const shared = { name: '', base: '', thereAndBack: false, storeNames: [] };
  const repartition: Repartition = { ...shared, ...how, key: serde ?? stringKey, producer: vertex };
  walk.repartitions.push(repartition);
  add(walk, { kind: 'repartitionSink', repartition }, null, { parents: [vertex] });
  return add(walk, { kind: 'repartitionSource', repartition }, null, {
    key: { serde, rekeyedBy: null, windowedBy: null },
    source: vertex.source,
    place: vertex.place,
  });
}

function sink(walk: Walk, node: SinkNode): void {
  match(node)
    .with({ kind: 'topicSink' }, (to) => {
      const parent = rawStream(walk, to.parent);
      const topic = topicNamed(walk, to.topic);
      once(walk, to, () => add(walk, { ...to, topic }, `to ${topic.name}`, { parents: [parent] }));
    })
    .with({ kind: 'connectorSink' }, (to) => {
      once(walk, to, () => add(walk, to, to.connector.name, { parents: [stream(walk, to.parent)] }));
    })
    .with({ kind: 'processSink' }, ({ parent }) => void processed(walk, parent))
    .with({ kind: 'view' }, (view) => {
      if (view.parent.kind === 'topicSource' && view.parent.topic !== undefined) {
        walk.views.push({ ...view, parent: { ...view.parent, topic: topicNamed(walk, view.parent.topic) } });
        return;
      }
      const message = 'only a topic can be viewed; write the stream to a topic and view that';
      walk.issues.push({ code: 'VIEW_NEEDS_TOPIC', place: view.connector.name, message });
    })
    .exhaustive();
}
