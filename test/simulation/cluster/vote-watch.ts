// What every voter says, as it says it: one vote in an epoch, and afterwards nothing of an earlier epoch, whatever it was
// killed and started again between (Raft, section 5.2). Two leaders of an epoch follow from that only where luck adds to it.
import type { Transport } from '../../../core/protocol/transport.ts';
import { decodeMessage } from '../../../core/server/cluster/quorum-link.ts';

/** Wraps each life of each node. */
export function createVoteWatch(onBug: (error: Error) => void): (transport: Transport) => Transport {
  /** In which each voted last. */
  const epochs = new Map<number, number>();
  const votes = new Map<string, number>();

  function see(candidate: number, answer: ReturnType<typeof decodeMessage>): void {
    if (answer?.kind !== 'voted') return;
    const { from: voter, epoch, pre, granted } = answer;
    // One whose disk is full follows in memory and forgets, but it gives no votes.
    const voted = epochs.get(voter) ?? 0;
    if (epoch < voted) onBug(new Error(`voter ${voter} has voted in epoch ${voted} and answers of ${epoch}`));
    if (pre || !granted) return;
    epochs.set(voter, Math.max(voted, epoch));
    const name = `${voter} ${epoch}`;
    const first = votes.get(name) ?? candidate;
    if (first !== candidate) onBug(new Error(`voter ${voter} votes for ${first} and ${candidate} in epoch ${epoch}`));
    votes.set(name, first);
  }

  return (transport) => ({
    async call(api, version, request, options) {
      const response = await transport.call(api, version, request, options);
      if (api === 'nodeCall') {
        const asked = request as { readonly from: number; readonly kind: string };
        const { errorCode, body } = response as { readonly errorCode: number; readonly body: Uint8Array };
        if (asked.kind === 'quorum' && errorCode === 0) see(asked.from, decodeMessage(body));
      }
      return response;
    },
    close: () => transport.close(),
  });
}
