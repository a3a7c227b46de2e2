// How admin asks: retried while that may help, refused with a Fault that names what was asked for.
import { Fault } from '../kernel/fault.ts';
import type { ApiName, ResponseOf } from '../protocol/api-table.ts';
import { errorOf } from '../protocol/error-code.ts';
import type { Cluster, CoordinatorKey, RequestFor, Target } from './cluster.ts';
import { refusal, refusedWith, retrying } from './retry.ts';

export interface AdminCalls {
  readonly cluster: Cluster;
  /** Asks a node, reads the answer with `read`, which throws `refused(…)` for an error in it; all of it is tried again while that may help. */
  ask<N extends ApiName, T>(to: Target, api: N, request: RequestFor<N>, read: (answer: ResponseOf<N>) => T): Promise<T>;
  /** The same at the coordinator of a group. */
  askGroup<N extends ApiName, T>(
    groupId: string,
    api: N,
    request: RequestFor<N>,
    read: (answer: ResponseOf<N>) => T,
  ): Promise<T>;
}

/** Twice as long as one request may take, so that one that was lost is asked again. */
export const apiTimeoutMs = 60_000;

export function createAdminCalls(cluster: Cluster): AdminCalls {
  const { clock, random } = cluster;
  return {
    cluster,
    ask: (to, api, request, read) =>
      retrying({ clock, random, timeoutMs: apiTimeoutMs }, async () => {
        try {
          return read(await cluster.call(to, api, request));
        } catch (error) {
          if (refusedWith(error) === 'NOT_CONTROLLER') await cluster.metadata([]);
          throw error;
        }
      }),
    askGroup(groupId, api, request, read) {
      const coordinator: CoordinatorKey = { kind: 'group', key: groupId };
      return retrying({ clock, random, timeoutMs: apiTimeoutMs }, async () => {
        const answer = await cluster.callCoordinator(coordinator, api, request);
        try {
          return read(answer);
        } catch (error) {
          if (error instanceof Refused) cluster.coordinatorMoved(coordinator, error.errorCode);
          throw error instanceof Refused ? error.fault : error;
        }
      });
    },
  };
}

/** Carries the code of a refusal to `askGroup`, which must know whether the coordinator moved. */
class Refused extends Error {
  readonly errorCode: number;
  readonly fault: Fault;

  constructor(errorCode: number, fault: Fault) {
    super(fault.message);
    this.errorCode = errorCode;
    this.fault = fault;
  }
}

/** Throws what an error code of an answer means for a person; returns for 0. */
export function checkTopic(api: string, errorCode: number, topic: string, message?: string | null): void {
  if (errorCode === 0) return;
  const { name } = errorOf(errorCode);
  if (name === 'UNKNOWN_TOPIC_OR_PARTITION') throw new Fault('TOPIC_NOT_FOUND', { topic });
  if (name === 'TOPIC_ALREADY_EXISTS') throw new Fault('TOPIC_EXISTS', { topic });
  throw refusal(api, errorCode, `topic '${topic}'`, message);
}

/** The same for a group, inside of `askGroup`. */
export function checkGroup(api: string, errorCode: number, group: string, message?: string | null): void {
  if (errorCode === 0) return;
  const { name } = errorOf(errorCode);
  if (name === 'GROUP_ID_NOT_FOUND') throw new Fault('GROUP_NOT_FOUND', { group });
  throw new Refused(errorCode, refusal(api, errorCode, `group '${group}'`, message));
}
