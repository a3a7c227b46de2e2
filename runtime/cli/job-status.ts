// What `/status` of a running job says, and asking for it: of one process, or of all members that it knows to answer.
import { join } from 'node:path';
import { Fault, isFault } from '../../core/kernel/fault.ts';
import type { WorkerFigures } from './metrics-text.ts';

export interface JobStatus {
  readonly job: string;
  /** Where this process answers. */
  readonly address: string;
  readonly nowMs: number;
  readonly workers: readonly WorkerFigures[];
}

export interface WholeStatus {
  readonly processes: readonly JobStatus[];
  /** Addresses of members that did not answer. */
  readonly silent: readonly string[];
}

/** In the folder of a job's state: where its process on this machine answers. */
export const addressFile = (folder: string): string => join(folder, 'http-address');

const answerMsMax = 3_000;

/** @throws Fault `NO_JOB_THERE` */
export async function askStatus(job: string, address: string): Promise<JobStatus> {
  const refuse = (reason: string, cause?: unknown) => new Fault('NO_JOB_THERE', { job, reason }, cause);
  try {
    const response = await fetch(`http://${address}/status`, { signal: AbortSignal.timeout(answerMsMax) });
    const body = (await response.json().catch(() => ({}))) as Partial<JobStatus>;
    if (response.status === 503) throw refuse(`the job at ${address} is only starting`);
    if (!response.ok || body.workers === undefined) throw refuse(`what is at ${address} is no job of millrace`);
    return body as JobStatus;
  } catch (error) {
    if (isFault(error, 'NO_JOB_THERE')) throw error;
    const cause = (error as { readonly cause?: { readonly code?: string } }).cause?.code ?? (error as Error).name;
    throw refuse(`${address} does not answer (${cause})`, error);
  }
}

/** Asks one process, and then the others of the job that it knows. @throws Fault `NO_JOB_THERE` where the first is silent */
export async function askWholeStatus(job: string, address: string): Promise<WholeStatus> {
  const first = await askStatus(job, address);
  const known = first.workers.flatMap(({ report }) => report.members.map((member) => member.address));
  const others = [...new Set(known)].filter((other): other is string => other !== null && other !== first.address);
  const asked = await Promise.allSettled(others.map((other) => askStatus(job, other)));
  return {
    processes: [first, ...asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))],
    silent: others.filter((_, index) => asked[index]!.status === 'rejected'),
  };
}
