// What the controller in charge has heard of the nodes: when last, and how far each has read the metadata. Soft: a controller
// that takes over gives every node a whole session first, because it can't know what the one before had heard.
import type { CatalogImage } from './catalog-record.ts';
import type { Hearing } from './members.ts';
import { isActive } from './node-image.ts';

export interface Sessions extends Hearing {
  /** All nodes that are up begin a session now. */
  begin(): void;
  /** A node was heard of; `metadataOffset` is how far it says that it has read. */
  heard(node: number, metadataOffset: number): void;
  /** The record at `offset` is the last of those that moved leaders off the node. */
  shutdownAt(node: number, offset: number): void;
  forget(node: number): void;
  /** Nodes that are up by the image and have not been heard of within their session. */
  ended(): readonly number[];
  /** When the next session ends if nothing is heard; null where no node is up. */
  readonly nextEndMs: number | null;
}

interface Heard {
  /** Of the session's begin. */
  readonly atMs: number;
  readonly saidAtMs: number;
  readonly metadataOffset: number;
  readonly shutdownOffset: number;
}

const never: Heard = {
  atMs: Number.NEGATIVE_INFINITY,
  saidAtMs: Number.NEGATIVE_INFINITY,
  metadataOffset: -1,
  shutdownOffset: -1,
};

export function createSessions({
  image,
  monotonicMs,
  timeoutMs,
}: {
  image: CatalogImage;
  monotonicMs: () => number;
  /** `broker.session.timeout.ms` */
  timeoutMs: number;
}): Sessions {
  const heard = new Map<number, Heard>();
  const of = (node: number) => heard.get(node) ?? never;
  const endMs = (node: number) => of(node).atMs + timeoutMs;
  const up = () => [...image.nodes.values()].filter(({ fenced }) => !fenced);

  return {
    begin() {
      heard.clear();
      for (const { id } of up()) heard.set(id, { ...never, atMs: monotonicMs() });
    },
    heard(node, metadataOffset) {
      const nowMs = monotonicMs();
      heard.set(node, { ...of(node), atMs: nowMs, saidAtMs: nowMs, metadataOffset });
    },
    shutdownAt: (node, shutdownOffset) => void heard.set(node, { ...of(node), shutdownOffset }),
    forget: (node) => void heard.delete(node),
    ended: () => up().flatMap(({ id }) => (endMs(id) <= monotonicMs() ? [id] : [])),
    get nextEndMs() {
      const ends = up().map(({ id }) => endMs(id));
      return ends.length === 0 ? null : Math.min(...ends);
    },
    isHeard: (node) => of(node).saidAtMs > monotonicMs() - timeoutMs / 2,
    hasSession: (node) => endMs(node) > monotonicMs(),
    get lowestOffset() {
      const active = [...image.nodes.values()].filter(isActive);
      return Math.min(...active.map(({ id }) => of(id).metadataOffset));
    },
    shutdownOffset: (node) => of(node).shutdownOffset,
  };
}
