// The controller of a cluster: carries out decisions (the other files of this folder) one after another on a metadata log, as
// long as that log says it is the active one. It decides nothing itself. On every controller there is one of these; all but the
// active one refuse everything.
import type { CatalogImage, TopicConfigs, TopicImage } from './catalog-record.ts';
import { commandOf, createCommandQueue } from './command-queue.ts';
import type { ControllerOptions } from './controller-options.ts';
import { drawTopicId } from './draw-id.ts';
import { startDuties } from './duties.ts';
import { type ElectionRequest, type ElectionResult, electLeaders } from './elections.ts';
import { alterPartitions, type DamagedCopy, dropDamagedCopy, type InSyncRequest } from './in-sync-commands.ts';
import {
  type Heartbeat,
  type HeartbeatReply,
  hearNode,
  type Registration,
  registerNode,
  unregisterNode,
} from './members.ts';
import type { Decision, Outcome } from './outcome.ts';
import type { PartitionImage } from './partition-image.ts';
import { allocateProducerIds, type ProducerIds } from './producer-ids.ts';
import { alterReassignments, type Reassignment } from './reassignments.ts';
import { createSessions } from './sessions.ts';
import { createTopic, deleteTopic, type GrowRequest, growTopic, type TopicRequest } from './topic-commands.ts';

export interface ValidateOnly {
  /** Decides, and writes nothing. */
  readonly validateOnly?: boolean;
}

/**
 * Refusals are values. All but `image` and `isActive` reject with Fault `NOT_CONTROLLER` where another is active, or this one
 * stops being so before the change is committed; the change may hold then or not. Also with what the log throws.
 */
export interface Controller {
  readonly image: CatalogImage;
  readonly isActive: boolean;
  register(registration: Registration): Promise<Outcome<{ readonly epoch: number }>>;
  heartbeat(heartbeat: Heartbeat): Promise<Outcome<HeartbeatReply>>;
  unregister(node: number): Promise<Outcome<null>>;
  createTopic(topic: Omit<TopicRequest, 'id'>, options?: ValidateOnly): Promise<Outcome<TopicImage>>;
  growTopic(request: GrowRequest, options?: ValidateOnly): Promise<Outcome<TopicImage>>;
  /** The topic as it was. */
  deleteTopic(id: string): Promise<Outcome<TopicImage>>;
  /** Nothing of the deleted topic is left on any node. */
  topicErased(id: string): Promise<void>;
  /** Decides nothing: who has read up to its answer knows all that was decided before. */
  catchUp(): Promise<void>;
  /** Null when there is no such topic. Replaces what is set by what `change` makes of it. */
  changeConfigs(id: string, change: (configs: TopicConfigs) => TopicConfigs): Promise<TopicImage | null>;
  /** Likewise of the node whose id this is as text, or of all nodes (''). What is set then. */
  changeNodeConfigs(node: string, change: (configs: TopicConfigs) => TopicConfigs): Promise<TopicConfigs>;
  alterPartitions(request: InSyncRequest): Promise<Outcome<readonly Outcome<PartitionImage>[]>>;
  /** The node will fetch it anew. */
  dropDamagedCopy(damaged: DamagedCopy): Promise<Outcome<null>>;
  electLeaders(request: ElectionRequest): Promise<readonly ElectionResult[]>;
  alterReassignments(
    asked: readonly Reassignment[],
    options?: { readonly allowReplicationFactorChange?: boolean },
  ): Promise<readonly Outcome<null>[]>;
  allocateProducerIds(from: { readonly node: number; readonly nodeEpoch: number }): Promise<Outcome<ProducerIds>>;
  /** Resolves when what is under way has ended. */
  close(): Promise<void>;
}

export function createController(options: ControllerOptions): Controller {
  const { log, clock, random } = options;
  const { image } = log;
  const queue = createCommandQueue(log);
  const sessions = createSessions({
    ...{ image, monotonicMs: clock.monotonicMs, timeoutMs: options.settings['broker.session.timeout.ms'] },
  });
  const duties = startDuties(options, { queue, sessions });

  const decide = <T>(decision: () => Outcome<Decision<T>>, { validateOnly = false }: ValidateOnly = {}) =>
    queue.run(() => {
      const command = commandOf(decision());
      return validateOnly ? { ...command, records: [] } : command;
    });
  const surely = <T>(decision: () => Decision<T>) =>
    queue.run(() => {
      const { records, reply } = decision();
      return { records, after: () => reply };
    });

  return {
    image,
    get isActive() {
      return log.isActive;
    },
    register: (registration) =>
      decide(() => registerNode(image, registration, { hearing: sessions, nextOffset: log.nextOffset })),
    async heartbeat(heartbeat) {
      const { node, epoch, metadataOffset } = heartbeat;
      // At once, and not in turn: a node is not to be fenced because commits are slow.
      if (log.isActive && image.nodes.get(node)?.epoch === epoch) sessions.heard(node, metadataOffset);
      const outcome = await queue.run(() => {
        const decision = hearNode(image, heartbeat, sessions);
        const { records, after } = commandOf(decision);
        const isMoving = decision.ok && heartbeat.wantShutDown && !decision.value.reply.shouldShutDown;
        if (!isMoving || records.length === 0) return { records, after };
        return {
          records,
          after: () => {
            sessions.shutdownAt(node, log.nextOffset - 1);
            return after();
          },
        };
      });
      duties.watch();
      return outcome;
    },
    async unregister(node) {
      const outcome = await decide(() => unregisterNode(image, node));
      if (outcome.ok) sessions.forget(node);
      return outcome;
    },
    createTopic: (topic, options) =>
      decide(() => createTopic(image, { ...topic, id: drawTopicId(random) }, random), options),
    growTopic: (request, options) => decide(() => growTopic(image, request, random), options),
    deleteTopic: (id) => decide(() => deleteTopic(image, id)),
    topicErased: (id) =>
      surely(() => ({ records: image.erasing.has(id) ? [{ kind: 'erased', id }] : [], reply: undefined })),
    catchUp: () => surely(() => ({ records: [], reply: undefined })),
    changeConfigs: (id, change) =>
      surely(() => {
        const topic = image.topicsById.get(id);
        if (topic === undefined) return { records: [], reply: null };
        const configs = change(topic.configs);
        return { records: [{ kind: 'configs', id, configs }], reply: { ...topic, configs } };
      }),
    changeNodeConfigs: (node, change) =>
      surely(() => {
        const configs = change(image.nodeConfigs.get(node) ?? {});
        return { records: [{ kind: 'nodeConfigs', node, configs }], reply: configs };
      }),
    alterPartitions: (request) => decide(() => alterPartitions(image, request)),
    dropDamagedCopy: (damaged) => decide(() => dropDamagedCopy(image, damaged)),
    electLeaders: (request) => surely(() => electLeaders(image, request)),
    alterReassignments: (asked, options) => surely(() => alterReassignments(image, asked, options)),
    allocateProducerIds: (from) => decide(() => allocateProducerIds(image, from)),
    async close() {
      duties.stop();
      await queue.settled();
    },
  };
}
