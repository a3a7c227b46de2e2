// The metadata log of a cluster: one entry a record, replicated among the controllers by consensus and followed by every
// node. The image is what the committed entries come to; a snapshot of it takes their place from time to time.
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Random } from '../kernel/random.ts';
import { type RaftDriver, startRaftDriver } from '../raft/driver.ts';
import type { Entry, Message, Persist, RaftTiming, SaidVoter, Snapshot, Voter } from '../raft/types.ts';
import { voterOf } from '../raft/voters.ts';
import type { Disk } from '../storage/disk.ts';
import type { Storage, StorageEngine } from '../storage/storage.ts';
import {
  applyRecord,
  type CatalogRecord,
  decodeRecord,
  emptyImage,
  encodeRecord,
  type MutableCatalogImage,
  snapshotOf,
  type TopicImage,
} from './catalog-record.ts';
import { catalogDatabase, quorumDatabase } from './database-names.ts';
import type { MetadataLog } from './metadata-log.ts';
import { createRaftDisk } from './raft-disk.ts';

export interface QuorumMetadataLogOptions {
  readonly nodeId: number;
  /** Ids of the controllers, as long as the log itself doesn't say. A node that isn't among them follows without a vote. */
  readonly voters: readonly number[];
  readonly engine: StorageEngine;
  readonly send: (to: number, message: Message) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly timing?: Partial<RaftTiming>;
  /** Entries beyond those of a snapshot before one is made. Default 2,000. */
  readonly entriesOverSnapshotMax?: number;
  /** Is told of writes that fail. */
  readonly disk?: Disk;
  /** Topics that changed, came or went with what was just applied, and whether settings of nodes may have changed. */
  readonly onApplied: (topics: readonly TopicImage[], gone: readonly TopicImage[], nodeConfigs: boolean) => void;
}

export interface QuorumMetadataLog extends MetadataLog {
  readonly quorum: RaftDriver['raft'];
  /** Who votes, and where those are whom somebody added by their address. */
  readonly voters: readonly Voter[];
  /** First offset that isn't in the image. */
  readonly appliedOffset: number;
  receive(message: Message): void;
  /** Resolves when all below `offset` is in the image. */
  applied(offset: number): Promise<void>;
  /** On the leader: whether all nodes that were heard of lately have the log up to there. */
  isKnownTo(offset: number): boolean;
  /** On the leader; one comes or goes. @throws Fault `VOTERS_NOT_CHANGED`, `NOT_CONTROLLER` */
  changeVoters(voters: readonly SaidVoter[]): Promise<void>;
  resign(): void;
  close(): Promise<void>;
}

/** A node that hasn't asked for so long isn't waited for. */
const heardMsMax = 1_000;

const nodeIdKey = Buffer.from('i');

/** A vote is a node's own: on another's disk it might be given twice. @throws Fault `STORAGE_OF_ANOTHER` */
async function openOwn({ engine, nodeId }: QuorumMetadataLogOptions): Promise<Storage> {
  const given = `node ${nodeId} of a cluster`;
  if ((await engine.list()).includes(catalogDatabase))
    throw new Fault('STORAGE_OF_ANOTHER', { of: 'a node without a cluster', given });
  const storage = await engine.open(quorumDatabase);
  const known = await storage.get(nodeIdKey);
  const owner = known === undefined ? nodeId : Number(Buffer.from(known).toString());
  if (owner !== nodeId) {
    await storage.close();
    throw new Fault('STORAGE_OF_ANOTHER', { of: `node ${owner} of a cluster`, given });
  }
  if (known === undefined)
    await storage.write([{ type: 'put', key: nodeIdKey, value: Buffer.from(String(nodeId)) }], { sync: true });
  return storage;
}

/** @throws Fault `STORAGE_OF_ANOTHER` for the folder of another node, or of one that was alone */
export async function openQuorumMetadataLog(options: QuorumMetadataLogOptions): Promise<QuorumMetadataLog> {
  let storage = await openOwn(options);
  let hasFailed = false;
  const image = emptyImage();
  const listeners = new Set<() => void>();
  let appliedOffset = 0;
  let waiting: { readonly offset: number; readonly resolve: () => void }[] = [];
  let driver: RaftDriver | null = null;

  const isActive = () => {
    const role = driver?.raft.role;
    return role?.kind === 'leader' && driver!.raft.highWatermark > role.sinceOffset;
  };

  function advance(offset: number): void {
    appliedOffset = offset;
    const due = waiting.filter((one) => one.offset <= offset);
    waiting = waiting.filter((one) => one.offset > offset);
    for (const { resolve } of due) resolve();
  }

  function onCommitted(offset: number, entries: readonly Entry[]): void {
    const before = new Map(image.topicsById);
    let nodeConfigs = false;
    for (const { kind, data } of entries) {
      if (kind !== 'data') continue;
      const record = decodeRecord(data);
      applyRecord(image, record);
      nodeConfigs ||= record.kind === 'nodeConfigs';
    }
    advance(offset + entries.length);
    report(before, nodeConfigs);
    compact();
  }

  function onSnapshot({ offset, data }: Snapshot): void {
    const before = new Map(image.topicsById);
    reset(image);
    for (const line of Buffer.from(data).toString().split('\n'))
      if (line !== '') applyRecord(image, decodeRecord(Buffer.from(line)));
    advance(offset);
    report(before, true);
  }

  function report(before: ReadonlyMap<string, TopicImage>, nodeConfigs: boolean): void {
    const changed = [...image.topicsById.values()].filter((topic) => before.get(topic.id) !== topic);
    const gone = [...before.values()].filter(({ id }) => !image.topicsById.has(id));
    options.onApplied(changed, gone, nodeConfigs);
  }

  function compact(): void {
    const log = driver?.raft.log;
    if (
      log === undefined ||
      appliedOffset - log.startOffset < snapshotOf(image).length + (options.entriesOverSnapshotMax ?? 2_000)
    )
      return;
    driver!.snapshot({
      offset: appliedOffset,
      epoch: log.epochAt(appliedOffset - 1),
      voters: log.votersBelow(appliedOffset)?.voters ?? options.voters,
      data: Buffer.from(
        snapshotOf(image)
          .map((record) => JSON.stringify(record))
          .join('\n'),
      ),
    });
  }

  const raftDisk = createRaftDisk(() => storage);

  /** After a failed write LevelDB may not find what is written behind it, unless it is opened anew in between. */
  async function persist(write: Persist): Promise<void> {
    try {
      if (hasFailed) {
        await options.disk?.tryOut();
        await storage.close();
        storage = await options.engine.open(quorumDatabase);
        hasFailed = false;
      }
      await raftDisk.persist(write);
    } catch (error) {
      hasFailed = true;
      options.disk?.failed(error);
      throw error;
    }
  }

  driver = await startRaftDriver({
    ...{
      id: options.nodeId,
      voters: options.voters,
      chance: () => options.random.next(),
      disk: { load: raftDisk.load, persist },
    },
    ...{ send: options.send, clock: options.clock, logger: options.logger, onCommitted, onSnapshot },
    ...(options.timing !== undefined && { timing: options.timing }),
    onChange: () => {
      for (const listener of [...listeners]) listener();
    },
  }).catch(async (error: unknown) => {
    await storage.close();
    throw error;
  });

  return {
    image,
    quorum: driver.raft,
    get voters() {
      const { log, voters } = driver!.raft;
      return log.votersBelow(log.end.offset)?.voters ?? voters.map(voterOf);
    },
    get nextOffset() {
      return driver!.raft.log.end.offset;
    },
    get isActive() {
      return isActive();
    },
    get appliedOffset() {
      return appliedOffset;
    },
    async propose(records: readonly CatalogRecord[]) {
      if (!isActive()) throw new Fault('NOT_CONTROLLER', {});
      await driver!.propose(records.map(encodeRecord));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    receive: driver.receive,
    applied: (offset) =>
      offset <= appliedOffset ? Promise.resolve() : new Promise((resolve) => waiting.push({ offset, resolve })),
    isKnownTo(offset) {
      const { role } = driver!.raft;
      if (role.kind !== 'leader') return true;
      const sinceMs = options.clock.monotonicMs() - heardMsMax;
      return [...role.progress.values()].every((one) => one.fetchedAtMs < sinceMs || one.endOffset >= offset);
    },
    changeVoters: driver.changeVoters,
    resign: driver.resign,
    async close() {
      listeners.clear();
      await driver!.close();
      await storage.close();
    },
  };
}

function reset(image: MutableCatalogImage): void {
  const { topics, topicsById, erasing, nodeConfigs, nodes } = image;
  for (const map of [topics, topicsById, erasing, nodeConfigs, nodes]) map.clear();
  image.clusterId = '';
  image.format = 0;
  image.nextProducerId = 0;
}
