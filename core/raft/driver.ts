// Carries consensus out: feeds it events one at a time, writes what it says before anything is sent, applies what is
// committed, and tells proposers what became of theirs. Everything that touches the world is handed in.
import type { Clock, Timer } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';
import type { Logger } from '../kernel/logger.ts';
import { createRaft, type Raft } from './raft.ts';
import type { Effect, Entry, Event, Message, Persist, RaftOptions, SaidVoter, Snapshot } from './types.ts';

export interface RaftDisk {
  load(): Promise<Pick<RaftOptions, 'hardState' | 'snapshot' | 'entries'>>;
  /** Resolves when it is on disk, all or none. */
  persist(write: Persist): Promise<void>;
}

export interface RaftDriverOptions extends Pick<RaftOptions, 'id' | 'voters' | 'chance' | 'timing'> {
  readonly disk: RaftDisk;
  /** Messages may be lost, late, doubled and out of order. */
  readonly send: (to: number, message: Message) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Committed entries, each once and in order. */
  readonly onCommitted: (offset: number, entries: readonly Entry[]) => void;
  /** Instead of all entries below its offset. */
  readonly onSnapshot: (snapshot: Snapshot) => void;
  /** The leader, the epoch or this node's part may have changed. */
  readonly onChange: () => void;
}

export interface RaftDriver {
  readonly raft: Pick<Raft, 'id' | 'epoch' | 'role' | 'leader' | 'voters' | 'highWatermark' | 'log'>;
  receive(message: Message): void;
  /** Resolves when committed. @throws Fault `NOT_CONTROLLER` where this isn't the leader, or is it no more: they may hold or not */
  propose(entries: readonly Uint8Array[]): Promise<void>;
  /**
   * Resolves when committed; they vote from before that.
   *
   * @throws Fault `VOTERS_NOT_CHANGED` with why they stay, `NOT_CONTROLLER` as of `propose`
   */
  changeVoters(voters: readonly SaidVoter[]): Promise<void>;
  snapshot(snapshot: Snapshot): void;
  /** Hands over to another, if it leads. */
  resign(): void;
  close(): Promise<void>;
}

interface Waiting {
  readonly endOffset: number;
  readonly epoch: number;
  readonly latch: Latch<void>;
}

type Queued =
  | { readonly event: Event; readonly latch: null }
  | { readonly event: Extract<Event, { kind: 'propose' | 'changeVoters' }>; readonly latch: Latch<void> };
type Proposal = { readonly event: Extract<Event, { kind: 'propose' }>; readonly latch: Latch<void> };

const isProposal = (queued: Queued | undefined): queued is Proposal => queued?.event.kind === 'propose';

const lookMsMax = 1_000;
const tryDiskMs = 1_000;

export async function startRaftDriver(options: RaftDriverOptions): Promise<RaftDriver> {
  const { clock, disk, logger } = options;
  const kept = await disk.load();
  const raft = createRaft({ ...options, ...kept, nowMs: () => clock.monotonicMs() });
  let queue: Queued[] = [];
  let waiting: Waiting[] = [];
  let applied = raft.highWatermark;
  let working: Promise<void> | null = null;
  let timer: Timer | undefined;
  let closed = false;
  /** Null while it can be written. */
  let tryDiskAtMs: number | null = null;
  if (kept.snapshot !== null) options.onSnapshot(kept.snapshot);

  function give(queued: Queued): void {
    if (closed) return queued.latch?.reject(new Fault('NOT_CONTROLLER', {}));
    queue.push(queued);
    working ??= work().finally(() => {
      working = null;
      schedule();
    });
  }

  const tell = (event: Event) => give({ event, latch: null });

  function schedule(): void {
    timer?.cancel();
    if (closed) return;
    const delayMs = Math.min(Math.max(raft.deadlineMs - clock.monotonicMs(), 1), lookMsMax);
    timer = clock.after(delayMs, () => tell({ kind: 'tick' }));
  }

  async function work(): Promise<void> {
    while (queue.length > 0 && !closed) {
      try {
        await tryDisk();
        await carryOut(next());
      } catch (error) {
        if (!closed) logger.error({ err: error }, 'consensus failed; this controller stops');
        closed = true;
      }
    }
    if (closed) fail(() => true);
  }

  /** Proposals that have come while something was written go together. */
  function next(): readonly Effect[] {
    const first = queue.shift()!;
    if (first.latch === null) return raft.step(first.event);
    if (!isProposal(first)) return changeVoters(first.event, first.latch);
    const together = [first];
    for (let more = queue[0]; isProposal(more); more = queue[0]) {
      together.push(more);
      queue.shift();
    }
    const { role, epoch } = raft;
    if (role.kind !== 'leader') {
      for (const { latch } of together) latch.reject(new Fault('NOT_CONTROLLER', {}));
      return [];
    }
    let endOffset = raft.log.end.offset;
    for (const { event, latch } of together) {
      endOffset += event.entries.length;
      waiting.push({ endOffset, epoch, latch });
    }
    return raft.step({ kind: 'propose', entries: together.flatMap(({ event }) => event.entries) });
  }

  /**
   * What it can't write it must not pretend to have. So of what was to be said nothing is; the rest of the quorum goes on
   * without it, and it follows in memory.
   */
  async function lostDisk(write: Persist): Promise<boolean> {
    try {
      await disk.persist(write);
      return false;
    } catch (error) {
      if (closed) throw error;
      tryDiskAtMs = clock.monotonicMs() + tryDiskMs;
      const told = 'the metadata log can not be written: until it can, this node has no say in the quorum';
      logger.warn({ reason: String(error) }, told);
      return true;
    }
  }

  /** All that memory has is written at once: nothing of it was since the disk was lost. */
  async function tryDisk(): Promise<void> {
    if (tryDiskAtMs === null || clock.monotonicMs() < tryDiskAtMs) return;
    const { log, epoch, votedFor } = raft;
    const { startOffset, snapshot } = log;
    const append = { offset: startOffset, entries: log.read(startOffset, log.end.offset - startOffset) };
    try {
      await disk.persist({
        kind: 'persist',
        hardState: { epoch, votedFor },
        snapshot,
        truncateTo: startOffset,
        append,
      });
      tryDiskAtMs = null;
      logger.info({}, 'the metadata log is written again, and this node has its say in the quorum');
      await carryOut(raft.step({ kind: 'disk', isWritable: true }));
    } catch (error) {
      if (tryDiskAtMs === null || closed) throw error;
      tryDiskAtMs = clock.monotonicMs() + tryDiskMs;
    }
  }

  function changeVoters(event: Event, latch: Latch<void>): readonly Effect[] {
    const { epoch } = raft;
    const effects = raft.step(event);
    const refused = effects.find((effect) => effect.kind === 'refuseVoters');
    if (refused === undefined) waiting.push({ endOffset: raft.log.end.offset, epoch, latch });
    else if (refused.why === 'notLeader') latch.reject(new Fault('NOT_CONTROLLER', {}));
    else latch.reject(new Fault('VOTERS_NOT_CHANGED', { why: refused.why }));
    return effects;
  }

  async function carryOut(effects: readonly Effect[]): Promise<void> {
    const before = `${raft.epoch} ${raft.leader} ${raft.role.kind}`;
    let [first, rest] = [effects[0], effects];
    if (first?.kind === 'persist') {
      rest = effects.slice(1);
      if (tryDiskAtMs === null && (await lostDisk(first)))
        rest = [...rest.filter(({ kind }) => kind !== 'send'), ...raft.step({ kind: 'disk', isWritable: false })];
    }
    for (const effect of rest) {
      if (effect.kind === 'send') options.send(effect.to, effect.message);
      else if (effect.kind === 'restore') restore(effect.snapshot);
    }
    apply();
    if (first?.kind === 'persist' && first.append !== null && tryDiskAtMs === null) {
      const endOffset = first.append.offset + first.append.entries.length;
      await carryOut(raft.step({ kind: 'persisted', endOffset }));
    }
    settle();
    const state = `${raft.epoch} ${raft.leader} ${raft.role.kind}`;
    if (state !== before || state !== lastState || isReady() !== wasReady) {
      lastState = state;
      wasReady = isReady();
      options.onChange();
    }
  }
  let lastState = '';
  let wasReady = false;
  const isReady = () => raft.role.kind === 'leader' && raft.highWatermark > raft.role.sinceOffset;

  function restore(snapshot: Snapshot): void {
    options.onSnapshot(snapshot);
    applied = snapshot.offset;
  }

  function apply(): void {
    while (applied < raft.highWatermark) {
      const entries = raft.log.read(applied, raft.highWatermark - applied);
      const from = applied;
      applied += entries.length;
      options.onCommitted(from, entries);
    }
  }

  function settle(): void {
    while (waiting.length > 0 && waiting[0]!.endOffset <= raft.highWatermark) {
      const { endOffset, epoch, latch } = waiting.shift()!;
      if (raft.log.epochAt(endOffset - 1) === epoch) latch.resolve();
      else latch.reject(new Fault('NOT_CONTROLLER', {}));
    }
    fail(({ epoch }) => raft.role.kind !== 'leader' || raft.epoch !== epoch);
  }

  function fail(lost: (one: Waiting) => boolean): void {
    const gone = waiting.filter(lost);
    waiting = waiting.filter((one) => !gone.includes(one));
    for (const { latch } of gone) latch.reject(new Fault('NOT_CONTROLLER', {}));
  }

  schedule();
  return {
    raft,
    receive: (message) => tell({ kind: 'receive', message }),
    propose(entries) {
      const latch = createLatch<void>();
      give({ event: { kind: 'propose', entries }, latch });
      return latch.promise;
    },
    changeVoters(voters) {
      const latch = createLatch<void>();
      give({ event: { kind: 'changeVoters', voters }, latch });
      return latch.promise;
    },
    snapshot: (snapshot) => tell({ kind: 'snapshotTaken', snapshot }),
    resign: () => tell({ kind: 'resign' }),
    async close() {
      closed = true;
      timer?.cancel();
      await working;
      queue = [];
      fail(() => true);
    },
  };
}
