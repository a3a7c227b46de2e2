// DescribeCluster: 0-2. Fenced nodes only where they are asked for.
import { apis } from '../../protocol/api-table.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';
import { everyOperation, operationsNotAsked } from '../operations.ts';

const brokers = 1;
const controllers = 2;

export const describeCluster: Handler<'describeCluster'> = async (request, { parts }) => {
  const { endpointType, includeClusterAuthorizedOperations } = request;
  const { response } = apis.describeCluster;
  const { clusterId } = parts.catalog.image;
  if (endpointType !== brokers && endpointType !== controllers) {
    return response.create({ errorCode: codeOf('UNSUPPORTED_ENDPOINT_TYPE'), endpointType, clusterId });
  }
  return response.create({
    endpointType,
    clusterId,
    controllerId: parts.view.controllerId(),
    brokers: parts.view
      .nodes()
      .filter(({ isFenced }) => !isFenced || request.includeFencedBrokers)
      .map(({ nodeId, ...node }) => ({ brokerId: nodeId, ...node })),
    clusterAuthorizedOperations: includeClusterAuthorizedOperations ? everyOperation.cluster : operationsNotAsked,
  });
};
