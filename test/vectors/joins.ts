// The programs of the vectors that join, in our DSL.
import { utf8 } from '../../core/schema/primitive.ts';
import {
  foreignJoin,
  globalTable,
  type Job as JobSpec,
  job,
  join,
  joinGlobal,
  type KStream,
  type KTable,
  leftForeignJoin,
  leftJoin,
  leftJoinGlobal,
  outerJoin,
  suppress,
  table,
  topic,
  toStream,
  within,
} from '../../dsl/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: data of many shapes, read by `op`
type Described = any;
type Text = string | null;

const input = (name: string) => topic(name, utf8, { tombstones: 'pass' });
const output = topic('out', utf8);

const tableNamed = (name: string, versionedMs: number | undefined): KTable<string, string> =>
  table(name, utf8, versionedMs === undefined ? {} : { versioned: versionedMs });

/** A template of `l` and `r`; a side that is missing prints `null`. */
const joinerOf =
  ({ joiner = 'l+r' }: Described) =>
  (l: Text, r: Text): string =>
    (joiner as string).replace(/[lr]/g, (side) => String(side === 'l' ? l : r));

export function streamStreamJoin(topology: Described): JobSpec {
  const { beforeMs, afterMs, graceMs } = topology.window;
  const window = within({ before: beforeMs, after: afterMs, grace: graceMs });
  const left: KStream<string, Text> = input('left');
  const right: KStream<string, Text> = topology.self ? left : input('right');
  const joiner = joinerOf(topology);
  const options = { as: 'joined', left: utf8, right: utf8 };
  const joined: Record<string, () => KStream<string, string>> = {
    inner: () => left.pipe(join(right, window, joiner, options)),
    left: () => left.pipe(leftJoin(right, window, joiner, options)),
    outer: () => left.pipe(outerJoin(right, window, (l, r) => joiner(l, r), options)),
  };
  return job('v', [joined[topology.type]!().to(output)]);
}

export function streamTableJoin(topology: Described): JobSpec {
  const right = tableNamed('right', topology.rightVersionedMs);
  const left: KStream<string, Text> = input('left');
  const joiner = joinerOf(topology);
  const options = topology.graceMs === undefined ? {} : { as: 'waiting', grace: topology.graceMs, waiting: utf8 };
  const joined =
    topology.type === 'inner' ? left.pipe(join(right, joiner, options)) : left.pipe(leftJoin(right, joiner, options));
  return job('v', [joined.to(output)]);
}

export function tableTableJoin(topology: Described): JobSpec {
  const left = tableNamed('left', topology.leftVersionedMs);
  const rows = tableNamed('right', topology.rightVersionedMs);
  const { suppressRightMs: until } = topology;
  const right = until === undefined ? rows : rows.pipe(suppress({ until, as: 'held' }));
  const joiner = joinerOf(topology);
  const options = topology.materializeResult === false ? {} : { as: 'joined', value: utf8 };
  const joined: Record<string, () => KTable<string, string>> = {
    inner: () => left.pipe(join(right, joiner, options)),
    left: () => left.pipe(leftJoin(right, joiner, options)),
    outer: () => left.pipe(outerJoin(right, joiner, options)),
  };
  return job('v', [joined[topology.type]!().pipe(toStream()).to(output)]);
}

/** The key to look up is the second part of the stream's value, between commas. */
export function streamGlobalTableJoin(topology: Described): JobSpec {
  const right = globalTable('right', utf8);
  const joiner = joinerOf(topology);
  const left: KStream<string, Text> = input('left');
  const keyOf = (value: string) => value.split(',')[1] ?? null;
  const joined =
    topology.type === 'inner'
      ? left.pipe(
          joinGlobal(
            right,
            (value) => keyOf(value),
            (l, r) => joiner(l, r),
          ),
        )
      : left.pipe(
          leftJoinGlobal(
            right,
            (value) => keyOf(value),
            (l, r) => joiner(l, r),
          ),
        );
  return job('v', [joined.to(output)]);
}

/** The foreign key is the second part of the left value, between bars; 'returnNull' is none. */
export function foreignKeyJoin(topology: Described): JobSpec {
  const left = tableNamed('left', undefined);
  const right = tableNamed('right', undefined);
  const keyOf = (value: string) => {
    const key = value.split('|')[1] ?? null;
    return key === 'returnNull' ? null : key;
  };
  const joiner = (l: string, r: Text) => `(${l},${r})`;
  const options = { as: 'joined', value: utf8 };
  const joined =
    topology.type === 'inner'
      ? left.pipe(foreignJoin(right, keyOf, joiner, options))
      : left.pipe(leftForeignJoin(right, keyOf, joiner, options));
  return job('v', [joined.pipe(toStream()).to(output)]);
}
