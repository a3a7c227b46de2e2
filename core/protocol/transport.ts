// The one door to a log, ours or Apache Kafka's: an API request answered by an API response, as typed messages. In
// process no bytes are encoded; over TCP the same schema encodes and decodes both. Server and client meet only here.
import type { ApiName, RequestOf, ResponseOf } from './api-table.ts';

export interface CallOptions {
  /** Rejects the call with the signal's reason; the request may have been carried out all the same. */
  readonly signal?: AbortSignal;
}

/** A way to one node. Requests of one API are carried out in order, except those that wait at the node, which hold up nothing. */
export interface Transport {
  /**
   * @param version one that the node serves, as its ApiVersions answer says
   * @throws Fault `CONNECTION_LOST`, `TIMED_OUT`, `CLOSED`: what the node refuses is an error code in the response instead
   */
  call<N extends ApiName>(
    api: N,
    version: number,
    request: RequestOf<N>,
    options?: CallOptions,
  ): Promise<ResponseOf<N>>;
  close(): Promise<void>;
}

/** A way to every node of a cluster. */
export interface Network {
  /** Some node, to learn the others from. */
  bootstrap(): Promise<Transport>;
  connect(node: { readonly nodeId: number; readonly host: string; readonly port: number }): Promise<Transport>;
}

/** Bytes of record batches as they go over the wire, in pieces: a fetch hands stored batches on without copying them. */
export type Records = readonly Uint8Array[];
