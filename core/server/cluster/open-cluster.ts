// A node's part in a cluster put together: the metadata log and, on a controller, the controller; the replicas that follow
// what the log says; the node's registration. It serves what other nodes ask, and knows nothing of clients.
import { setMaxListeners } from 'node:events';
import type { Catalog, TopicImage } from '../../controller/catalog.ts';
import { type Controller, createController } from '../../controller/controller.ts';
import { controllerDefaults } from '../../controller/controller-options.ts';
import type { NodeImage, NodeState } from '../../controller/node-image.ts';
import { openQuorumMetadataLog, type QuorumMetadataLog } from '../../controller/quorum-metadata-log.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Fault, isFault } from '../../kernel/fault.ts';
import type { Logger } from '../../kernel/logger.ts';
import { type Random, randomUuid } from '../../kernel/random.ts';
import { apis } from '../../protocol/api-table.ts';
import { errors } from '../../protocol/error-code.ts';
import type { Network, Transport } from '../../protocol/transport.ts';
import { describeQuorum, type QuorumDescription } from '../../raft/description.ts';
import type { Disk } from '../../storage/disk.ts';
import type { StorageEngine } from '../../storage/storage.ts';
import type { NodeSettings } from '../node-config.ts';
import { createClusterCatalog } from './cluster-catalog.ts';
import { type Answered, carryOutOn, createControllerLink, type RemoteController } from './controller-link.ts';
import { type Lifecycle, startLifecycle } from './lifecycle.ts';
import { createPeers, type PeerAddress } from './peers.ts';
import { createQuorumLink, decodeMessage, encodeMessage } from './quorum-link.ts';
import { createVoterChanges, type Identity, type VoterChanges } from './voter-changes.ts';

export interface ClusterOptions {
  /**
   * Where each controller is asked by other nodes. This node is one of them where its id is among theirs. Who of them votes is
   * said by the metadata log once there is one, and where those are who were added since.
   */
  readonly controllers: readonly PeerAddress[];
  /** To other nodes. */
  readonly network: Network;
  readonly rack?: string | null;
  /** Of the metadata log. Default 2,000. */
  readonly entriesOverSnapshotMax?: number;
}

export interface ClusterParts {
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: NodeSettings;
  readonly disk: Disk;
}

export interface Cluster {
  readonly log: QuorumMetadataLog;
  readonly catalog: Catalog;
  readonly controller: RemoteController;
  /** Where those are asked that vote, as far as it is known here. */
  readonly controllers: readonly PeerAddress[];
  /** To a node's own address, as its clients have it. */
  peer(nodeId: number, way?: 'questions' | 'replication'): Transport['call'];
  readonly nodeEpoch: () => number;
  /** When this node sent what a controller last answered, by the monotonic clock; Infinity before it has started. */
  readonly heardAtMs: number;
  /** The metadata has been read up to where this life of the node is registered: what it says of the node is about this life. */
  readonly isRegistered: boolean;
  /** What another node asks: the body of its answer, or an error code. */
  serve(kind: string, body: Uint8Array): Promise<{ readonly errorCode: number; readonly body: Uint8Array }>;
  /** Registers the node; what is found out of the metadata goes to `onTopics` from here on. */
  start(listener: { readonly host: string; readonly port: number }): Lifecycle;
  /** Nothing is asked of the controller any more. */
  stopAsking(): void;
  close(): Promise<void>;
}

export type OnTopics = (changed: readonly TopicImage[], gone: readonly TopicImage[], nodeConfigs: boolean) => void;

const nothing = new Uint8Array(0);
const askMsMax = 30_000;
const changesTopics: ReadonlySet<string> = new Set(['createTopic', 'growTopic', 'deleteTopic', 'replaceConfigs']);
const spreadMsMax = 300;
const spreadEveryMs = 5;
const whoIsMsMax = 3_000;

export async function openCluster(
  parts: ClusterParts,
  { controllers, network, rack = null, entriesOverSnapshotMax }: ClusterOptions,
  onTopics: OnTopics,
): Promise<Cluster> {
  const { clock, random, logger, settings, disk } = parts;
  const { nodeId } = settings;
  // Answers on one connection come in the order of their questions. Consensus doesn't wait behind a heartbeat that waits for
  // a commit, nor the end of a transaction behind a follower that waits for records.
  const ways = {
    questions: createPeers(network, clock),
    quorum: createPeers(network, clock),
    replication: createPeers(network, clock),
  };
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // as many as there are questions under way
  const incarnation = randomUuid(random);
  let lifecycle: Lifecycle | null = null;
  const controllerAt = (id: number) => () =>
    addressIn(log.voters, id) ?? controllers.find((one) => one.nodeId === id) ?? null;

  async function askAt(
    to: () => PeerAddress | null,
    kind: string,
    body: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Uint8Array | null> {
    const request = apis.nodeCall.request.create({ from: nodeId, kind, body });
    const way = kind === 'quorum' ? ways.quorum : ways.questions;
    const answer = await way.call(to)('nodeCall', 0, request, signal === undefined ? {} : { signal });
    return answer.errorCode === 0 ? (answer.body ?? nothing) : null;
  }

  const askNode = (to: number, kind: string, body: Uint8Array) => askAt(controllerAt(to), kind, body);

  const link = createQuorumLink({
    async ask(to, message) {
      const answer = await askNode(to, 'quorum', encodeMessage(message));
      return answer === null ? null : decodeMessage(answer);
    },
    receive: (message) => log.receive(message),
    clock,
  });
  const log = await openQuorumMetadataLog({
    ...{ nodeId, voters: controllers.map((one) => one.nodeId), engine: parts.engine, disk, clock, random, logger },
    send: link.send,
    onApplied: onTopics,
    ...(entriesOverSnapshotMax !== undefined && { entriesOverSnapshotMax }),
  });
  const isController = controllers.some((one) => one.nodeId === nodeId);
  if (!isController && log.quorum.voters.includes(nodeId)) {
    await log.close();
    const problem = `node ${nodeId} is one of those that vote, by its metadata; name its address among the controllers`;
    throw new Fault('BAD_SETTINGS', { of: 'the cluster', problems: [problem] });
  }
  const own: Controller | null = isController
    ? createController({
        ...{ log, clock, random, logger },
        settings: { ...controllerDefaults, 'broker.session.timeout.ms': settings['broker.session.timeout.ms'] },
      })
    : null;

  const voterChanges = createVoterChanges({ log, clock, whoIs });

  /** Whoever can't be asked isn't there. */
  async function whoIs(address: PeerAddress): Promise<Identity | null> {
    const late = new AbortController();
    const timer = clock.after(whoIsMsMax, () => late.abort());
    try {
      const answer = await askAt(() => address, 'identity', nothing, late.signal);
      return answer === null ? null : (JSON.parse(Buffer.from(answer).toString()) as Identity);
    } catch {
      return null;
    } finally {
      timer.cancel();
    }
  }

  const carryOut = async (kind: string, args: readonly unknown[]): Promise<Answered> => {
    if (Object.hasOwn(voterChanges, kind)) {
      const change = voterChanges[kind as keyof VoterChanges] as (...given: readonly unknown[]) => Promise<unknown>;
      return { value: await change(...args), offset: log.appliedOffset };
    }
    if (own === null) throw new Error('this node is no controller');
    if (kind === 'describeQuorum') return { value: describedQuorum(), offset: 0 };
    const answered = await carryOutOn(own, () => log.appliedOffset, kind, args);
    if (changesTopics.has(kind)) await spread(answered.offset);
    return answered;
  };

  function describedQuorum(): QuorumDescription {
    const described = describeQuorum(log.quorum, { wallMs: clock.now(), monotonicMs: clock.monotonicMs() });
    if (described === null) throw new Fault('NOT_CONTROLLER', {});
    return described;
  }

  /** Whoever makes a topic asks another node for it next: that one shall know it, if it isn't too slow. */
  async function spread(offset: number): Promise<void> {
    const endMs = clock.monotonicMs() + spreadMsMax;
    while (!log.isKnownTo(offset) && clock.monotonicMs() < endMs) await clock.sleep(spreadEveryMs);
  }
  const controller = createControllerLink({
    ...{
      leader: () => log.quorum.leader,
      nodeId,
      carryOut,
      clock,
      random,
      timeoutMs: askMsMax,
      signal: closing.signal,
    },
    async askPeer(node, kind, args) {
      const answer = await askNode(node, kind, Buffer.from(JSON.stringify(args)));
      return answer === null ? null : (JSON.parse(Buffer.from(answer).toString()) as Answered);
    },
    applied: log.applied,
  });
  const nodeEpoch = () => lifecycle?.epoch ?? -1;
  const liveNodes = () => [...log.image.nodes.values()].filter(({ fenced }) => !fenced).length;
  const catalog = createClusterCatalog({
    ...{ image: log.image, controller, nodeId, nodeEpoch },
    replicationFactorDefault: () => Math.max(1, Math.min(settings['default.replication.factor'], liveNodes())),
  });

  async function answer(kind: string, body: Uint8Array): Promise<Uint8Array> {
    if (kind === 'quorum') {
      const message = decodeMessage(body);
      return encodeMessage(message === null ? null : await link.serve(message));
    }
    if (kind === 'identity') {
      const identity: Identity = { nodeId, clusterId: log.image.clusterId };
      return Buffer.from(JSON.stringify(identity));
    }
    const args = JSON.parse(Buffer.from(body).toString()) as readonly unknown[];
    return Buffer.from(JSON.stringify(await carryOut(kind, args)));
  }

  return {
    log,
    catalog,
    controller,
    get controllers() {
      return log.voters.flatMap(({ id }) => controllerAt(id)() ?? []);
    },
    nodeEpoch,
    get heardAtMs() {
      return lifecycle?.heardAtMs ?? Number.POSITIVE_INFINITY;
    },
    get isRegistered() {
      return log.image.nodes.get(nodeId)?.incarnation === incarnation;
    },
    peer: (id, way = 'questions') => ways[way].call(() => addressOf(log.image.nodes.get(id))),
    async serve(kind, body) {
      try {
        return { errorCode: 0, body: await answer(kind, body) };
      } catch (error) {
        if (!isFault(error, 'NOT_CONTROLLER'))
          logger.warn({ err: error, kind }, 'a question of another node was not answered');
        return { errorCode: errors.NOT_CONTROLLER.code, body: nothing };
      }
    },
    start({ host, port }) {
      const node: Omit<NodeImage, NodeState> = {
        ...{ id: nodeId, incarnation, rack, features: [] },
        listeners: [{ name: 'PLAINTEXT', host, port, securityProtocol: 0 }],
      };
      lifecycle = startLifecycle({
        ...{ node, controller, clock, logger, disk },
        metadataOffset: () => log.appliedOffset - 1,
        clusterId: () => (log.image.clusterId === '' ? null : log.image.clusterId),
        heartbeatMs: settings['broker.heartbeat.interval.ms'],
        shutdownMsMax: 10_000,
      });
      return lifecycle;
    },
    stopAsking: () => closing.abort(new Fault('CLOSED', { what: 'the node' })),
    async close() {
      await lifecycle?.close();
      log.resign();
      await own?.close();
      await log.close();
      await Promise.all(Object.values(ways).map((way) => way.close()));
    },
  };
}

function addressIn(voters: QuorumMetadataLog['voters'], id: number): PeerAddress | null {
  const at = voters.find((voter) => voter.id === id)?.at ?? null;
  return at === null ? null : { nodeId: id, ...at };
}

function addressOf(node: NodeImage | undefined): PeerAddress | null {
  const listener = node?.listeners[0];
  return node === undefined || listener === undefined
    ? null
    : { nodeId: node.id, host: listener.host, port: listener.port };
}
