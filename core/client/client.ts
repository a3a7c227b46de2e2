// One client of one cluster: everything it makes shares its connections and what it knows of the cluster.
import { type Clock, systemClock } from '../kernel/clock.ts';
import { type Logger, silentLogger } from '../kernel/logger.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import type { Network } from '../protocol/transport.ts';
import { type Admin, createAdmin } from './admin.ts';
import { type Cluster, createCluster } from './cluster.ts';
import { type Consumer, type ConsumerOptions, createConsumer } from './consumer.ts';
import { createFetcher, type Fetcher, type FetcherOptions } from './fetcher.ts';
import { createGroupMember, type GroupMember, type GroupMemberOptions } from './group-member.ts';
import { createOffsets, type Offsets } from './offsets.ts';
import { createProducer, type Producer, type ProducerOptions } from './producer.ts';

export interface ClientOptions {
  /** `inProcess(node)`, `portNetwork(port)`, or one over TCP. */
  readonly network: Network;
  /** Names this client in the cluster's logs and group descriptions. Default 'millrace'. */
  readonly clientId?: string;
  /** Default the system's. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Default silent. */
  readonly logger?: Logger;
  /** How long one request may take. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** How long to look for a node, a leader or a coordinator, trying again. Default 60 s. */
  readonly apiTimeoutMs?: number;
}

export interface Client extends AsyncDisposable {
  readonly cluster: Cluster;
  producer(options?: ProducerOptions): Producer;
  consumer<K = Uint8Array, V = Uint8Array>(options?: ConsumerOptions<K, V>): Consumer<K, V>;
  admin(): Admin;
  fetcher(options?: FetcherOptions): Fetcher;
  groupMember(options: GroupMemberOptions): GroupMember;
  offsets(groupId: string): Offsets;
  /** Closes the connections. Close producers, consumers and members before: they flush, commit and leave. */
  close(): Promise<void>;
}

/**
 * @example
 * await using client = createClient({ network: tcpNetwork({ bootstrap: '127.0.0.1:9092' }) });
 * await using producer = client.producer();
 * await producer.send({ topic: 'greetings', key: null, value: Buffer.from('hello') });
 */
export function createClient(options: ClientOptions): Client {
  const { clientId = 'millrace', clock = systemClock, random = systemRandom, logger = silentLogger } = options;
  const cluster = createCluster({ ...options, clientId, clock, random, logger });
  return {
    cluster,
    producer: (producerOptions) => createProducer(cluster, producerOptions),
    consumer: (consumerOptions) => createConsumer(cluster, consumerOptions),
    admin: () => createAdmin(cluster),
    fetcher: (fetcherOptions) => createFetcher(cluster, fetcherOptions),
    groupMember: (memberOptions) => createGroupMember(cluster, memberOptions),
    offsets: (groupId) => createOffsets(cluster, groupId),
    close: () => cluster.close(),
    [Symbol.asyncDispose]: () => cluster.close(),
  };
}
