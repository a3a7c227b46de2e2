// FindCoordinator: 0-6. One node coordinates everything. Version 4 asks for many keys at once; before it for one, and the
// answer stands in the top-level fields.
import { apis } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { Handler, NodeParts } from '../handler.ts';
import { offsetsTopic, transactionsTopic } from '../topic-rules.ts';

const batchedFrom = 4;
const topicOfKeyType: readonly string[] = [offsetsTopic, transactionsTopic];

export const findCoordinator: Handler<'findCoordinator'> = async (request, { version, parts }) => {
  const { response } = apis.findCoordinator;
  const error = await coordinatorError(parts, request.keyType);
  const { nodeId, host, port } = parts.settings;
  const place = error === 'NONE' ? { nodeId, host, port } : { nodeId: -1, host: '', port: -1 };
  const found = { ...place, errorCode: codeOf(error), errorMessage: null };
  if (version < batchedFrom) return response.create(found);
  return response.create({ coordinators: request.coordinatorKeys.map((key) => ({ key, ...found })) });
};

async function coordinatorError(parts: NodeParts, keyType: number): Promise<ErrorName> {
  const topic = topicOfKeyType[keyType];
  if (topic === undefined) return 'INVALID_REQUEST';
  try {
    await parts.topics.internal(topic);
    return 'NONE';
  } catch (error) {
    errorNameOf(error);
    return 'COORDINATOR_NOT_AVAILABLE';
  }
}
