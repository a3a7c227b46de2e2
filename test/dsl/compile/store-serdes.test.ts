import fc from 'fast-check';
import { expect, test } from 'vitest';
import { json } from '../../../core/schema/json.ts';
import { utf8 } from '../../../core/schema/primitive.ts';
import { joinRowsSerde, versionsSerde } from '../../../dsl/compile/store-serdes.ts';

const texts = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme', minLength: 60 }));

test('rows of a join come back as they were, texts of any script beside other values', () => {
  const serde = joinRowsSerde(utf8, json());
  const row = <T>(value: fc.Arbitrary<T>) =>
    fc.record({ timestampMs: fc.nat({ max: 2 ** 45 }), matched: fc.boolean(), value });
  fc.assert(
    fc.property(fc.array(row(texts)), fc.array(row(fc.record({ n: fc.integer(), text: texts }))), (left, right) => {
      expect(serde.decode(serde.encode({ parts: 3, left, right }))).toEqual({ parts: 3, left, right });
    }),
  );
});

test('a history of texts comes back as it was, deletions too', () => {
  const serde = versionsSerde(utf8);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), fc.option(texts))), (given) => {
      const versions = given.map(([timestampMs, value]) => ({ timestampMs, value }));
      expect(serde.decode(serde.encode(versions))).toEqual(versions);
    }),
  );
});

test('half a character is written as U+FFFD, as in any text, and what follows it is whole', () => {
  const serde = versionsSerde(utf8);
  const versions = ['a\ud800b', 'after'].map((value) => ({ timestampMs: 1, value }));
  expect(serde.decode(serde.encode(versions))).toEqual(
    ['a\ufffdb', 'after'].map((value) => ({ timestampMs: 1, value })),
  );
});
