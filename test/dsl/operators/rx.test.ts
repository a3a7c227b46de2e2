import {
  debounceTime,
  map,
  merge,
  type OperatorFunction,
  of,
  pairwise,
  pipe,
  Subject,
  VirtualTimeScheduler,
} from 'rxjs';
import { expect, test } from 'vitest';
import { rx, topic, utf8 } from '../../../dsl/index.ts';

const time = () => new VirtualTimeScheduler();

/** The operators that a task makes of the node. */
function made(
  stage: { readonly node: { readonly kind: string } },
  scheduler = time(),
): OperatorFunction<unknown, unknown>[] {
  const node = stage.node as unknown as {
    readonly make: (scheduler: VirtualTimeScheduler) => OperatorFunction<unknown, unknown>[];
  };
  return node.make(scheduler);
}

const words = topic('words', utf8);

test('operators are handed on as they are', () => {
  const [upper, pairs] = [map((word: string) => word.toUpperCase()), pairwise<string>()];
  expect(made(words.pipe(rx(upper, pairs)))).toEqual([upper, pairs]);
});

test('a function of the scheduler is told from an operator by what it answers', () => {
  const scheduler = time();
  const own: OperatorFunction<string, number> = (source) => source.pipe(map((word) => word.length));
  const [debounce, length] = made(words.pipe(rx((t) => debounceTime(1_000, t), own)), scheduler);
  expect(length).toBe(own);

  const source = new Subject<unknown>();
  const seen: unknown[] = [];
  source.pipe(debounce!).subscribe((value) => seen.push(value));
  source.next('a');
  source.next('b');
  expect(seen).toEqual([]);
  scheduler.flush();
  expect(seen).toEqual(['b']);
});

test('an operator that can not be tried without a real source is an operator all the same', () => {
  const merged: OperatorFunction<string, string> = (source) => merge(source, of('end'));
  expect(made(words.pipe(rx(merged)))).toEqual([merged]);
});

test('each task makes operators of its own', () => {
  const stage = words.pipe(rx((t) => debounceTime(1_000, t)));
  expect(made(stage)[0]).not.toBe(made(stage)[0]);
});

test('operators put together by pipe() are one', () => {
  const both = pipe(
    map((word: string) => word.length),
    map((n) => n * 2),
  );
  const [operator] = made(words.pipe(rx(both)));
  const seen: unknown[] = [];
  of('ab', 'abc')
    .pipe(operator!)
    .subscribe((value) => seen.push(value));
  expect(seen).toEqual([4, 6]);
});

test('rx.stateless() carries its promise', () => {
  expect(words.pipe(rx(pairwise())).node).toMatchObject({ stateless: false });
  expect(words.pipe(rx.stateless(map((word) => word))).node).toMatchObject({ stateless: true });
});
