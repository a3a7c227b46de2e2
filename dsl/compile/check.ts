// What is wrong with a program that the compiler of TypeScript let pass. All of it is found before anything is said.
import type { JobSpec } from '../plan.ts';
import { changesForMs } from '../window-spec.ts';
import type { Cut } from './cut.ts';
import { fillersOf } from './cut.ts';
import type { Graph, Vertex } from './graph.ts';
import { inputsOf, placeOf, storeNamesOf, topicOf, windowOf } from './graph.ts';
import { changelogTopic, nameFault, repartitionTopic } from './names.ts';
import type { TopologyIssue } from './topology.ts';

export function check(job: JobSpec, graph: Graph, parts: Cut, namesRequired: boolean): readonly TopologyIssue[] {
  const found = [
    ...outputs(job),
    ...names(job, graph),
    ...stores(graph, namesRequired),
    ...sources(graph),
    ...mixedInputs(parts),
    ...processorsOfSources(parts),
    ...deadLetters(job, graph),
    ...(job.options.guarantee === 'exactlyOnce' ? exactlyOnce(graph) : []),
    ...graph.issues,
    ...coPartitioning(graph),
    ...windowedJoins(graph),
    ...sessions(graph),
    ...kept(graph),
    ...suppressions(graph),
    ...graceWithoutHistory(graph),
    ...cycles(graph, parts),
  ];
  // One mistake can be met on several ways through the graph.
  const seen = new Set<string>();
  return found.filter((issue) => {
    const line = JSON.stringify(issue);
    return !seen.has(line) && seen.add(line);
  });
}

function outputs(job: JobSpec): readonly TopologyIssue[] {
  if (job.outputs.length > 0) return [];
  return [
    {
      code: 'NO_OUTPUT',
      place: '',
      message: 'the job has no outputs; give it what ends in .to(topic) or .pipe(sink(connector))',
    },
  ];
}

function names(job: JobSpec, graph: Graph): readonly TopologyIssue[] {
  const given: readonly (readonly [what: string, name: string])[] = [
    ['job', job.name],
    ...[...graph.topics.keys()].map((name) => ['topic', name] as const),
    ...graph.vertices.flatMap((vertex) =>
      vertex.node.kind === 'tableSource' ? [] : storeNamesOf(vertex).map((name) => ['store', name] as const),
    ),
    ...graph.repartitions.flatMap(({ given: name }) => (name === null ? [] : [['repartition topic', name] as const])),
  ];
  const wrong = given.flatMap(([what, name]) => {
    const fault = nameFault(name);
    return fault === null
      ? []
      : [{ code: 'BAD_NAME', place: `${what} '${name}'`, message: `the name ${fault}` } as const];
  });
  return wrong.length > 0 ? wrong : internalNames(job, graph);
}

/** Prefix and suffix can make a good name too long. */
function internalNames(job: JobSpec, { vertices, repartitions }: Graph): readonly TopologyIssue[] {
  const topics = [
    ...vertices.flatMap((vertex) =>
      vertex.node.kind === 'tableSource' ? [] : storeNamesOf(vertex).map((name) => changelogTopic(job.name, name)),
    ),
    ...repartitions.map(({ name }) => repartitionTopic(job.name, name)),
  ];
  return topics.flatMap((name) => {
    const fault = nameFault(name);
    return fault === null
      ? []
      : [{ code: 'BAD_NAME', place: `internal topic '${name}'`, message: `the name ${fault}` } as const];
  });
}

function stores({ vertices }: Graph, namesRequired: boolean): readonly TopologyIssue[] {
  const issues: TopologyIssue[] = [];
  const taken = new Map<string, Vertex>();
  for (const vertex of vertices) {
    const { store } = vertex;
    if (store === null) continue;
    const place = placeOf(vertex.place);
    if (namesRequired && !store.named) {
      const operator = vertex.place.at(-1);
      const message = `its state has no name, and a derived one is lost when the program changes; write ${operator}(…, { as: '${store.name}' })`;
      issues.push({ code: 'UNNAMED_STORE', place, message });
    }
    for (const name of storeNamesOf(vertex)) {
      const other = taken.get(name);
      if (other === undefined) {
        taken.set(name, vertex);
        continue;
      }
      // A table's store can't be called otherwise than its topic.
      const [second, first] = vertex.node.kind === 'tableSource' ? [other, vertex] : [vertex, other];
      const how = second.node.kind === 'process' ? '' : ' with { as }';
      const message = `its store '${name}' is that of ${placeOf(first.place)} too; choose another name${how}`;
      issues.push({ code: 'DUPLICATE_STORE', place: placeOf(second.place), message });
    }
  }
  return issues;
}

/** Offsets are kept by the connector's name. */
function sources({ vertices }: Graph): readonly TopologyIssue[] {
  const connectors = vertices.flatMap(({ node }) => (node.kind === 'connectorSource' ? [node.connector] : []));
  return connectors.flatMap(({ name }, index) =>
    connectors.findIndex((other) => other.name === name) === index
      ? []
      : [
          {
            code: 'SOURCE_TWICE',
            place: name,
            message: 'two sources have this name; make one and use it twice, or give them different names',
          },
        ],
  );
}

/** What fails there again would go there again, for ever. */
function deadLetters({ options }: JobSpec, { vertices }: Graph): readonly TopologyIssue[] {
  const topics = new Set(
    Object.values(options.onError).flatMap((policy) => (policy.kind === 'deadLetter' ? [policy.topic] : [])),
  );
  return vertices.flatMap((vertex) => {
    const name = vertex.node.kind === 'topicSource' || vertex.node.kind === 'tableSource' ? vertex.node.topic.name : '';
    const message = `the job reads its own dead-letter topic '${name}'; read it in a job of its own`;
    return topics.has(name) ? [{ code: 'DEAD_LETTER_READ', place: placeOf(vertex.place), message }] : [];
  });
}

/** A source is read by one task, a topic by one a partition: no task could be both. */
function mixedInputs({ parts }: Cut): readonly TopologyIssue[] {
  return parts.flatMap(({ vertices }) => {
    const source = vertices.find(({ node }) => node.kind === 'connectorSource');
    const topic = vertices.find(({ node }) => inputKinds.has(node.kind));
    if (source === undefined || topic === undefined) return [];
    const message = `a source can't be merged with '${topic.source}'; write the source to a topic and merge that`;
    return [{ code: 'SOURCE_MERGED', place: placeOf(source.place), message }];
  });
}

/** What reads a source commits where that stands, and nothing else. */
function processorsOfSources({ parts }: Cut): readonly TopologyIssue[] {
  return parts.flatMap(({ vertices }) => {
    if (!vertices.some(({ node }) => node.kind === 'connectorSource')) return [];
    return vertices.flatMap(({ node, store, place }): readonly TopologyIssue[] => {
      if (node.kind !== 'process' || store === null) return [];
      const message = `a processor with state or timers can't read a source itself; write the source to a topic with .to(topic) and let '${node.name}' read that`;
      return [{ code: 'PROCESS_NEEDS_TOPIC', place: placeOf(place), message }];
    });
  });
}

const inputKinds: ReadonlySet<string> = new Set(['topicSource', 'tableSource', 'repartitionSource']);

function exactlyOnce({ vertices }: Graph): readonly TopologyIssue[] {
  return vertices.flatMap(({ node, place }): readonly TopologyIssue[] => {
    const at = placeOf(place);
    if (node.kind === 'rx' && !node.stateless) {
      const message =
        'what rx() keeps is lost at a restart, so exactlyOnce refuses it; write rx.stateless(…) if the operators keep nothing';
      return [{ code: 'RX_UNDER_EXACTLY_ONCE', place: at, message }];
    }
    if (node.kind === 'connectorSource' && !node.connector.replayable) {
      const message =
        "the source can't give its records again, so exactlyOnce refuses it; run atLeastOnce, or choose a replayable source";
      return [{ code: 'SOURCE_NOT_REPLAYABLE', place: at, message }];
    }
    if (node.kind === 'connectorSink' && node.connector.delivery === 'repeats') {
      const message =
        'the sink may write a record again after a crash, so exactlyOnce refuses it; run atLeastOnce, or choose an idempotent sink';
      return [{ code: 'SINK_REPEATS', place: at, message }];
    }
    return [];
  });
}

/** Sides that meet must have their partitions alike: as many of them, and keys of the same bytes. */
function coPartitioning({ vertices }: Graph): readonly TopologyIssue[] {
  return vertices.flatMap(({ node, parents, table, place }) => {
    const at = placeOf(place);
    if (table !== null) return [...sameCounts(at, parents[0]!, table), ...sameKeys(at, parents[0]!, table)];
    if (node.kind !== 'merge' && node.kind !== 'joinStreams' && node.kind !== 'joinTables') return [];
    return parents
      .slice(1)
      .flatMap((other) => [...sameCounts(at, parents[0]!, other), ...sameKeys(at, parents[0]!, other)]);
  });
}

/** A windowed store is looked up by key and time, and a join has the key only. */
function windowedJoins({ vertices }: Graph): readonly TopologyIssue[] {
  return vertices.flatMap(({ node, table, parents, place }): readonly TopologyIssue[] => {
    const looked = node.kind === 'joinTables' || node.kind === 'foreignAnswer' ? parents : [];
    return (table === null ? looked : [table]).flatMap((side): readonly TopologyIssue[] => {
      if (side.key.windowedBy === null) return [];
      const what = side.store?.name ?? placeOf(side.place);
      const message = `a windowed table can't be joined; write '${what}' to a topic with toStream() and read that with table()`;
      return [{ code: 'WINDOWED_JOIN', place: placeOf(place), message }];
    });
  });
}

/** A table of windowed keys that is read from a topic says nothing of when they close. */
function suppressions({ vertices }: Graph): readonly TopologyIssue[] {
  return vertices.flatMap((vertex): readonly TopologyIssue[] => {
    const { node, place } = vertex;
    if (node.kind !== 'suppress' || node.until !== 'windowCloses' || windowOf(vertex) !== null) return [];
    const message = 'it waits for windows to close, and no window() is before it in this job';
    return [{ code: 'SUPPRESS_NEEDS_WINDOW', place: placeOf(place), message }];
  });
}

/** Two sessions become one when a record comes between them. */
function sessions({ vertices }: Graph): readonly TopologyIssue[] {
  return vertices.flatMap(({ node, place }): readonly TopologyIssue[] => {
    if (node.kind !== 'aggregate' || node.parent.window?.kind !== 'session' || node.merge !== undefined) return [];
    const what = node.operator === 'aggregateAll' ? 'one of its aggregators has' : 'it has';
    const message = `sessions grow together, and ${what} no way to make one state of two; give { merge: (earlier, later) => … }`;
    return [{ code: 'SESSION_NEEDS_MERGE', place: placeOf(place), message }];
  });
}

/** A window that left the store before it closes would begin again with the next record. */
function kept({ vertices }: Graph): readonly TopologyIssue[] {
  return vertices.flatMap(({ node, place }): readonly TopologyIssue[] => {
    const { window = null, windowing } = node.kind === 'aggregate' ? node.parent : {};
    const keepMs = windowing?.keepMs ?? null;
    if (window === null || keepMs === null || keepMs >= changesForMs(window)) return [];
    const message = `its windows change for ${changesForMs(window)} ms, grace included, and are kept for ${keepMs} ms; keep them at least as long`;
    return [{ code: 'KEEP_TOO_SHORT', place: placeOf(place), message }];
  });
}

/** What waits for the row of its time needs a table that still has it. */
function graceWithoutHistory({ vertices }: Graph): readonly TopologyIssue[] {
  return vertices.flatMap(({ node, table, place }): readonly TopologyIssue[] => {
    if (node.kind !== 'joinTable' || node.buffer === null || table === null) return [];
    const { graceMs } = node.buffer;
    const historyMs = historyOf(table);
    if (historyMs !== null && historyMs >= graceMs) return [];
    const has = historyMs === null ? 'keeps no history' : `keeps ${historyMs} ms of history`;
    const message = `records wait ${graceMs} ms for '${table.source}', which ${has}; declare it with table(name, serde, { versioned: … }), or toTable({ versioned: … }), at least as long`;
    return [{ code: 'GRACE_NEEDS_HISTORY', place: placeOf(place), message }];
  });
}

/** Rows that are computed are computed from those of then, too. */
function historyOf({ node, store, parents }: Vertex): number | null {
  if (node.kind === 'tableSource') return node.topic.versionedMs ?? null;
  if (node.kind === 'toTable') return node.versionedMs;
  return store === null && (node.kind === 'filterRows' || node.kind === 'mapRows') ? historyOf(parents[0]!) : null;
}

function sameCounts(place: string, left: Vertex, right: Vertex): readonly TopologyIssue[] {
  const topics = (side: Vertex) => inputsOf(side).flatMap((input) => topicOf(input) ?? []);
  return topics(left).flatMap((a) =>
    topics(right).flatMap((b): readonly TopologyIssue[] => {
      if (a.partitions === undefined || b.partitions === undefined || a.partitions === b.partitions) return [];
      const message = `'${a.name}' has ${a.partitions} partitions and '${b.name}' ${b.partitions}; give both the same number, or put selectKey() before, which repartitions`;
      return [{ code: 'NOT_CO_PARTITIONED', place, message }];
    }),
  );
}

function sameKeys(place: string, left: Vertex, right: Vertex): readonly TopologyIssue[] {
  const [a, b] = [left.key.serde, right.key.serde];
  if (a === null || b === null || a.name === b.name) return [];
  const message = `keys are written as ${a.name} on one side (${left.source}) and as ${b.name} on the other (${right.source}), so equal keys are in different partitions; give selectKey() the other side's serde with { key }`;
  return [{ code: 'NOT_CO_PARTITIONED', place, message }];
}

function cycles({ vertices }: Graph, { circular }: Cut): readonly TopologyIssue[] {
  const feeds = (vertex: Vertex): readonly Vertex[] => [
    ...vertex.parents,
    ...(vertex.table === null ? [] : [vertex.table]),
    ...fillersOf(vertices, vertex),
  ];
  const issues: TopologyIssue[] = [];
  for (const vertex of vertices) {
    if (vertex.node.kind !== 'topicSink') continue;
    const { name } = vertex.node.topic;
    if (!isAbove(vertex, vertex, feeds)) continue;
    const message = `'${name}' is written from what is read from it, so records would go round for ever; write to another topic`;
    issues.push({ code: 'CYCLE', place: placeOf(vertex.place), message });
  }
  if (issues.length > 0) return issues;
  return circular.map((parts): TopologyIssue => {
    const read = parts.flatMap((part) => part.vertices.flatMap((vertex) => topicOf(vertex)?.name ?? []));
    const message =
      'parts of the job wait for each other by way of these topics, so none comes first; make two jobs of it';
    return { code: 'CYCLE', place: read.join(', '), message };
  });
}

function isAbove(target: Vertex, from: Vertex, feeds: (vertex: Vertex) => readonly Vertex[]): boolean {
  const seen = new Set<Vertex>();
  const visit = (at: Vertex): boolean =>
    feeds(at).some((above) => above === target || (!seen.has(above) && seen.add(above) && visit(above)));
  return visit(from);
}
