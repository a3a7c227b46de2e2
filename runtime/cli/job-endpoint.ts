// What a running job answers over HTTP: /metrics for Prometheus, /status for `millrace top`, /stores for queries. The server
// listens before there is a job, because members tell their addresses when they join, and says so until then.
import { rm, writeFile } from 'node:fs/promises';
import { systemClock } from '../../core/kernel/clock.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { createStoreRoutes, type HttpAnswer, type StoreRequest } from '../app/store-routes.ts';
import type { Layout } from '../worker/layout.ts';
import type { Worker } from '../worker/worker.ts';
import { forwardedHeader, type HttpEndpoint, type HttpReply, jsonReply, openHttpEndpoint } from './http-endpoint.ts';
import { addressFile, type JobStatus } from './job-status.ts';
import { createMetricsText, jobFamilies, type WorkerFigures } from './metrics-text.ts';

export interface ServedJob {
  readonly topology: Topology;
  readonly layout: Layout;
  readonly workers: () => ReadonlyMap<number, Worker>;
}

export interface JobEndpoint extends HttpEndpoint {
  attach(job: ServedJob): void;
}

export interface JobEndpointOptions {
  /** `[HOST:]PORT` to listen on. */
  readonly listen: string;
  /** Where others reach it. Default what it listens on, by the host's name where that is every address. */
  readonly advertise?: string | undefined;
  /** Where `millrace top` finds the address of a job by name. */
  readonly folder: string;
}

const forwardMsMax = 10_000;

export async function openJobEndpoint({ listen, advertise, folder }: JobEndpointOptions): Promise<JobEndpoint> {
  let answer = async (_: StoreRequest): Promise<HttpReply> =>
    jsonReply(503, { error: { code: 'STARTING', message: 'the job is starting; ask again in a moment' } });
  const endpoint = await openHttpEndpoint(listen, (request) => answer(request));
  const address = advertise ?? endpoint.address;
  await writeFile(addressFile(folder), endpoint.address);
  return {
    address,
    attach(job) {
      answer = routesOf(job, address);
    },
    async close() {
      await rm(addressFile(folder), { force: true });
      await endpoint.close();
    },
  };
}

function routesOf(job: ServedJob, address: string): (request: StoreRequest) => Promise<HttpReply> {
  const { topology, workers } = job;
  const text = createMetricsText();
  const stores = createStoreRoutes({ ...job, address, workers: () => workers().values(), forward });
  const figures = (): Promise<WorkerFigures[]> =>
    Promise.all(
      [...workers()].map(async ([worker, one]) => ({
        worker,
        report: one.report(),
        measures: await one.measures(),
      })),
    );
  return async ({ segments: [first = '', ...rest], search, forwarded }) => {
    if (first === 'stores') {
      const { status, body } = await stores({ segments: rest, search, forwarded });
      return jsonReply(status, body);
    }
    if (rest.length === 0 && first === 'metrics') {
      const body = await text.render(jobFamilies(topology.job, await figures(), systemClock.now()));
      return { status: 200, type: text.contentType, body };
    }
    if (rest.length === 0 && first === 'status') {
      const status: JobStatus = { job: topology.job, address, nowMs: systemClock.now(), workers: await figures() };
      return jsonReply(200, status);
    }
    const message = 'there are /metrics, /status, /stores, /stores/NAME and /stores/NAME/KEY';
    return jsonReply(404, { error: { code: 'NOT_FOUND', message } });
  };
}

async function forward(address: string, pathAndQuery: string): Promise<HttpAnswer> {
  const response = await fetch(`http://${address}${pathAndQuery}`, {
    headers: { [forwardedHeader]: '1' },
    signal: AbortSignal.timeout(forwardMsMax),
  });
  return { status: response.status, body: await response.json() };
}
