import { expect, test } from 'vitest';
import { createRequestBudget } from '../../../core/server/request-budget.ts';

const turn = () => new Promise<void>((resolve) => process.nextTick(resolve));

test('the last request may exceed the bound, so that none is too large for it', () => {
  const budget = createRequestBudget(100);
  budget.add(99);
  expect(budget.hasRoom).toBe(true);
  budget.add(1_000);
  expect(budget.hasRoom).toBe(false);
});

test('those that wait are called back in their order, as long as there is room', async () => {
  const budget = createRequestBudget(100);
  const called: string[] = [];
  const waiter = (name: string, bytes: number) => () => {
    called.push(name);
    budget.add(bytes);
  };
  budget.add(100);
  const [a, b, c] = [waiter('a', 50), waiter('b', 60), waiter('c', 1)];
  for (const each of [a, b, a, c]) budget.wait(each);
  budget.add(0);
  await turn();
  expect(called).toEqual([]);
  budget.add(-50);
  expect(called).toEqual([]);
  await turn();
  expect(called).toEqual(['a']);
  budget.forget(b);
  budget.add(-50);
  await turn();
  expect(called).toEqual(['a', 'c']);
  expect(budget.isShort).toBe(false);
});

test('one that still finds no room waits on, behind the others', async () => {
  const budget = createRequestBudget(100);
  let calls = 0;
  const again = () => {
    calls++;
    budget.wait(again);
  };
  budget.add(100);
  budget.wait(again);
  budget.add(-10);
  await turn();
  expect(calls).toBe(1);
  expect(budget.isShort).toBe(true);
});
