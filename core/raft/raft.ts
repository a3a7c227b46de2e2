// Consensus without I/O: one event at a time, in; what is to be done about it, out. It reads no clock and no disk by itself and
// keeps nothing from one event to the next but what `Raft` shows. Whoever carries the effects out does so in their order
// (driver.ts): a vote or an entry is on disk before anyone is told of it.
import { assert, unreachable } from '../kernel/assert.ts';
import { newProgress, type Progress, tookUpTo } from './progress.ts';
import { isMajority, majorityValue } from './quorum.ts';
import { createRaftLog, type RaftLog } from './raft-log.ts';
import type { Role } from './role.ts';
import {
  type Effect,
  type Entry,
  type Event,
  fetchEntriesMax,
  type LogEnd,
  type Message,
  type Persist,
  type RaftOptions,
  type RaftTiming,
  raftTiming,
  type SaidVoter,
  type Snapshot,
} from './types.ts';
import { objectionTo, votersEntry } from './voters.ts';

export interface Raft {
  readonly id: number;
  readonly epoch: number;
  readonly votedFor: number | null;
  readonly role: Role;
  /** Of this epoch; null where it isn't known. */
  readonly leader: number | null;
  readonly voters: readonly number[];
  readonly highWatermark: number;
  readonly log: RaftLog;
  /** When the next tick is due. */
  readonly deadlineMs: number;
  step(event: Event): readonly Effect[];
}

type Of<K extends Message['kind']> = Extract<Message, { kind: K }>;
type Told = Message extends infer M ? (M extends Message ? Omit<M, 'from' | 'epoch'> : never) : never;

const nothing = new Uint8Array(0);
const isBehind = (one: LogEnd, other: LogEnd): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.offset < other.offset);

export function createRaft(options: RaftOptions): Raft {
  const { id, nowMs, chance } = options;
  const timing: RaftTiming = { ...raftTiming, ...options.timing };
  const log = createRaftLog(options.snapshot, options.entries);
  let { epoch, votedFor } = options.hardState;
  let highWatermark = options.snapshot?.offset ?? 0;
  let persistedOffset = log.end.offset;
  let role: Role = { kind: 'follower', leader: null, untilMs: nowMs() + electionMs() };
  let askAgainMs = 0;
  /** Of this epoch: heard of no more. Others who have not noticed yet would send a voter back to it for ever. */
  let givenUp: number | null = null;
  let isWritable = true;

  // Of one step.
  let write: { -readonly [K in keyof Persist]: Persist[K] } | null = null;
  let sends: Effect[] = [];
  let others: Effect[] = [];

  function electionMs(): number {
    return timing.electionMs * (1 + chance());
  }

  const said = () => log.votersBelow(log.end.offset);
  const votersBelow = (offset: number) => log.votersBelow(offset)?.voters.map((voter) => voter.id) ?? options.voters;
  const voters = () => votersBelow(log.end.offset);
  const isVoter = () => isWritable && voters().includes(id);
  /** Whose removal isn't committed may be the only one who has it, and then nobody else is elected (Ongaro's thesis, 4.2.2). */
  function mayStand(): boolean {
    const last = said()?.offset ?? -1;
    return isVoter() || (isWritable && last >= highWatermark && votersBelow(last).includes(id));
  }
  const leader = () => (role.kind === 'leader' ? id : role.kind === 'follower' ? role.leader : null);

  function toDisk(): NonNullable<typeof write> {
    write ??= { kind: 'persist', hardState: null, snapshot: null, truncateTo: null, append: null };
    return write;
  }

  function send(to: number, message: Told): void {
    sends.push({ kind: 'send', to, message: { ...message, from: id, epoch } as Message });
  }

  function append(entries: readonly Entry[]): void {
    const offset = log.end.offset;
    log.append(entries);
    const disk = toDisk();
    disk.append =
      disk.append === null ? { offset, entries } : { ...disk.append, entries: [...disk.append.entries, ...entries] };
  }

  function becomeFollower(newEpoch: number, newLeader: number | null): void {
    assert(newEpoch >= epoch, `epoch ${newEpoch} after ${epoch}`);
    if (newEpoch > epoch) {
      epoch = newEpoch;
      votedFor = null;
      givenUp = null;
      toDisk().hardState = { epoch, votedFor };
    }
    role = {
      kind: 'follower',
      leader: newLeader,
      untilMs: nowMs() + (newLeader === null ? electionMs() : timing.fetchMs),
    };
    askAgainMs = 0;
  }

  function canvass(kind: 'prospect' | 'candidate'): void {
    if (role.kind === 'follower' && role.leader !== null) givenUp = role.leader;
    if (kind === 'candidate') {
      epoch += 1;
      votedFor = id;
      givenUp = null;
      toDisk().hardState = { epoch, votedFor };
    }
    role = { kind, untilMs: nowMs() + electionMs(), granted: new Set([id]), refused: new Set() };
    askForVotes();
    count();
  }

  function askForVotes(): void {
    if (role.kind !== 'prospect' && role.kind !== 'candidate') return;
    for (const voter of voters()) {
      if (role.granted.has(voter) || role.refused.has(voter)) continue;
      send(voter, { kind: 'vote', pre: role.kind === 'prospect', last: log.end });
    }
    askAgainMs = nowMs() + timing.retryMs;
  }

  function count(): void {
    if (role.kind !== 'prospect' && role.kind !== 'candidate') return;
    if (isMajority(voters(), role.granted)) return role.kind === 'prospect' ? canvass('candidate') : lead();
    const { refused } = role;
    if (isMajority(voters(), new Set(voters().filter((voter) => !refused.has(voter))))) return;
    role = { kind: 'follower', leader: null, untilMs: role.untilMs };
  }

  function lead(): void {
    role = { kind: 'leader', sinceOffset: log.end.offset, sinceMs: nowMs(), progress: new Map() };
    append([{ epoch, kind: 'began', data: nothing }, ...(said() === null ? [votersEntry(epoch, options.voters)] : [])]);
    announce();
  }

  function announce(): void {
    if (role.kind !== 'leader') return;
    for (const voter of voters()) {
      const heard = role.progress.get(voter);
      if (voter !== id && (heard === undefined || nowMs() - heard.fetchedAtMs > timing.retryMs * 3))
        send(voter, { kind: 'begin' });
    }
    askAgainMs = nowMs() + timing.retryMs;
  }

  /** Where no leader is known: a voter the one it has given up, which may lead all the same and not know it for a voter any more. */
  function whomToAsk(known: number | null): number | null {
    if (known !== null || mayStand()) return known ?? givenUp;
    // An observer asks whoever votes, and is told.
    const candidates = voters().filter((voter) => voter !== id);
    return candidates[Math.floor(chance() * candidates.length)] ?? null;
  }

  function ask(): void {
    const now = nowMs();
    if (role.kind !== 'follower' || now < askAgainMs) return;
    const to = whomToAsk(role.leader);
    if (to === null) return;
    send(to, { kind: 'fetch', last: log.end, highWatermark, ...(!isWritable && { unwritten: true }) });
    askAgainMs = now + (role.leader === null ? timing.retryMs : timing.holdMs + timing.retryMs);
  }

  function tick(): void {
    const now = nowMs();
    if (role.kind === 'leader') return tickLeader(now);
    if (now >= role.untilMs) {
      // Another try begins by asking whether it has a chance, too.
      if (mayStand()) canvass('prospect');
      else becomeFollower(epoch, null);
    } else if (role.kind !== 'follower' && now >= askAgainMs) askForVotes();
    ask();
  }

  function tickLeader(now: number): void {
    if (role.kind !== 'leader') return;
    const { progress, sinceMs } = role;
    for (const one of progress.values()) if (one.held !== null && now >= one.held.untilMs) answerHeld(one);
    const heard = new Set([id]);
    const limitMs = timing.fetchMs * 1.5;
    for (const [voter, { fetchedAtMs }] of progress) if (now - fetchedAtMs <= limitMs) heard.add(voter);
    if (now - sinceMs > limitMs && !isMajority(voters(), heard)) return becomeFollower(epoch, null);
    if (now >= askAgainMs) announce();
  }

  function receive(message: Message): void {
    if (
      message.epoch > epoch &&
      !(message.kind === 'vote' && message.pre) &&
      !(message.kind === 'voted' && message.pre)
    )
      becomeFollower(message.epoch, leaderIn(message));
    switch (message.kind) {
      case 'vote':
        return onVote(message);
      case 'voted':
        return onVoted(message);
      case 'begin':
        if (message.epoch === epoch && leader() === null) becomeFollower(epoch, message.from);
        return ask();
      case 'end':
        return onEnd(message);
      case 'fetch':
        return onFetch(message);
      case 'fetched':
        return onFetched(message);
      case 'fetchSnapshot':
        return onFetchSnapshot(message);
      case 'snapshot':
        return onSnapshot(message);
      default:
        unreachable(message);
    }
  }

  function leaderIn(message: Message): number | null {
    if (message.kind === 'begin') return message.from;
    return message.kind === 'fetched' || message.kind === 'voted' || message.kind === 'snapshot'
      ? message.leader
      : null;
  }

  function onVote({ from, epoch: asked, pre, last }: Of<'vote'>): void {
    const isFresh = !isBehind(last, log.end);
    let granted: boolean;
    if (pre) {
      // Who hears of a leader helps nobody to replace it: a node that was cut off must not disturb the others.
      const hasLeader = role.kind === 'leader' || (role.kind === 'follower' && role.leader !== null);
      granted = asked >= epoch && isFresh && !hasLeader && isWritable;
    } else {
      const isFree = role.kind !== 'leader' && leader() === null && (votedFor === null || votedFor === from);
      granted = asked === epoch && isFree && isFresh && isWritable;
      if (granted && votedFor !== from) {
        votedFor = from;
        toDisk().hardState = { epoch, votedFor };
        role = { kind: 'follower', leader: null, untilMs: nowMs() + electionMs() };
      }
    }
    send(from, { kind: 'voted', pre, granted, leader: leader() });
  }

  function onVoted({ from, epoch: answered, pre, granted, leader: known }: Of<'voted'>): void {
    if (pre && answered > epoch) return becomeFollower(answered, known);
    if (answered < epoch && !pre) return;
    if (known !== null && answered === epoch && known !== id && known !== givenUp) return becomeFollower(epoch, known);
    if (role.kind !== (pre ? 'prospect' : 'candidate')) return;
    (granted ? role.granted : role.refused).add(from);
    count();
  }

  function onEnd({ epoch: ended, from, successors }: Of<'end'>): void {
    if (ended !== epoch || role.kind !== 'follower' || role.leader !== from || !mayStand()) return;
    const place = successors.indexOf(id);
    if (place === 0) return canvass('candidate');
    role = {
      kind: 'follower',
      leader: null,
      untilMs: nowMs() + (place < 0 ? electionMs() : timing.retryMs * (1 + place)),
    };
  }

  function onFetch(message: Of<'fetch'>): void {
    const { from, epoch: asked, last } = message;
    // Whoever asks in another epoch may not take anything from it but who leads now.
    if (role.kind !== 'leader' || asked < epoch) return answer(message, { highWatermark: 0 });
    const now = nowMs();
    const known = role.progress.get(from);
    const own = known ?? newProgress(now);
    role.progress.set(from, own);
    own.fetchedAtMs = now;
    // Who asks again so soon has lost the answer, or doesn't know yet whom it asks.
    const isAgain = own.held !== null;
    own.held = null;
    if (last.offset < log.startOffset && log.snapshot !== null)
      return answer(message, { snapshot: { epoch: log.snapshot.epoch, offset: log.snapshot.offset } });
    const common = log.endOf(last.epoch);
    if (common === null || common.epoch !== last.epoch || common.offset < last.offset) {
      if (common === null && log.snapshot !== null)
        return answer(message, { snapshot: { epoch: log.snapshot.epoch, offset: log.snapshot.offset } });
      return answer(message, { diverging: common ?? { epoch: 0, offset: 0 } });
    }
    if (message.unwritten !== true) tookUpTo(own, last.offset, log.end.offset);
    advance();
    if (role.kind !== 'leader') return;
    if (isAgain || last.offset < log.end.offset || message.highWatermark < highWatermark) return reply(message);
    own.held = { message, untilMs: now + timing.holdMs };
  }

  function reply(message: Of<'fetch'>): void {
    const { offset } = message.last;
    answer(message, { baseOffset: offset, entries: log.read(offset, fetchEntriesMax) });
  }

  function answer({ from, last }: Of<'fetch'>, more: Partial<Omit<Of<'fetched'>, 'kind'>>): void {
    const none = { baseOffset: 0, entries: [], diverging: null, snapshot: null };
    send(from, { kind: 'fetched', asked: last, leader: leader(), highWatermark, ...none, ...more });
  }

  function answerHeld(progress: Progress): void {
    const { held } = progress;
    progress.held = null;
    if (held !== null) reply(held.message);
  }

  function answerAllHeld(): void {
    if (role.kind !== 'leader') return;
    for (const progress of role.progress.values()) answerHeld(progress);
  }

  /** What a majority has is committed, once something of this epoch is: before that it may still be replaced (Raft, figure 8). */
  function advance(): void {
    if (role.kind !== 'leader') return;
    const { progress, sinceOffset } = role;
    const ends = voters().map((voter) => (voter === id ? persistedOffset : (progress.get(voter)?.endOffset ?? 0)));
    const reached = majorityValue(ends);
    if (reached <= highWatermark || reached <= sinceOffset) return;
    commitTo(reached);
    answerAllHeld();
    // Its own removal is committed: it has no say any more.
    if (!isVoter() && (said()?.offset ?? 0) < highWatermark) resign();
  }

  function commitTo(offset: number): void {
    if (offset <= highWatermark) return;
    highWatermark = offset;
    others.push({ kind: 'commit', highWatermark });
  }

  function onFetched(message: Of<'fetched'>): void {
    if (message.epoch !== epoch || role.kind !== 'follower') return;
    const { leader: named } = message;
    if (named !== id && named !== role.leader && (role.leader === null || role.leader === message.from))
      becomeFollower(epoch, named);
    if (role.kind !== 'follower' || message.from !== role.leader) return ask();
    role = { ...role, untilMs: nowMs() + timing.fetchMs };
    const { end } = log;
    if (message.asked.offset !== end.offset || message.asked.epoch !== end.epoch) return;
    askAgainMs = 0;
    if (message.snapshot !== null) {
      askAgainMs = nowMs() + timing.retryMs;
      return send(message.from, { kind: 'fetchSnapshot', wanted: message.snapshot });
    }
    if (message.diverging !== null) cut(message.diverging);
    else if (message.baseOffset === log.end.offset && message.entries.length > 0) append(message.entries);
    commitTo(Math.min(message.highWatermark, log.end.offset));
    ask();
  }

  function cut(leaders: LogEnd): void {
    const own = log.endOf(leaders.epoch);
    const offset =
      own === null ? log.startOffset : own.epoch === leaders.epoch ? Math.min(own.offset, leaders.offset) : own.offset;
    assert(offset >= highWatermark, `cut to ${offset}, which is committed up to ${highWatermark}`);
    if (offset >= log.end.offset) return;
    log.truncateTo(offset);
    persistedOffset = Math.min(persistedOffset, offset);
    toDisk().truncateTo = offset;
  }

  function onFetchSnapshot({ from, wanted }: Of<'fetchSnapshot'>): void {
    const { snapshot } = log;
    const has = role.kind === 'leader' && snapshot !== null && snapshot.offset === wanted.offset;
    const progress = role.kind === 'leader' ? role.progress.get(from) : undefined;
    if (progress !== undefined) progress.fetchedAtMs = nowMs();
    send(from, { kind: 'snapshot', leader: leader(), snapshot: has ? snapshot : null });
  }

  function onSnapshot({ epoch: sent, from, snapshot }: Of<'snapshot'>): void {
    if (sent !== epoch || role.kind !== 'follower' || role.leader !== from) return;
    role = { ...role, untilMs: nowMs() + timing.fetchMs };
    askAgainMs = 0;
    if (snapshot !== null && snapshot.offset > highWatermark) install(snapshot);
    ask();
  }

  function install(snapshot: Snapshot): void {
    log.compact(snapshot);
    highWatermark = snapshot.offset;
    persistedOffset = Math.min(log.end.offset, Math.max(persistedOffset, snapshot.offset));
    const disk = toDisk();
    disk.snapshot = snapshot;
    disk.truncateTo = log.end.offset;
    others.push({ kind: 'restore', snapshot });
  }

  function propose(entries: readonly Entry[]): void {
    if (role.kind !== 'leader' || entries.length === 0) return;
    append(entries);
    answerAllHeld();
  }

  function changeVoters(next: readonly SaidVoter[]): void {
    if (role.kind !== 'leader') return void others.push({ kind: 'refuseVoters', why: 'notLeader' });
    const change = { current: voters(), next, saidOffset: said()?.offset ?? -1, highWatermark };
    const why = objectionTo({ ...change, sinceOffset: role.sinceOffset });
    if (why !== null) return void others.push({ kind: 'refuseVoters', why });
    append([votersEntry(epoch, next)]);
    answerAllHeld();
    announce();
  }

  function resign(): void {
    if (role.kind !== 'leader') return;
    const { progress } = role;
    const rest = voters().filter((voter) => voter !== id);
    const successors = rest.sort((a, b) => (progress.get(b)?.endOffset ?? 0) - (progress.get(a)?.endOffset ?? 0));
    for (const voter of successors) send(voter, { kind: 'end', successors });
    role = { kind: 'follower', leader: null, untilMs: nowMs() + timing.fetchMs };
  }

  function persisted(endOffset: number): void {
    persistedOffset = Math.max(persistedOffset, Math.min(endOffset, log.end.offset));
    advance();
  }

  function diskIs(writable: boolean): void {
    resign();
    isWritable = writable;
    persistedOffset = log.end.offset;
    becomeFollower(epoch, leader());
  }

  function carry(event: Event): void {
    switch (event.kind) {
      case 'tick':
        return tick();
      case 'receive':
        return receive(event.message);
      case 'propose':
        return propose(event.entries.map((data) => ({ epoch, kind: 'data', data })));
      case 'changeVoters':
        return changeVoters(event.voters);
      case 'persisted':
        return persisted(event.endOffset);
      case 'snapshotTaken':
        if (event.snapshot.offset <= log.startOffset || event.snapshot.offset > highWatermark) return;
        log.compact(event.snapshot);
        toDisk().snapshot = event.snapshot;
        return;
      case 'disk':
        return diskIs(event.isWritable);
      case 'resign':
        return resign();
      default:
        unreachable(event);
    }
  }

  return {
    id,
    log,
    get epoch() {
      return epoch;
    },
    get votedFor() {
      return votedFor;
    },
    get role() {
      return role;
    },
    get leader() {
      return leader();
    },
    get voters() {
      return voters();
    },
    get highWatermark() {
      return highWatermark;
    },
    get deadlineMs() {
      if (role.kind !== 'leader')
        return role.kind === 'follower' && (role.leader ?? givenUp) === null && mayStand()
          ? role.untilMs
          : Math.min(role.untilMs, askAgainMs);
      const held = [...role.progress.values()].flatMap((one) => (one.held === null ? [] : [one.held.untilMs]));
      return Math.min(askAgainMs, ...held);
    },
    step(event) {
      write = null;
      sends = [];
      others = [];
      carry(event);
      return [...(write === null ? [] : [write as Persist]), ...sends, ...others];
    },
  };
}
