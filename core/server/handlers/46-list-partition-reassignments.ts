// ListPartitionReassignments: 0. One node moves no replicas.
import { apis } from '../../protocol/api-table.ts';
import type { Handler } from '../handler.ts';

export const listPartitionReassignments: Handler<'listPartitionReassignments'> = async () =>
  apis.listPartitionReassignments.response.create({});
