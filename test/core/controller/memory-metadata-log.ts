// A metadata log in memory: every record applied so far, and two things that a replicated one does: another controller may
// take over, and what is proposed then is refused; commits may be held up.
import {
  applyRecord,
  type CatalogRecord,
  decodeRecord,
  emptyImage,
  encodeRecord,
} from '../../../core/controller/catalog-record.ts';
import type { MetadataLog } from '../../../core/controller/metadata-log.ts';
import { Fault } from '../../../core/kernel/fault.ts';

export interface MemoryMetadataLog extends MetadataLog {
  readonly records: readonly CatalogRecord[];
  setActive(isActive: boolean): void;
  /** Commits wait until it is called again with null. */
  holdUp(until: Promise<void> | null): void;
}

export function createMemoryMetadataLog(): MemoryMetadataLog {
  const image = emptyImage();
  const records: CatalogRecord[] = [];
  const listeners = new Set<() => void>();
  let isActive = true;
  let held: Promise<void> | null = null;
  return {
    image,
    records,
    get nextOffset() {
      return records.length;
    },
    get isActive() {
      return isActive;
    },
    async propose(proposed) {
      await held;
      if (!isActive) throw new Fault('NOT_CONTROLLER', {});
      for (const record of proposed) {
        records.push(record);
        applyRecord(image, decodeRecord(encodeRecord(record)));
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    setActive(now) {
      isActive = now;
      for (const listener of listeners) listener();
    },
    holdUp(until) {
      held = until;
    },
  };
}
