// The disk of consensus: epoch and vote, the last snapshot, and the entries behind it, in a database of their own. Every
// write is synced, because a vote that is forgotten is a vote that can be given twice.

import type { RaftDisk } from '../raft/driver.ts';
import type { Persist, RaftOptions, Snapshot } from '../raft/types.ts';
import type { BatchOperation, Storage } from '../storage/storage.ts';

const hardStateKey = Buffer.from('a');
const snapshotKey = Buffer.from('b');
const entryPrefix = 'e'.charCodeAt(0);

function entryKey(offset: number): Uint8Array {
  const key = Buffer.alloc(9);
  key[0] = entryPrefix;
  key.writeBigUInt64BE(BigInt(offset), 1);
  return key;
}

const afterEntries = Buffer.from([entryPrefix + 1]);
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const parsed = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());

interface KeptSnapshot extends Omit<Snapshot, 'data'> {
  readonly data: string;
}

const kinds = ['data', 'began', 'voters'] as const;

/** Four bytes of epoch, one of kind, the rest its data. */
function encodeEntry({ epoch, kind, data }: RaftOptions['entries'][number]): Uint8Array {
  const bytes = Buffer.alloc(5 + data.length);
  bytes.writeUInt32BE(epoch);
  bytes[4] = kinds.indexOf(kind);
  bytes.set(data, 5);
  return bytes;
}

function decodeEntry(bytes: Uint8Array): RaftOptions['entries'][number] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { epoch: view.readUInt32BE(), kind: kinds[view[4]!]!, data: new Uint8Array(view.subarray(5)) };
}

/** @param open the database; another one after a failure */
export function createRaftDisk(open: () => Storage): RaftDisk {
  return {
    async load() {
      const storage = open();
      const hard = await storage.get(hardStateKey);
      const kept = await storage.get(snapshotKey);
      const entries = [];
      for await (const [, value] of storage.scan({ gte: entryKey(0), lt: afterEntries }))
        entries.push(decodeEntry(value));
      return {
        hardState: hard === undefined ? { epoch: 0, votedFor: null } : (parsed(hard) as RaftOptions['hardState']),
        snapshot: kept === undefined ? null : snapshotOf(parsed(kept) as KeptSnapshot),
        entries,
      };
    },
    async persist({ hardState, snapshot, truncateTo, append }: Persist) {
      const storage = open();
      const operations: BatchOperation[] = [];
      if (hardState !== null) operations.push({ type: 'put', key: hardStateKey, value: json(hardState) });
      if (snapshot !== null) {
        const value = json({ ...snapshot, data: Buffer.from(snapshot.data).toString('base64') });
        operations.push({ type: 'put', key: snapshotKey, value });
        for await (const [key] of storage.scan({ gte: entryKey(0), lt: entryKey(snapshot.offset) }))
          operations.push({ type: 'del', key });
      }
      if (truncateTo !== null)
        for await (const [key] of storage.scan({ gte: entryKey(truncateTo), lt: afterEntries }))
          operations.push({ type: 'del', key });
      for (const [i, entry] of (append?.entries ?? []).entries())
        operations.push({ type: 'put', key: entryKey(append!.offset + i), value: encodeEntry(entry) });
      if (operations.length > 0) await storage.write(operations, { sync: true });
    },
  };
}

const snapshotOf = ({ data, ...kept }: KeptSnapshot): Snapshot => ({ ...kept, data: Buffer.from(data, 'base64') });
