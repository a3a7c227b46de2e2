import { expect, test } from 'vitest';
import { errorOf, errors } from '../../../core/protocol/error-code.ts';

const all = Object.values(errors);

test('codes are those of Apache Kafka 4.4: -1 to 136 without a gap', () => {
  expect(all.map(({ code }) => code).sort((a, b) => a - b)).toEqual(Array.from({ length: 138 }, (_, i) => i - 1));
});

test('an error is found by its code, and a code that nobody knows is final', () => {
  for (const error of all) expect(errorOf(error.code)).toBe(error);
  expect(errorOf(30_000)).toBe(errors.UNKNOWN_SERVER_ERROR);
  expect(errorOf(30_000).retriable).toBe(false);
});

test('each has a sentence of its own', () => {
  expect(new Set(all.map(({ message }) => message)).size).toBe(all.length);
  expect(errors.MEMBER_ID_REQUIRED).toEqual({
    code: 79,
    name: 'MEMBER_ID_REQUIRED',
    retriable: false,
    message: 'join again with the member id in this answer',
  });
});

test('those that Kafka retries are retried', () => {
  // By number, from its class Errors: the exceptions that are a RetriableException.
  const retriable = [
    2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89, 100, 103, 106,
    122, 123, 133,
  ];
  expect(all.filter((error) => error.retriable).map(({ code }) => code)).toEqual(retriable);
});
