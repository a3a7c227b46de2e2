// The controller in charge, wherever it is: what a node asks of it goes to the leader of the metadata log, in this process or
// another, until it is carried out or the time is up. Answers say up to where the metadata must be read to see what they did.

import type { TopicConfigs, TopicImage } from '../../controller/catalog-record.ts';
import type { Controller } from '../../controller/controller.ts';
import { abortable } from '../../kernel/abortable.ts';
import { backoffMs } from '../../kernel/backoff.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Fault, isFault } from '../../kernel/fault.ts';
import { createLatch } from '../../kernel/latch.ts';
import type { Random } from '../../kernel/random.ts';
import type { QuorumDescription } from '../../raft/description.ts';
import type { VoterChanges } from './voter-changes.ts';

/**
 * What a node may ask; each is a method of `Controller`, or a change of those who vote, or what is asked of the log itself.
 * Arguments travel as JSON.
 */
const askable = [
  'register',
  'heartbeat',
  'unregister',
  'addVoter',
  'removeVoter',
  'createTopic',
  'growTopic',
  'deleteTopic',
  'topicErased',
  'catchUp',
  'replaceConfigs',
  'replaceNodeConfigs',
  'alterPartitions',
  'dropDamagedCopy',
  'electLeaders',
  'alterReassignments',
  'allocateProducerIds',
  'describeQuorum',
] as const;
export type Askable = (typeof askable)[number];

/**
 * `Controller` as far as it can be asked from afar: a function can't travel, so settings are replaced as a whole, and stay as
 * they are where they aren't `before` any more. Answered is what is set then.
 */
export interface RemoteController
  extends VoterChanges,
    Pick<
      Controller,
      Exclude<Askable, 'replaceConfigs' | 'replaceNodeConfigs' | 'describeQuorum' | keyof VoterChanges>
    > {
  /** By the leader of the metadata log, in its wall clock's time. */
  describeQuorum(): Promise<QuorumDescription>;
  replaceConfigs(id: string, configs: TopicConfigs, before: TopicConfigs): Promise<TopicImage | null>;
  replaceNodeConfigs(node: string, configs: TopicConfigs, before: TopicConfigs): Promise<TopicConfigs>;
}

export interface Answered {
  readonly value: unknown;
  /** First offset of the metadata that need not be read. */
  readonly offset: number;
}

export interface ControllerLinkOptions {
  /** Of the metadata log; null where none is known now. */
  readonly leader: () => number | null;
  readonly nodeId: number;
  readonly carryOut: (kind: string, args: readonly unknown[]) => Promise<Answered>;
  /** Asks another node to carry it out; null where that isn't in charge. */
  readonly askPeer: (node: number, kind: string, args: readonly unknown[]) => Promise<Answered | null>;
  /** Resolves when this node has read the metadata up to there. */
  readonly applied: (offset: number) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  /** Ends all that is asked. */
  readonly signal: AbortSignal;
}

/**
 * Of what a node says again and again, each answer is waited for so long and no longer: a controller that stands still must
 * not keep a node from telling the next one that it lives. A heartbeat that comes late is worth nothing at all.
 */
const answerMsMax: Partial<Record<Askable, number>> = { heartbeat: 1_000, register: 2_000, alterPartitions: 2_000 };
const retry = { firstMs: 20, maxMs: 250 } as const;

/** @throws Fault `NOT_CONTROLLER` when nobody has carried it out in time */
export function createControllerLink(options: ControllerLinkOptions): RemoteController {
  const { clock, random } = options;

  async function ask(kind: Askable, args: readonly unknown[]): Promise<unknown> {
    const endMs = clock.monotonicMs() + (kind === 'heartbeat' ? answerMsMax.heartbeat! : options.timeoutMs);
    for (let attempt = 0; ; attempt++) {
      const answered = await abortable(inTime(kind, once(kind, args)), options.signal);
      if (answered !== null) {
        // Heartbeats change little, and must not wait for a node that is behind.
        if (kind !== 'heartbeat' && kind !== 'register')
          await abortable(options.applied(answered.offset), options.signal);
        return answered.value;
      }
      if (clock.monotonicMs() >= endMs) throw new Fault('NOT_CONTROLLER', {});
      await clock.sleep(backoffMs(attempt, retry, random), options.signal);
    }
  }

  async function inTime<T>(kind: Askable, work: Promise<T>): Promise<T | null> {
    const limitMs = answerMsMax[kind];
    if (limitMs === undefined) return work;
    const late = createLatch<null>();
    const timer = clock.after(limitMs, () => late.resolve(null));
    return Promise.race([work, late.promise]).finally(() => timer.cancel());
  }

  async function once(kind: Askable, args: readonly unknown[]): Promise<Answered | null> {
    const leader = options.leader();
    if (leader === null) return null;
    try {
      return await (leader === options.nodeId ? options.carryOut(kind, args) : options.askPeer(leader, kind, args));
    } catch (error) {
      if (isFault(error, 'NOT_CONTROLLER') || isFault(error, 'CONNECTION_LOST') || isFault(error, 'TIMED_OUT'))
        return null;
      throw error;
    }
  }

  return Object.fromEntries(
    askable.map((kind) => [kind, (...args: readonly unknown[]) => ask(kind, args)]),
  ) as unknown as RemoteController;
}

/** Carries out on this process's controller what was asked of it. @throws Fault `NOT_CONTROLLER` */
export async function carryOutOn(
  controller: Controller,
  offset: () => number,
  kind: string,
  args: readonly unknown[],
): Promise<Answered> {
  if (!(askable as readonly string[]).includes(kind)) throw new Fault('NOT_CONTROLLER', {});
  const [, configs, before] = args as readonly TopicConfigs[];
  const replaced = (now: TopicConfigs) => (before === undefined || isSameConfigs(now, before) ? configs! : now);
  const value =
    kind === 'replaceConfigs'
      ? await controller.changeConfigs(args[0] as string, replaced)
      : kind === 'replaceNodeConfigs'
        ? await controller.changeNodeConfigs(args[0] as string, replaced)
        : await (controller[kind as keyof Controller] as (...given: readonly unknown[]) => Promise<unknown>)(...args);
  return { value, offset: offset() };
}

export function isSameConfigs(one: TopicConfigs, other: TopicConfigs): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
