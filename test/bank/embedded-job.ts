// The bank on the embedded log, which one process has to itself: transfers come from a source of the job's own, in the same
// transactions. MILLRACE_BANK_TRANSFERS says how many, MILLRACE_BANK_SEED which.
import { generate } from '../../connectors/generate/index.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import { job, selectKey, source } from '../../dsl/index.ts';
import { flows, options, type Transfer, transfers } from './job.ts';
import { drawTransfer } from './transfers.ts';

export const transfersPerSecond = 300;

/** Transfer `id` of a seed, wherever it is asked for. */
export const transferOf = (seed: number, id: number): Transfer => drawTransfer(id, seededRandom(seed * 1_000_003 + id));

const seed = Number(process.env['MILLRACE_BANK_SEED'] ?? 1);
const count = Number(process.env['MILLRACE_BANK_TRANSFERS'] ?? 1_000);
const made = source(generate({ value: (id) => transferOf(seed, id), count, rate: transfersPerSecond }));

export default job('bank', [made.pipe(selectKey(({ id }) => String(id))).to(transfers), ...flows], options);
