// Patterns of subscriptions, of RE2's syntax, matched against whole names and in time that no pattern can blow up.
import { expect, test } from 'vitest';
import { topicPattern } from '../../../core/coordinator/group/consumer/topic-pattern.ts';

const matching = (pattern: string, names: readonly string[]) => names.filter((name) => topicPattern(pattern)!(name));

test.each([
  ['orders', ['orders'], ['orders-eu', 'my-orders', 'Orders', '']],
  ['orders.*', ['orders', 'orders.eu'], ['my-orders']],
  ['.*', ['', 'a', '__consumer_offsets'], []],
  ['', [''], ['a']],
  ['(a|bc)+d?', ['a', 'bca', 'abcd'], ['d', 'b', 'add']],
  ['(?:eu|us)-(?P<kind>x|y)|z', ['eu-x', 'us-y', 'z'], ['eu', 'eu-', 'xz']],
  ['a{2}', ['aa'], ['a', 'aaa']],
  ['a{1,2}b{2,}', ['abb', 'aabbb'], ['aaabb', 'ab']],
  ['a{0,1}', ['', 'a'], ['aa']],
  ['a{b', ['a{b'], ['ab']],
  ['[a-c_.-]+', ['abc', 'a.b-c_'], ['d', '']],
  ['[^0-9]\\d\\D\\w\\W', ['x1yz-'], ['11yz-', 'x1yz1']],
  ['[\\d.]+', ['1.2'], ['a']],
  ['[]a]', [']', 'a'], ['b']],
  ['^a$', ['a'], ['ab']],
  ['\\Aa|b\\z', ['a', 'b'], ['ab']],
  ['a^b', [], ['ab', 'a^b']],
  ['\\Qa.b\\E+', ['a.b', 'a.bb'], ['axb']],
  ['a\\.b\\-c\\x41', ['a.b-cA'], ['a-b-cA']],
  ['(?i)Orders-[a-b]', ['ORDERS-B', 'orders-a'], ['orders-c']],
  ['a*?b+?', ['b', 'aab', 'bb'], ['a']],
  ['(a*)*b', ['b', 'aaab'], ['aaaa']],
])('%s', (pattern, yes, no) => {
  expect(matching(pattern, [...yes, ...no])).toEqual(yes);
});

test.each([
  '(',
  ')',
  'a)',
  '[',
  '[b-a]',
  '*',
  '+a',
  '(?=a)',
  '(?<!a)',
  '\\1',
  '\\p{L}',
  '[[:alpha:]]',
  '\\',
  'a{1001}',
  'a{2,1}',
  '(?i',
  '(?x)a',
  '\\b',
  '('.repeat(300),
  '((a{100}){100}){100}',
])('%s is refused', (pattern) => {
  expect(topicPattern(pattern)).toBeNull();
});

test('agrees with RegExp where both read a pattern', () => {
  const names = ['', 'a', 'b', 'ab', 'ba', 'aab', 'abb', 'abab', 'a.b', 'a-b', 'aaa', 'bbb', 'abc', 'c'];
  const pieces = ['a', 'b', '.', '(a|b)', '[ab]', '[^a]', '(ab)', 'c?', 'a*', 'b+', '(a|bc)*', 'a{2}', '(?:b|)'];
  for (const x of pieces) {
    for (const y of pieces) {
      for (const z of pieces) {
        const pattern = `${x}${y}|${z}${x}`;
        const regExp = new RegExp(`^(?:${pattern})$`);
        expect([pattern, matching(pattern, names)]).toEqual([pattern, names.filter((name) => regExp.test(name))]);
      }
    }
  }
});

test('no pattern takes long', () => {
  const evil = topicPattern('((a+)+)+(a|aa)*(a?){200}$')!;
  expect(evil(`${'a'.repeat(248)}!`)).toBe(false);
});
