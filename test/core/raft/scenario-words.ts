// Messages, entries and writes of consensus in the few words that scripts record. An offset and an epoch are 'OFFSET@EPOCH':
// a log of that end, or a snapshot of all below.
import type { Entry, LogEnd, Message, Persist } from '../../../core/raft/types.ts';

const end = ({ offset, epoch }: LogEnd) => `${offset}@${epoch}`;

export function describeEntry({ kind, epoch, data }: Entry): string {
  return kind === 'began' ? `began@${epoch}` : `${kind === 'data' ? '' : kind}${Buffer.from(data)}@${epoch}`;
}

const entriesFrom = (offset: number, entries: readonly Entry[]): string =>
  entries.length === 0 ? 'nothing' : `${offset}: ${entries.map(describeEntry).join(' ')}`;

export function describeWrite({ hardState, snapshot, truncateTo, append }: Persist): string {
  return [
    hardState === null ? [] : [`epoch ${hardState.epoch}, vote ${hardState.votedFor ?? '-'}`],
    snapshot === null ? [] : [`snapshot ${end(snapshot)}`],
    truncateTo === null ? [] : [`no entries from ${truncateTo} on`],
    append === null ? [] : [entriesFrom(append.offset, append.entries)],
  ]
    .flat()
    .join('; ');
}

export function describeMessage(message: Message): string {
  return `(${message.epoch}) ${bodyOf(message)}`;
}

function bodyOf(message: Message): string {
  switch (message.kind) {
    case 'vote':
      return `${message.pre ? 'pre-vote' : 'vote'}? log ${end(message.last)}`;
    case 'voted':
      return `${message.pre ? 'pre-vote' : 'vote'} ${message.granted ? 'yes' : 'no'}, leader ${message.leader ?? '-'}`;
    case 'begin':
      return 'begin';
    case 'end':
      return `end, next ${message.successors.join(',')}`;
    case 'fetch':
      return `fetch? log ${end(message.last)}, committed ${message.highWatermark}`;
    case 'fetched':
      return `fetched ${found(message)}, committed ${message.highWatermark}, leader ${message.leader ?? '-'}`;
    case 'fetchSnapshot':
      return `snapshot? ${end(message.wanted)}`;
    case 'snapshot':
      return message.snapshot === null ? 'no snapshot' : `snapshot ${end(message.snapshot)}`;
  }
}

function found({ diverging, snapshot, baseOffset, entries }: Extract<Message, { kind: 'fetched' }>): string {
  if (diverging !== null) return `diverging at ${end(diverging)}`;
  return snapshot === null ? entriesFrom(baseOffset, entries) : `instead of entries the snapshot ${end(snapshot)}`;
}
