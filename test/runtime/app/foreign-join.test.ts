// A foreign-key join on a log, where a row changes again before the other side has answered to its last change.
import { expect, test } from 'vitest';
import { utf8 } from '../../../core/schema/primitive.ts';
import { foreignJoin, job, type KTable, leftForeignJoin, table, topic, toStream } from '../../../dsl/index.ts';
import { connect, runJob } from '../../../runtime/cli/index.ts';
import { consume } from '../../../runtime/rx/index.ts';
import { tempFolder } from '../../support/millrace.ts';

const left: KTable<string, string> = table('left', utf8);
const right: KTable<string, string> = table('right', utf8);
const out = topic('out', utf8);
const options = { as: 'both', value: utf8 };
const keyOf = (value: string) => value.split(' ')[0]!;

test.each([
  ['inner', null],
  ['left', 'nowhere 2+null'],
] as const)(
  'a row that moves to where no row is, and changes at once again, keeps no result of before: %s',
  async (kind, last) => {
    await using folder = await tempFolder();
    const joined =
      kind === 'inner'
        ? left.pipe(foreignJoin(right, keyOf, (l, r) => `${l}+${r}`, options))
        : left.pipe(leftForeignJoin(right, keyOf, (l, r) => `${l}+${r}`, options));
    const program = job('moves', [joined.pipe(toStream()).to(out)]);
    const send = async (records: readonly (readonly [topic: string, key: string, value: string])[]) => {
      await using connection = await connect({ data: folder.data });
      await connection.client
        .admin()
        .createTopics(['left', 'right'].map((name) => ({ name, partitions: 1 })))
        .catch(() => {});
      await using producer = connection.client.producer();
      await Promise.all(
        records.map(([name, key, value]) =>
          producer.send({ topic: name, key: utf8.encode(key), value: utf8.encode(value) }),
        ),
      );
    };
    const toTheEnd = async () => {
      await using run = await runJob(program, { data: folder.data, until: 'end' });
      await run.done;
      await using connection = await connect({ data: folder.data });
      const values: (string | null)[] = [];
      for await (const { value } of consume(connection.client, out, { until: 'end' })) values.push(value);
      return values;
    };
    await send([
      ['right', 'r', 'x'],
      ['left', 'a', 'r 1'],
    ]);
    expect((await toTheEnd()).at(-1)).toBe('r 1+x');
    // Both are taken in before the answer to the first of them can be read.
    await send([
      ['left', 'a', 'nowhere 1'],
      ['left', 'a', 'nowhere 2'],
    ]);
    expect((await toTheEnd()).at(-1)).toBe(last);
  },
);
