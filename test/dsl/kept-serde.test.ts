// How values that wait in a join are kept where nobody says it.
import { expect, test } from 'vitest';
import {
  filter,
  join,
  json,
  type KStream,
  map,
  safeInt64,
  selectKey,
  structured,
  tap,
  topic,
  utf8,
  within,
} from '../../dsl/index.ts';

const within1s = within('1 second', { grace: 0 });
const right = topic('right', safeInt64, { key: utf8 });

function keptBy<V>(left: KStream<string, V>) {
  const { node } = left.pipe(join(right, within1s, (a, b) => `${String(a)}${b}`));
  return node.kind === 'joinStreams' ? [node.left.name, node.right.name] : [];
}

test('by the topic’s serde where a primitive comes as it was read, and otherwise by structured()', () => {
  const texts = topic('left', utf8, { key: utf8 });
  const plain = texts.pipe(
    tap(() => {}),
    filter((text) => text !== ''),
    selectKey((text) => text),
  );
  expect(keptBy(plain)).toEqual(['utf8', 'safeInt64']);
  expect(keptBy(texts.pipe(map((text) => text.length)))).toEqual(['structured', 'safeInt64']);
  // A validator might change what it reads a second time, and JSON gives back less than it was given.
  expect(keptBy(topic('objects', json<{ a: number }>(), { key: utf8 }))).toEqual(['structured', 'safeInt64']);
  const said = texts.pipe(join(right, within1s, (a, b) => a + b, { left: structured() })).node;
  expect(said.kind === 'joinStreams' && said.left.name).toBe('structured');
});
