// Who votes, as the log says it, and which change of that is taken (KIP-853; Ongaro's thesis, 4.1 and 4.2): one voter comes or
// goes at a time, so that every majority of the old and of the new ones share somebody. Nothing here is state.
import type { Entry, SaidVoter, Voter, VotersObjection } from './types.ts';

export const voterOf = (said: SaidVoter): Voter => (typeof said === 'number' ? { id: said, at: null } : said);

export const votersEntry = (epoch: number, voters: readonly SaidVoter[]): Entry => ({
  epoch,
  kind: 'voters',
  data: Buffer.from(JSON.stringify(voters.map((one) => (typeof one === 'number' || one.at !== null ? one : one.id)))),
});

export const readVoters = (data: Uint8Array): readonly Voter[] =>
  (JSON.parse(Buffer.from(data).toString()) as readonly SaidVoter[]).map(voterOf);

export interface VotersChange {
  readonly current: readonly number[];
  readonly next: readonly SaidVoter[];
  /** Of the entry that says the current ones; -1 where none does. */
  readonly saidOffset: number;
  readonly highWatermark: number;
  /** Of the first entry of the leader's epoch. */
  readonly sinceOffset: number;
}

/** Why a leader may not go over to other voters now; null where it may. */
export function objectionTo(change: VotersChange): Exclude<VotersObjection, 'notLeader'> | null {
  const { current, saidOffset, highWatermark, sinceOffset } = change;
  const next = change.next.map((one) => voterOf(one).id);
  const moved = [...next.filter((id) => !current.includes(id)), ...current.filter((id) => !next.includes(id))];
  if (next.length === 0) return 'nobodyLeft';
  if (moved.length !== 1) return 'notOneVoter';
  if (highWatermark <= sinceOffset) return 'epochNotCommitted';
  return saidOffset >= highWatermark ? 'changeUnderWay' : null;
}
