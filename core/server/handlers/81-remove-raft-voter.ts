// RemoveRaftVoter: 0. A controller less; answered once that is committed. The directory id is not looked at (80-add-raft-voter.ts).
import { apis } from '../../protocol/api-table.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';
import { unfitVoterRequest } from '../voter-request.ts';

export const removeRaftVoter: Handler<'removeRaftVoter'> = async (request, { parts }) => {
  const outcome = unfitVoterRequest(request, parts) ?? (await parts.cluster!.controller.removeVoter(request.voterId));
  return apis.removeRaftVoter.response.create({
    errorCode: outcome.ok ? 0 : codeOf(outcome.error),
    errorMessage: outcome.ok ? null : outcome.message,
  });
};
