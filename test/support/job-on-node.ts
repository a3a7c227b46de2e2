// A job's own parts on a log that is there, in this process: for tests that look inside, or put parts of their own in.
import type { Client } from '../../core/client/index.ts';
import { systemClock as clock } from '../../core/kernel/clock.ts';
import { silentLogger as logger } from '../../core/kernel/logger.ts';
import { systemRandom as random } from '../../core/kernel/random.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { startApp } from '../../runtime/app/app.ts';
import { prepareTopics } from '../../runtime/app/prepare.ts';
import { startWorker } from '../../runtime/worker/worker.ts';

export interface JobOnNodeOptions {
  readonly topology: Topology;
  readonly client: Client;
  readonly stateEngine: StorageEngine;
  /** Default 'earliest'. */
  readonly from?: 'earliest' | 'latest';
}

/** With one worker, until it is stopped. */
export async function startJobOnNode({ topology, client, stateEngine, from = 'earliest' }: JobOnNodeOptions) {
  const layout = await prepareTopics(topology, client.admin(), clock);
  const shared = { topology, layout, client, clock, random, logger };
  const app = startApp({
    ...{ ...shared, workers: 1, until: 'stopped' },
    startWorker: (index) =>
      startWorker({
        ...{ ...shared, stateEngine, from, commitWhenIdle: false, alone: false, countOperators: true },
        ...{ workerId: `worker-${index}`, processId: 'process' },
      }),
  });
  return { app, shared };
}
