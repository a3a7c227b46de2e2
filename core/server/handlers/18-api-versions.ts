// ApiVersions: 0-4. What this node has handlers for. A version too high is answered by the listener, as version 0.
import { apis, servedVersions } from '../../protocol/api-table.ts';
import type { Handler } from '../handler.ts';

export const apiVersions: Handler<'apiVersions'> = async (_request, { parts }) =>
  apis.apiVersions.response.create({ apiKeys: servedVersions(parts.apis) });
