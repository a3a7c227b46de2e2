// Random programs over random inputs against a plain model: in the test driver, and on the embedded log in one task. The
// simulator runs the same on several partitions with kills in the middle (programs.ts there).
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDriver } from '../../runtime/testing/index.ts';
import { anyCase } from './any-program.ts';
import { expectedLines, linesOf, type Result } from './model.ts';
import { runOnLog } from './on-log.ts';
import { inputTopic, jobOf, otherTopic, outputOf, rowsTable, sideInputOf } from './recipe.ts';

test('any program does in the driver what the plain model says', () => {
  fc.assert(
    fc.property(anyCase, ({ recipe, inputs }) => {
      const driver = createDriver(jobOf(recipe, { partitions: 1 }));
      const side = sideInputOf(recipe) === 'other' ? otherTopic : rowsTable;
      for (const { key, value } of inputs.side) driver.in(side).send(key, value);
      for (const { key, value } of inputs.in) driver.in(inputTopic).send(key, value);
      const results = driver
        .out(outputOf(1))
        .readAll()
        .map(({ key, value }): Result => ({ key: key!, value }));
      expect(linesOf(recipe, results)).toEqual(expectedLines(recipe, inputs));
    }),
    { numRuns: 500 },
  );
});

test('any program does on the embedded log what the plain model says, restarts or not', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, fc.boolean(), fc.boolean(), async (drawn, exactly, restart) => {
      const results = await runOnLog(drawn, { guarantee: exactly ? 'exactlyOnce' : 'atLeastOnce', restart });
      expect(linesOf(drawn.recipe, results)).toEqual(expectedLines(drawn.recipe, drawn.inputs));
    }),
    { numRuns: 30, interruptAfterTimeLimit: 90_000 },
  );
});
