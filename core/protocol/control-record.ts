// The records of control batches: markers that end a transaction (KIP-98). Key: version and type, value: version and
// the epoch of the coordinator that wrote it. Other types (raft's, KIP-595) are skipped, not refused.
import { ByteReader } from '../kernel/byte-reader.ts';
import { ByteWriter } from '../kernel/byte-writer.ts';

const type = { abort: 0, commit: 1 } as const;

/** Key and value of the only record of a control batch. */
export function endTransactionMarker({
  commit,
  coordinatorEpoch,
}: {
  readonly commit: boolean;
  readonly coordinatorEpoch: number;
}): { key: Uint8Array; value: Uint8Array } {
  const key = new ByteWriter(16);
  key.int16(0);
  key.int16(commit ? type.commit : type.abort);
  const value = new ByteWriter(16);
  value.int16(0);
  value.int32(coordinatorEpoch);
  return { key: key.take(), value: value.take() };
}

/** What a control record's key says. @throws Fault `MALFORMED_BYTES` for a key of less than 4 bytes */
export function readControlRecord(key: Uint8Array): 'commit' | 'abort' | 'other' {
  const reader = new ByteReader(key);
  reader.skip(2); // a later version only adds fields behind the type
  const found = reader.int16();
  if (found === type.commit) return 'commit';
  return found === type.abort ? 'abort' : 'other';
}
