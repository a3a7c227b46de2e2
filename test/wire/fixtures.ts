// The bytes that Apache Kafka's own classes made of every message in every version, for the tests of the codecs.
import { readFileSync } from 'node:fs';
import { apiNames, apis } from '../../core/protocol/api-table.ts';
import * as groups from '../../core/protocol/messages/consumer-group-records.ts';
import * as internal from '../../core/protocol/messages/internal-records.ts';
import type { Message } from '../../core/protocol/schema.ts';

export interface MessageFixture {
  readonly message: string;
  readonly version: number;
  readonly kind: 'full' | 'nulls' | 'defaults';
  readonly bytes: Uint8Array;
  /** The fields that the version has. */
  readonly value: unknown;
}

/** Every message that there are fixtures of, by its name. */
export const messages: ReadonlyMap<string, Message> = new Map(
  [
    ...apiNames
      .filter((name) => name !== 'nodeCall') // ours alone
      .flatMap((name): readonly Message[] => [apis[name].request, apis[name].response]),
    internal.offsetCommitValue,
    internal.groupMetadataValue,
    internal.transactionLogValue,
    ...Object.values(groups).filter((entry) => typeof entry !== 'function'),
  ].map((message) => [message.name, message as Message]),
);

const file = new URL('./fixtures/messages.jsonl', import.meta.url);

type Row = readonly [message: string, version: number, kind: MessageFixture['kind'], hex: string, value: unknown];

export const messageFixtures: readonly MessageFixture[] = readFileSync(file, 'utf8')
  .split('\n')
  .slice(1)
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Row)
  .map(([message, version, kind, hex, value]) => ({
    message,
    version,
    kind,
    bytes: fromHex(hex),
    value: revive(value),
  }));

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

function revive(value: unknown): unknown {
  if (typeof value === 'string') {
    if (value.startsWith('hex:')) return fromHex(value.slice(4));
    return value.startsWith('n:') ? BigInt(value.slice(2)) : value;
  }
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revive(inner)]));
}
