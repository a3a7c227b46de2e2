// What consensus is about: entries, messages, events and effects, as plain data. It knows no Kafka: server/quorum maps the
// messages to Kafka's own. Semantics are KRaft's (KIP-595, KIP-996, KIP-853): followers fetch from the leader.

/** 'began' is the first entry of a leader's epoch; 'voters' says who votes from there on, committed or not (voters.ts). */
export type EntryKind = 'data' | 'began' | 'voters';

export interface Entry {
  readonly epoch: number;
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

export interface Voter {
  readonly id: number;
  /** As somebody gave it with the voter; null where each node has been told by itself where to look, as for the first ones. */
  readonly at: { readonly host: string; readonly port: number } | null;
}

/** A bare id is a voter without an address. */
export type SaidVoter = number | Voter;

export type VotersObjection =
  | 'notLeader'
  /** None, or more than one at once. */
  | 'notOneVoter'
  | 'nobodyLeft'
  /** Two changes at once could give two majorities that share nobody. */
  | 'changeUnderWay'
  /** Before its own first entry is committed a leader doesn't know which changes hold. */
  | 'epochNotCommitted';

export interface HardState {
  /** Highest epoch known; never goes back. */
  readonly epoch: number;
  /** Whom this node has voted for in that epoch. */
  readonly votedFor: number | null;
}

/** The state that all entries below `offset` come to; `epoch` is that of the last of them. */
export interface Snapshot {
  readonly offset: number;
  readonly epoch: number;
  readonly voters: readonly SaidVoter[];
  readonly data: Uint8Array;
}

/** Where a log ends, or parts from another: the offset after the last entry of `epoch`. */
export interface LogEnd {
  readonly epoch: number;
  readonly offset: number;
}

interface Envelope {
  readonly from: number;
  readonly epoch: number;
}

export type Message =
  /** `pre`: would you? It changes nobody's epoch (KIP-996). */
  | (Envelope & { readonly kind: 'vote'; readonly pre: boolean; readonly last: LogEnd })
  | (Envelope & {
      readonly kind: 'voted';
      readonly pre: boolean;
      readonly granted: boolean;
      readonly leader: number | null;
    })
  | (Envelope & { readonly kind: 'begin' })
  /** The leader of that epoch goes: who is first in `successors` need not wait for its time. */
  | (Envelope & { readonly kind: 'end'; readonly successors: readonly number[] })
  /** For entries from `last.offset` on. All before it is on the follower's disk. */
  | (Envelope & {
      readonly kind: 'fetch';
      readonly last: LogEnd;
      readonly highWatermark: number;
      /** Nothing of what it has taken lately is on its disk: it is no reason to commit anything. */
      readonly unwritten?: true;
    })
  | (Envelope & {
      readonly kind: 'fetched';
      /** Of the fetch that it answers: an answer to another log than the one there is now would cut what was taken since. */
      readonly asked: LogEnd;
      readonly leader: number | null;
      readonly highWatermark: number;
      /** Offset of the first entry. */
      readonly baseOffset: number;
      readonly entries: readonly Entry[];
      /** Where the logs part; then there are no entries. */
      readonly diverging: LogEnd | null;
      /** The leader has no entries as old as that any more: fetch this snapshot first. */
      readonly snapshot: LogEnd | null;
    })
  | (Envelope & { readonly kind: 'fetchSnapshot'; readonly wanted: LogEnd })
  | (Envelope & { readonly kind: 'snapshot'; readonly leader: number | null; readonly snapshot: Snapshot | null });

export type Event =
  /** Time has passed: what is due is done. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'receive'; readonly message: Message }
  /** On the leader alone; elsewhere it does nothing. */
  | { readonly kind: 'propose'; readonly entries: readonly Uint8Array[] }
  /** One voter comes or goes at a time, and only once the last change is committed. */
  | { readonly kind: 'changeVoters'; readonly voters: readonly SaidVoter[] }
  /** What the last `persist` was about is on disk. */
  | { readonly kind: 'persisted'; readonly endOffset: number }
  /** Entries below its offset, which is committed, are not needed any more. */
  | { readonly kind: 'snapshotTaken'; readonly snapshot: Snapshot }
  /**
   * What is to be persisted can't be, or can again. Until it can, this node follows in memory alone: it neither leads nor votes,
   * and what it fetches doesn't count. All that `log`, `epoch` and `votedFor` have is on disk when it can again.
   */
  | { readonly kind: 'disk'; readonly isWritable: boolean }
  /** Steps down for another, if it leads. */
  | { readonly kind: 'resign' };

export interface Persist {
  readonly kind: 'persist';
  readonly hardState: HardState | null;
  /** First of all. */
  readonly snapshot: Snapshot | null;
  /** Cuts entries from this offset on, before what is appended. */
  readonly truncateTo: number | null;
  readonly append: { readonly offset: number; readonly entries: readonly Entry[] } | null;
}

/** In their order: what is to be on disk is there before anything is sent. */
export type Effect =
  | Persist
  | { readonly kind: 'send'; readonly to: number; readonly message: Message }
  /** Entries below `highWatermark` are committed. */
  | { readonly kind: 'commit'; readonly highWatermark: number }
  /** The voters stay as they are, and why. */
  | { readonly kind: 'refuseVoters'; readonly why: VotersObjection }
  /** A snapshot has taken the place of what was here. */
  | { readonly kind: 'restore'; readonly snapshot: Snapshot };

export interface RaftOptions {
  readonly id: number;
  /** Where the log says nothing of them yet; the first leader writes down who they were. */
  readonly voters: readonly number[];
  readonly hardState: HardState;
  readonly snapshot: Snapshot | null;
  /** Of the snapshot's offset, or 0, and all that follow. */
  readonly entries: readonly Entry[];
  /** Monotonic. */
  readonly nowMs: () => number;
  /** From 0 to below 1. */
  readonly chance: () => number;
  readonly timing?: Partial<RaftTiming>;
}

export interface RaftTiming {
  /** A candidate tries again after once to twice that. */
  readonly electionMs: number;
  /** A follower that hears nothing of its leader for that long looks for another; a leader whom no majority asks for half as long again resigns. */
  readonly fetchMs: number;
  /** How long a leader holds a fetch with nothing to answer. */
  readonly holdMs: number;
  /** How often something is asked again that isn't answered. */
  readonly retryMs: number;
}

/** Kafka's `controller.quorum.*` in proportion. */
export const raftTiming: RaftTiming = { electionMs: 1_000, fetchMs: 2_000, holdMs: 500, retryMs: 300 };

/** Of a 'fetched' message, about. */
export const fetchEntriesMax = 1_000;
