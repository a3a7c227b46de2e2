// How members go: of their own accord, for a while as static ones, or put out because they weren't heard of.
import { nothing } from './assignment.ts';
import { type ConsumerGroup, type ConsumerMember, leaveStaticEpoch } from './consumer-group.ts';
import { currentRecord, groupEpochRecord, memberTombstones } from './consumer-record.ts';
import { type ConsumerTurn, type Refusal, refusal } from './consumer-turn.ts';
import type { ConsumerHeartbeatReply } from './heartbeat.ts';
import type { ConsumerHeartbeatRequest } from './heartbeat-request.ts';
import { metadataHash, subscriptionsIn, topicsOf } from './subscription.ts';

export function leave(
  turn: ConsumerTurn,
  group: ConsumerGroup,
  { memberId, memberEpoch, instanceId }: ConsumerHeartbeatRequest,
): ConsumerHeartbeatReply | Refusal {
  const member = leaving(group, memberId, instanceId);
  if ('error' in member) return member;
  if (memberEpoch === leaveStaticEpoch) {
    // Keeps what it has: nobody else gets it before its session ends.
    const away: ConsumerMember = {
      ...member,
      memberEpoch: leaveStaticEpoch,
      state: 'stable',
      pendingRevocation: nothing,
    };
    turn.write(currentRecord(group.groupId, away));
    turn.cancel(group, memberId, 'revocation');
  } else putOut(turn, group, memberId);
  return { error: 'NONE', memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
}

function leaving(group: ConsumerGroup, memberId: string, instanceId: string | null): ConsumerMember | Refusal {
  if (instanceId !== null) {
    const holder = group.staticMembers.get(instanceId);
    if (holder === undefined) return refusal('UNKNOWN_MEMBER_ID', `Instance id ${instanceId} is unknown.`);
    if (holder !== memberId) {
      return refusal('FENCED_INSTANCE_ID', `Instance id ${instanceId} was taken over by ${holder}.`);
    }
  }
  return (
    group.members.get(memberId) ??
    refusal('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${group.groupId}.`)
  );
}

/** Takes the member out of the group; the others hear of it by their next heartbeats. */
export function putOut(turn: ConsumerTurn, group: ConsumerGroup, memberId: string): void {
  turn.cancel(group, memberId, 'session');
  turn.cancel(group, memberId, 'revocation');
  for (const tombstone of memberTombstones(group.groupId, memberId)) turn.write(tombstone);
  const hash = metadataHash(topicsOf(group, subscriptionsIn(turn.directory)));
  turn.write(groupEpochRecord(group.groupId, group.epoch + 1, hash));
}
