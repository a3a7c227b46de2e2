// What becomes of the state, the topics and the place in the input when one version of a job takes over from another.
// State goes by the store's name and the place in the input by the topic's, so steps may come and go freely; what is kept
// under one name must be read as it was written.
import { differenceOf } from './store-shape.ts';
import type { TopologyData } from './topology-data.ts';

export interface TopologyChange {
  /** 'refused': the new version would misread what the old one has kept. */
  readonly kind: 'kept' | 'new' | 'gone' | 'changed' | 'refused';
  readonly what: string;
  /** One sentence: what it means, and for 'refused' what to do. */
  readonly means: string;
}

type Store = TopologyData['subTopologies'][number]['stores'][number];

/** Changes first that are refused, then those of state, then those of topics. */
export function compareTopologies(before: TopologyData, after: TopologyData): TopologyChange[] {
  if (before.job !== after.job) {
    const means = `it has another name than '${before.job}', so another group, other offsets and other state: it begins at the start`;
    return [{ kind: 'changed', what: `job ${after.job}`, means }];
  }
  const changes = [
    ...compareStores(storesOf(before), storesOf(after)),
    ...compareInputs(before, after),
    ...compareOutputs(before, after),
    ...compareInternal(before, after),
    ...compareSettings(before, after),
  ];
  const rank = ({ kind }: TopologyChange) => (kind === 'refused' ? 0 : 1);
  return changes.sort((a, b) => rank(a) - rank(b));
}

const storesOf = ({ subTopologies }: TopologyData): ReadonlyMap<string, Store> =>
  new Map(subTopologies.flatMap(({ stores }) => stores.map((store) => [store.name, store] as const)));

function compareStores(before: ReadonlyMap<string, Store>, after: ReadonlyMap<string, Store>): TopologyChange[] {
  const changes: TopologyChange[] = [];
  for (const [name, store] of after) {
    const old = before.get(name);
    const what = `state ${name}`;
    if (old === undefined) {
      changes.push({ kind: 'new', what, means: 'it is empty and is built from what is processed from now on' });
      continue;
    }
    const difference = differenceOf(old.shape, store.shape);
    if (difference === null) changes.push({ kind: 'kept', what, means: `by its name; ${store.changelog}` });
    else {
      const { found, wanted } = difference;
      const means = `it is kept ${found} and the job wants it ${wanted}: give it another name with 'as', or forget it with 'millrace reset'`;
      changes.push({ kind: 'refused', what, means });
    }
  }
  for (const [name, { changelog, ownChangelog }] of before) {
    if (after.has(name)) continue;
    const left = ownChangelog ? `; its topic ${changelog} stays until it is deleted` : '';
    changes.push({ kind: 'gone', what: `state ${name}`, means: `nothing keeps it any more${left}` });
  }
  return changes;
}

const inputsOf = ({ subTopologies }: TopologyData): ReadonlySet<string> =>
  new Set(
    subTopologies.flatMap(({ inputs }) =>
      inputs.map((input) => ('topic' in input ? `topic ${input.topic}` : `source ${input.source}`)),
    ),
  );

function compareInputs(before: TopologyData, after: TopologyData): TopologyChange[] {
  const [old, now] = [inputsOf(before), inputsOf(after)];
  const internal = new Set([...before.internalTopics, ...after.internalTopics].map(({ name }) => `topic ${name}`));
  return difference(old, now, internal, {
    new: 'it is read from where --from says, its start by default',
    gone: 'it is not read any more; its offset is kept for a while',
  });
}

const outputsOf = ({ subTopologies }: TopologyData): ReadonlySet<string> =>
  new Set(subTopologies.flatMap(({ steps }) => steps.flatMap(({ to }) => (to === undefined ? [] : [`output ${to}`]))));

function compareOutputs(before: TopologyData, after: TopologyData): TopologyChange[] {
  const internal = new Set([...before.internalTopics, ...after.internalTopics].map(({ name }) => `output ${name}`));
  return difference(outputsOf(before), outputsOf(after), internal, {
    new: 'it gets what is processed from now on',
    gone: 'it is not written any more, and stays as it is',
  });
}

function compareInternal(before: TopologyData, after: TopologyData): TopologyChange[] {
  const repartition = ({ internalTopics }: TopologyData) =>
    new Set(
      internalTopics.flatMap(({ name, purpose }) => (purpose === 'repartition' ? [`repartition topic ${name}`] : [])),
    );
  return difference(repartition(before), repartition(after), new Set(), {
    new: 'it is made',
    gone: 'what stands in it unprocessed is lost: stop the old version when it has caught up; the topic stays until it is deleted',
  });
}

function difference(
  old: ReadonlySet<string>,
  now: ReadonlySet<string>,
  leftOut: ReadonlySet<string>,
  means: { readonly new: string; readonly gone: string },
): TopologyChange[] {
  const only = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...a].filter((x) => !b.has(x) && !leftOut.has(x));
  return [
    ...only(now, old).map((what) => ({ kind: 'new' as const, what, means: means.new })),
    ...only(old, now).map((what) => ({ kind: 'gone' as const, what, means: means.gone })),
  ];
}

function compareSettings(before: TopologyData, after: TopologyData): TopologyChange[] {
  const changes: TopologyChange[] = [];
  if (before.guarantee !== after.guarantee) {
    const means = `${before.guarantee} becomes ${after.guarantee}: it holds from the first commit of the new version on`;
    changes.push({ kind: 'changed', what: 'guarantee', means });
  }
  const old = new Map(before.topics.map((topic) => [topic.name, topic]));
  for (const { name, key, value, partitions } of after.topics) {
    const was = old.get(name);
    if (was === undefined) continue;
    for (const [part, from, to] of [
      ['keys', was.key, key],
      ['values', was.value, value],
    ] as const) {
      if (from === to) continue;
      const means = `its ${part} were ${from} and are ${to}: what stands in it already is read as ${to} too`;
      changes.push({ kind: 'changed', what: `topic ${name}`, means });
    }
    if (partitions !== undefined && was.partitions !== undefined && partitions !== was.partitions) {
      const means = `it has ${was.partitions} partitions and the job wants ${partitions}: keys would move; make a new topic`;
      changes.push({ kind: 'refused', what: `topic ${name}`, means });
    }
  }
  return changes;
}
