// What a storage node tells Prometheus at /metrics: requests by API, bytes, connections, and how large its logs are. Requests
// are counted around the node's router, and only where somebody is to look.
import { systemClock } from '../../core/kernel/clock.ts';
import type { Listener, Router, StorageNode } from '../../core/server/index.ts';
import { type HttpEndpoint, jsonReply, openHttpEndpoint } from './http-endpoint.ts';
import { createMetricsText, type Families } from './metrics-text.ts';

interface ApiCounts {
  requests: number;
  elapsedMs: number;
}

export interface NodeEndpoint extends HttpEndpoint {
  /** To be served in place of what it was made of. */
  readonly serve: Router;
  attach(listener: Listener, node: StorageNode): void;
}

/** @param address `[HOST:]PORT` */
export async function openNodeEndpoint(address: string, serve: Router): Promise<NodeEndpoint> {
  const text = createMetricsText();
  const apis = new Map<string, ApiCounts>();
  let serving: { readonly listener: Listener; readonly node: StorageNode } | null = null;

  const counted: Router = async (api, version, request, caller) => {
    const counts = apis.get(api) ?? { requests: 0, elapsedMs: 0 };
    apis.set(api, counts);
    const startedMs = systemClock.monotonicMs();
    try {
      return await serve(api, version, request, caller);
    } finally {
      counts.requests += 1;
      counts.elapsedMs += systemClock.monotonicMs() - startedMs;
    }
  };

  const endpoint = await openHttpEndpoint(address, async ({ segments }) => {
    if (segments.length !== 1 || segments[0] !== 'metrics')
      return jsonReply(404, { error: { code: 'NOT_FOUND', message: 'there is /metrics' } });
    const logs = serving === null ? [] : await logSizes(serving.node);
    const body = await text.render((to) => {
      requestFamilies(to, apis);
      if (serving !== null) trafficFamilies(to, serving.listener);
      for (const { bytes, ...labels } of logs)
        to.gauge('millrace_node_log_bytes', 'Bytes of a partition on disk, about', labels, bytes);
    });
    return { status: 200, type: text.contentType, body };
  });
  return {
    ...endpoint,
    serve: counted,
    attach(listener, node) {
      serving = { listener, node };
    },
  };
}

function requestFamilies(to: Families, apis: ReadonlyMap<string, ApiCounts>): void {
  for (const [api, { requests, elapsedMs }] of apis) {
    to.counter('millrace_node_requests_total', 'Requests answered, by API', { api }, requests);
    to.counter(
      'millrace_node_request_seconds_total',
      'Time from request to answer, waiting for records included',
      { api },
      elapsedMs / 1_000,
    );
  }
}

function trafficFamilies(to: Families, listener: Listener): void {
  const { receivedBytes, sentBytes } = listener.traffic();
  to.gauge('millrace_node_connections', 'Connections that are open', {}, listener.connections);
  to.counter('millrace_node_received_bytes_total', 'Bytes from clients', {}, receivedBytes);
  to.counter('millrace_node_sent_bytes_total', 'Bytes to clients', {}, sentBytes);
}

/** As the node tells everybody. */
async function logSizes(node: StorageNode) {
  const { results } = await node.call('describeLogDirs', 4, { topics: null });
  return results.flatMap(({ topics }) =>
    topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, partitionSize }) => ({
        topic: name,
        partition: String(partitionIndex),
        bytes: partitionSize,
      })),
    ),
  );
}
