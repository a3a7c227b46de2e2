// AddRaftVoter: 0-1. A controller more, where it listens for other nodes. Answered once the change is committed, also in version
// 1 where that isn't asked for. The directory id is not looked at: a node's number is its own disk's (openQuorumMetadataLog).
// Kafka takes the listener that its leader has; there is one kind here, so it is the first.
import type { Outcome } from '../../controller/outcome.ts';
import { apis } from '../../protocol/api-table.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';
import { unfitVoterRequest } from '../voter-request.ts';

export const addRaftVoter: Handler<'addRaftVoter'> = async (request, { parts }) => {
  const { voterId, listeners } = request;
  const [listener] = listeners;
  const outcome: Outcome<null> =
    unfitVoterRequest(request, parts) ??
    (listener === undefined || listener.host === '' || listener.port === 0
      ? { ok: false, error: 'INVALID_REQUEST', message: 'no address of the controller is given' }
      : await parts.cluster!.controller.addVoter({ nodeId: voterId, host: listener.host, port: listener.port }));
  return apis.addRaftVoter.response.create({
    errorCode: outcome.ok ? 0 : codeOf(outcome.error),
    errorMessage: outcome.ok ? null : outcome.message,
  });
};
