import { expect, test } from 'vitest';
import { asJson, asLine, type RawRecord, textOf } from '../../../runtime/cli/record-text.ts';

function record(value: string, more: Partial<RawRecord> = {}): RawRecord {
  const place = { topic: 't', partition: 0, offset: 0, timestampMs: 0 };
  return { ...place, key: null, value: Buffer.from(value), headers: [], ...more } as RawRecord;
}

test('a key that is not windowed, and a time that no date can hold, are shown as they are', () => {
  expect(textOf(Buffer.from('customer-7'), 'windowed')).toBe('customer-7');
  const shown = { key: 'auto', value: 'auto', keys: false, headers: false, timestamps: true } as const;
  expect(asLine(record('v', { timestampMs: 9_000_000_000_000_000 }), shown)).toBe('@9000000000000000\tv');
});

test.each<[string, unknown]>([
  ['{"n": 1, "half": 1.50}', { n: 1, half: 1.5 }],
  ['[true]', [true]],
  ['7', 7],
  ['plain', 'plain'],
  ['"quoted"', '"quoted"'],
  ['null', 'null'],
  ['12345678901234567890', '12345678901234567890'],
  ['{"id":9007199254740993}', '{"id":9007199254740993}'],
  ['{"id":"9007199254740993","\\"":1}', null],
])('the value %s as JSON is what produce --json writes again', (text, expected) => {
  const { value } = asJson(record(text), { key: 'auto', value: 'auto' });
  expect(value).toEqual(expected ?? JSON.parse(text));
});
