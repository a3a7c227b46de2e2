// What each operator costs: nanoseconds a record of a job that has it between its topics, and the same over the bare loop
// (chain.ts), both measured by turns. A record is one that comes in, from whichever topic. State is in memory: no log, no
// LevelDB. What two topics cost without an operator stands first, to be taken off in one's head.
import { job } from '../../dsl/index.ts';
import { inputBatches, plainFilterMap } from './chain.ts';
import { type Rates, type RatioRow, ratesOf, ratioRow } from './measure.ts';
import { operatorPrograms } from './operator-programs.ts';
import { operatorTasks } from './operator-tasks.ts';

/** Every key once a round, ten seconds apart. */
const batchesPerRound = 20;
const recordsPerRound = 10_000;
/** Until the engine has compiled what is called once a record. */
const warmUpRounds = 4;
const firstMs = 1_700_000_000_000;

/** Speed of the operator over that of the bare loop: 1 is no cost at all. In records a second. */
export type OperatorRow = RatioRow;

/** @param only which operators; default all */
export async function operatorsBench(rounds: number, only?: readonly string[]): Promise<OperatorRow[]> {
  const rows: OperatorRow[] = [];
  for (const name of only ?? Object.keys(operatorPrograms)) rows.push(await measureOperator(name, rounds));
  return rows;
}

async function measureOperator(name: string, rounds: number): Promise<OperatorRow> {
  const program = job('operator', [operatorPrograms[name]!()], { names: 'derived' });
  const tasks = operatorTasks(program, inputBatches(firstMs, batchesPerRound));
  const ours: Rates[] = [];
  const bare: Rates[] = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    // Time goes on from round to round, so windows open and close as they do where records come.
    const batches = inputBatches(firstMs + (round + warmUpRounds) * recordsPerRound, batchesPerRound);
    const rates = [
      await ratesOf(recordsPerRound * tasks.inputs, () => tasks.run(batches)),
      await ratesOf(recordsPerRound, plainFilterMap(batches)),
    ] as const;
    if (round < 0) continue;
    ours.push(rates[0]);
    bare.push(rates[1]);
  }
  return ratioRow(name, ours, bare);
}
