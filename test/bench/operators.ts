// What each operator costs: nanoseconds a record of a job that has it between its topics, and the same over the bare loop
// (chain.ts), both measured by turns. A record is one that comes in, from whichever topic. State is in memory: no log, no
// LevelDB. What two topics cost without an operator stands first, to be taken off in one's head.
import { job } from '../../dsl/index.ts';
import { inputBatches, plainFilterMap } from './chain.ts';
import { median } from './measure.ts';
import { operatorPrograms } from './operator-programs.ts';
import { operatorTasks } from './operator-tasks.ts';

/** Every key once a round, ten seconds apart. */
const batchesPerRound = 20;
const recordsPerRound = 10_000;
/** Until the engine has compiled what is called once a record. */
const warmUpRounds = 4;
const firstMs = 1_700_000_000_000;

export interface OperatorRow {
  readonly what: string;
  /** Of processor time, the collector's and the compiler's as well. */
  readonly nsPerRecord: number;
  /** Speed of the operator over that of the bare loop: 1 is no cost at all. */
  readonly ratio: number;
}

/** @param only which operators; default all */
export async function operatorsBench(rounds: number, only?: readonly string[]): Promise<OperatorRow[]> {
  // Time goes on from round to round, so windows open and close as they do where records come.
  const input = Array.from({ length: warmUpRounds + rounds }, (_, round) =>
    inputBatches(firstMs + round * recordsPerRound, batchesPerRound),
  );
  const measured: { what: string; oursNs: number }[] = [];
  /** Of all turns together, since the collector does for some operators' garbage in the bare loop's turn. */
  const bareNs: number[] = [];
  for (const what of only ?? Object.keys(operatorPrograms))
    measured.push({ what, oursNs: await measureOperator(what, input, bareNs) });
  return measured.map(({ what, oursNs }) => ({ what, nsPerRecord: oursNs, ratio: median(bareNs) / oursNs }));
}

async function measureOperator(what: string, input: readonly (readonly Uint8Array[])[], bareNs: number[]) {
  const tasks = operatorTasks(job('operator', [operatorPrograms[what]!()], { names: 'derived' }), input[0]!);
  const oursNs: number[] = [];
  for (const [round, batches] of input.entries()) {
    const ours = await cpuNsOf(() => tasks.run(batches));
    const bare = await cpuNsOf(plainFilterMap(batches));
    if (round < warmUpRounds) continue;
    oursNs.push(ours / (recordsPerRound * tasks.inputs));
    bareNs.push(bare / recordsPerRound);
  }
  return median(oursNs);
}

/** Of all threads of the process, to the microsecond. */
async function cpuNsOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1_000;
}
