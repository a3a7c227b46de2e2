// What a node of a script has on disk, and how a write changes it.
import type { Entry, HardState, Persist, Snapshot } from '../../../core/raft/types.ts';

export interface Disk {
  hardState: HardState;
  snapshot: Snapshot | null;
  /** From the snapshot's offset on. */
  entries: Entry[];
}

export const emptyDisk = (): Disk => ({ hardState: { epoch: 0, votedFor: null }, snapshot: null, entries: [] });

export function save(disk: Disk, { hardState, snapshot, truncateTo, append }: Persist): void {
  if (hardState !== null) disk.hardState = hardState;
  if (snapshot !== null) {
    disk.entries = disk.entries.slice(snapshot.offset - (disk.snapshot?.offset ?? 0));
    disk.snapshot = snapshot;
  }
  const start = disk.snapshot?.offset ?? 0;
  if (truncateTo !== null) disk.entries.length = Math.min(disk.entries.length, Math.max(0, truncateTo - start));
  if (append === null) return;
  disk.entries.length = append.offset - start;
  disk.entries.push(...append.entries);
}
