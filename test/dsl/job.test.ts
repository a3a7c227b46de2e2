import { expect, test } from 'vitest';
import { deadLetter, fail, filter, isJob, job, skip, topic, utf8 } from '../../dsl/index.ts';

const copy = topic('a', utf8).to(topic('b', utf8));

test('a job without settings fails on bad records and commits every second', () => {
  expect(job('copies', [copy]).options).toEqual({
    guarantee: 'atLeastOnce',
    onError: { decode: { kind: 'fail' }, process: { kind: 'fail' }, produce: { kind: 'fail' } },
    commitIntervalMs: 1_000,
    standbys: 0,
    names: 'environment',
    negativeTimestamp: 'fail',
    maxTaskIdleMs: 0,
    updates: 'every',
  });
});

test('exactlyOnce commits more often, unless the job says how often', () => {
  expect(job('j', [copy], { guarantee: 'exactlyOnce' }).options.commitIntervalMs).toBe(100);
  const options = { guarantee: 'exactlyOnce', commitInterval: '5 seconds' } as const;
  expect(job('j', [copy], options).options.commitIntervalMs).toBe(5_000);
});

test('one error policy for all, or one for each', () => {
  const policies = (onError: Parameters<typeof job>[2]) => job('j', [copy], onError).options.onError;
  expect(policies({ onError: skip() })).toEqual({ decode: skip(), process: skip(), produce: skip() });
  expect(policies({ onError: { decode: deadLetter('dead') } })).toEqual({
    decode: { kind: 'deadLetter', topic: 'dead' },
    process: fail(),
    produce: fail(),
  });
});

test('a job knows itself, and nothing else passes for one', () => {
  expect(isJob(job('j', [copy]))).toBe(true);
  expect([{ name: 'j', outputs: [], options: {} }, null, undefined, 'job'].map(isJob)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

test('an output that ends nowhere is said at once, with its number', () => {
  const open = topic('a', utf8).pipe(filter(() => true));
  expect(() => job('j', [copy, open as never])).toThrow(
    "job 'j': output 2 ends nowhere; end it with .to(topic) or .pipe(sink(connector))",
  );
  expect(() => job('j', [undefined as never])).toThrow(expect.objectContaining({ code: 'BAD_JOB' }));
});

test.each([-1, 0.5, Number.NaN])('%s copies of a state are refused', (standbys) => {
  expect(() => job('j', [], { standbys })).toThrow(`job 'j': standbys is a whole number from 0 on, not ${standbys}`);
});

test.each([
  ['updates', 'Latest', "'every' or 'latest'"],
  ['updates', null, "'every' or 'latest'"],
  ['guarantee', 'exactly_once', "'atLeastOnce' or 'exactlyOnce'"],
  ['negativeTimestamp', 'drop', "'fail' or 'skip'"],
])('a %s of %s is refused: types are not checked when a job file runs', (setting, given, known) => {
  expect(() => job('j', [], { [setting]: given })).toThrow(`job 'j': ${setting} is ${known}, not '${given}'`);
});
