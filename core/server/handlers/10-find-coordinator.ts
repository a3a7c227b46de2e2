// FindCoordinator: 0-6. Who leads the key's partition of the internal topic coordinates it. Version 4 asks for many keys at once; before it for one, and the
// answer stands in the top-level fields.
import { isFault } from '../../kernel/fault.ts';
import { apis } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { cutOff, isCutOff } from '../cut-off.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { Handler, NodeParts } from '../handler.ts';
import { offsetsTopic, transactionsTopic } from '../topic-rules.ts';

const batchedFrom = 4;
const topicOfKeyType: readonly string[] = [offsetsTopic, transactionsTopic];

export const findCoordinator: Handler<'findCoordinator'> = async (request, { version, parts }) => {
  const { response } = apis.findCoordinator;
  if (version < batchedFrom) return response.create(await find(request.keyType, request.key, parts));
  const { coordinatorKeys, keyType } = request;
  const found = (key: string) =>
    find(keyType, key, parts).catch((error: unknown) => {
      if (coordinatorKeys.length === 1) throw error;
      return nowhere('COORDINATOR_NOT_AVAILABLE'); // the others have theirs
    });
  const coordinators = coordinatorKeys.map(async (key) => ({ key, ...(await found(key)) }));
  return response.create({ coordinators: await Promise.all(coordinators) });
};

const nowhere = (error: ErrorName) => ({
  nodeId: -1,
  host: '',
  port: -1,
  errorCode: codeOf(error),
  errorMessage: null,
});

async function find(keyType: number, key: string, parts: NodeParts) {
  const { topics, groups, transactions, partitions, view, settings, cluster } = parts;
  const name = topicOfKeyType[keyType];
  if (name === undefined) return nowhere('INVALID_REQUEST');
  try {
    const topic = await topics.internal(name);
    const partition = (keyType === 0 ? groups : transactions).partitionFor(key);
    const { leaderId } = partitions.place(topic, partition);
    if (cluster !== null && leaderId === settings.nodeId && isCutOff(parts, await partitions.led(topic, partition)))
      throw cutOff(parts);
    const node = view.nodes().find(({ nodeId }) => nodeId === leaderId);
    if (node === undefined) return nowhere('COORDINATOR_NOT_AVAILABLE');
    const { nodeId, host, port } = node;
    return { nodeId, host, port, errorCode: 0, errorMessage: null };
  } catch (error) {
    if (isFault(error, 'CONNECTION_LOST')) throw error;
    errorNameOf(error);
    return nowhere('COORDINATOR_NOT_AVAILABLE');
  }
}
