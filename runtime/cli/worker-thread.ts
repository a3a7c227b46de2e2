// The inside of a worker thread: a worker over a message port. Its only orders are workerData, 'stop' and 'close the windows of'.
import { parentPort, workerData } from 'node:worker_threads';
import { createClient, portNetwork } from '../../core/client/index.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import { systemRandom } from '../../core/kernel/random.ts';
import { createLevelEngine } from '../../core/storage/level-storage.ts';
import type { StoreQuestion } from '../worker/store-question.ts';
import { startWorker, type Worker } from '../worker/worker.ts';
import { clusterClient, securityOf } from './connection.ts';
import { compileJob, loadJob } from './load-job.ts';
import { createLogger } from './log-lines.ts';
import { explain } from './output.ts';
import type { FromThread, ThreadData, ToThread } from './thread-worker.ts';

const data = workerData as ThreadData;
const tell = (message: FromThread) => parentPort!.postMessage(message);
const reportEveryMs = 50;

async function answer(worker: Worker, id: number, question: StoreQuestion | 'measures'): Promise<void> {
  try {
    const found = question === 'measures' ? await worker.measures() : await worker.ask(question);
    tell({ kind: 'answer', id, answer: found, failed: null });
  } catch (error) {
    tell({ kind: 'answer', id, answer: null, failed: explain(error) });
  }
}

try {
  const logger = createLogger();
  const topology = compileJob(await loadJob(data.jobFile));
  const clientId = `${topology.job}-${data.workerId}`;
  const shared = { clock: systemClock, random: systemRandom, logger };
  const client =
    data.port === null
      ? clusterClient(data.bootstrap!, await securityOf(data), clientId, logger)
      : createClient({ ...shared, network: portNetwork(data.port), clientId });
  const worker = startWorker({
    topology,
    client,
    stateEngine: createLevelEngine(data.stateFolder),
    ...shared,
    ...data,
  });
  parentPort!.on('message', (order: ToThread) => {
    if (order === 'stop') void worker.stop().catch(() => {});
    else if ('closeWindows' in order) worker.closeWindows(order.closeWindows);
    else void answer(worker, order.id, order.question);
  });
  const reporting = setInterval(() => tell({ kind: 'report', report: worker.report() }), reportEveryMs);
  try {
    await worker.done;
  } finally {
    clearInterval(reporting);
    tell({ kind: 'report', report: worker.report() });
    await client.close();
  }
  tell({ kind: 'stopped' });
} catch (error) {
  tell({ kind: 'failed', message: explain(error) });
}
